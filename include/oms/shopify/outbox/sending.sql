-- Which messages may go, and what became of them. Rules: orders-addendum.md I.

-- name: is_copied
select oms.is_restored()

-- name: is_next
-- A message waits for all of its lane whose end is not known, and for older ones that this run could send. Those of
-- kinds that other jobs send do not hold it up: these jobs may be paused.
message.status in ('PLANNED', 'SENT', 'UNKNOWN')
   and coalesce(message.shop_id, '') = coalesce(%(shop_id)s, '')
   and message.kind = any (%(kinds)s)
   and message.next_try_at <= clock_timestamp()
   and not exists (select from oms.outbox_message as other
                    where other.lane = message.lane
                      and other.message_id <> message.message_id
                      and (other.number < message.number or message.status = 'PLANNED')
                      and other.status in ('SENT', 'UNKNOWN'))
   and not exists (select from oms.outbox_message as before
                    where before.lane = message.lane
                      and before.number < message.number
                      and message.status = 'PLANNED'
                      and before.status = 'PLANNED'
                      and before.kind = any (%(kinds)s))

-- name: candidates
-- Lanes of which something may go, those that wait longest first.
select message.lane
  from oms.outbox_message as message
 where message.lane <> all (%(taken)s)
   and {is_next}
 order by message.number
 limit %(room)s

-- name: heads
-- What may go of each lane, as it is now that the lane is ours: one message at most.
select {message}
  from oms.outbox_message as message
 where message.lane = any (%(lanes)s)
   and {is_next}
 order by message.number

-- name: mark_sent
-- Committed before the call. What was withdrawn meanwhile is not returned.
update oms.outbox_message
   set status = 'SENT', attempts = attempts + 1,
       first_sent_at = coalesce(first_sent_at, clock_timestamp()), last_sent_at = clock_timestamp()
 where message_id = any (%(messages)s)
   and status in ('PLANNED', 'SENT', 'UNKNOWN')
returning message_id, first_sent_at, last_sent_at

-- name: mark_unknown
-- Its sender has died; what has become of it is looked up before anything else.
update oms.outbox_message
   set status = 'UNKNOWN'
 where message_id = any (%(messages)s)
   and status in ('SENT', 'UNKNOWN')

-- name: put_back
-- Not answered: PLANNED, for it was certainly not executed, or UNKNOWN. Without a pause it waits for a person.
update oms.outbox_message
   set status = %(status)s,
       first_sent_at = case when %(status)s = 'UNKNOWN' then first_sent_at end,
       last_sent_at = case when %(status)s = 'UNKNOWN' then last_sent_at end,
       failures = %(failures)s,
       next_try_at = clock_timestamp() + make_interval(secs => %(pause)s),
       error_code = %(code)s, error_message = %(text)s
 where message_id = %(message_id)s
   and status in ('PLANNED', 'SENT', 'UNKNOWN')

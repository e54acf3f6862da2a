-- What a person sees of the outbox and says of a message. Rules: orders-addendum.md I.

-- name: listed
-- What is open, and what was refused and neither sent again nor given up.
select message.message_id, message.number, message.shop_id, message.kind, message.subject, message.status,
       message.attempts, message.planned_at, message.last_sent_at, message.next_try_at,
       message.error_code, message.error_message,
       (select count(*)
          from oms.outbox_message as other
         where other.lane = message.lane
           and other.message_id <> message.message_id
           and other.status = 'PLANNED'
           and message.status in ('SENT', 'UNKNOWN')) as behind
  from oms.outbox_message as message
 where message.status in ('PLANNED', 'SENT', 'UNKNOWN', 'REJECTED')
   and (%(shop_id)s::text is null or message.shop_id = %(shop_id)s)
   and (%(number)s::bigint is null or message.number = %(number)s)
 order by message.number

-- name: lane_of
select lane from oms.outbox_message where number = %(number)s

-- name: status_of
select status from oms.outbox_message where number = %(number)s

-- name: in_hand
select {message}
  from oms.outbox_message as message
 where message.message_id = %(message_id)s
   for no key update of message

-- name: has_newer
-- A newer message on the same subject, whatever became of it, unless it was taken back.
select exists (select from oms.outbox_message as newer
                where newer.kind = old.kind
                  and newer.subject = old.subject
                  and newer.shop_id is not distinct from old.shop_id
                  and newer.number > old.number
                  and newer.status <> 'WITHDRAWN')
  from oms.outbox_message as old
 where old.number = %(number)s

-- name: try_now
update oms.outbox_message
   set next_try_at = clock_timestamp(), failures = 0
 where message_id = %(message_id)s

-- name: give_up
-- Whose word it was stays with the message.
update oms.outbox_message
   set status = 'GIVEN_UP', answered_at = coalesce(answered_at, clock_timestamp()),
       error_code = %(code)s, error_message = concat_ws('; ', %(text)s::text, error_message)
 where message_id = %(message_id)s

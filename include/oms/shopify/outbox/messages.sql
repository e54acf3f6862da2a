-- Messages of the outbox, from their planning to their end. Rules: orders-addendum.md I.

-- name: given
select *
  from unnest(%(subjects)s::text[], %(payloads)s::jsonb[], %(orders)s::bigint[], %(causes)s::text[])

-- name: insert
-- The lane: messages about one thing of the shop (an order) go one after the other; a mail has its own.
insert into oms.outbox_message (message_id, shop_id, kind, run_id, subject, payload, order_id, cause_key, lane)
select number.message_id, %(outbox_shop)s, %(outbox_kind)s, %(outbox_run)s,
       wanted.subject, wanted.payload, wanted.order_id, wanted.cause_key,
       case when %(outbox_shop)s::text is null then format('mail %%s', number.message_id)
            else format('%%s %%s', %(outbox_shop)s::text,
                        coalesce(wanted.payload #>> %(outbox_about)s::text[], wanted.subject))
       end
  from ({selected}) as wanted (subject, payload, order_id, cause_key)
 cross join lateral (select gen_random_uuid() as message_id, wanted.subject) as number
    on conflict (kind, cause_key) do nothing
returning number

-- name: of_message
-- What is known of a message in hand. Quiet: no call of it can be under way any more.
message.message_id, message.number, message.shop_id, message.order_id, message.kind, message.subject, message.lane,
       message.payload, message.status, message.attempts, message.failures, message.first_sent_at,
       message.last_sent_at,
       coalesce(message.first_sent_at < clock_timestamp() - %(key_lives)s::interval, false),
       coalesce(message.last_sent_at < clock_timestamp() - %(quiet_after)s::interval, true),
       exists (select from oms.outbox_message as newer
                where newer.kind = message.kind
                  and newer.subject = message.subject
                  and newer.shop_id is not distinct from message.shop_id
                  and newer.number > message.number
                  and newer.status = 'PLANNED'),
       array(select other.shopify_id
               from oms.outbox_message as other
              where other.lane = message.lane
                and other.shopify_id is not null
                and other.message_id <> message.message_id)

-- name: planned
select {message}
  from oms.outbox_message as message
 where message.kind = %(kind)s
   and message.status = 'PLANNED'
   and (message.order_id = %(order_id)s or message.subject = %(subject)s)
 order by message.number
   for no key update of message

-- name: end
update oms.outbox_message
   set status = %(status)s, answered_at = clock_timestamp(), shopify_id = coalesce(%(shopify_id)s, shopify_id),
       error_code = %(code)s, error_message = %(text)s
 where message_id = %(message_id)s
   and status in ('PLANNED', 'SENT', 'UNKNOWN')

-- name: replace
-- The same once more, under a key of its own.
insert into oms.outbox_message (shop_id, order_id, kind, subject, lane, payload, run_id, replaces_id, message_id)
select old.shop_id, old.order_id, old.kind, old.subject,
       case when old.shop_id is null then format('mail %%s', fresh.message_id) else old.lane end,
       old.payload, %(run_id)s, old.message_id, fresh.message_id
  from oms.outbox_message as old
 cross join (select gen_random_uuid() as message_id) as fresh
 where old.message_id = %(message_id)s
returning number

-- Batches whose outcome is not known, and what a person says of them. Rules: inventory.md 6.6, shopify.md 8.4.

-- name: open_batches
-- Calls without an answer, oldest first. Old: the key no longer keeps a second call from being applied.
select batch.batch_id, batch.shop_id, shop.connection_id, batch.mode, batch.status, batch.attempts,
       batch.first_sent_at, batch.last_sent_at, batch.error_code, batch.error_message, batch.run_id,
       batch.payload::jsonb ->> 'referenceDocumentUri' as reference,
       batch.first_sent_at + %(key_lives)s as key_until,
       batch.first_sent_at < clock_timestamp() - %(key_lives)s as is_old
  from oms.sync_batch as batch
  join oms.shop using (shop_id)
 where batch.status in ('SENT', 'UNKNOWN')
   and (%(shop_id)s::text is null or batch.shop_id = %(shop_id)s)
   and (%(batch)s::uuid is null or batch.batch_id = %(batch)s)
 order by batch.shop_id, batch.first_sent_at, batch.batch_id

-- name: shop_of_batch
select shop_id
  from oms.sync_batch
 where batch_id = %(batch)s

-- name: lock_batch
select status
  from oms.sync_batch
 where batch_id = %(batch)s
   for no key update

-- name: note_decision
-- Whose word it was stays with the batch.
update oms.sync_batch
   set error_code = %(code)s, error_message = %(message)s
 where batch_id = %(batch)s

-- name: ring
-- The location was left alone; the pushes take up now what has changed there meanwhile.
select pg_notify('oms_stock_changed', '')

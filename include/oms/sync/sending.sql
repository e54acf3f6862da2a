-- name: open_batches
-- Batches of a shop that touch certain locations and are not answered for: those that were sent before the
-- others, oldest first.
select batch.batch_id, batch.payload, batch.status, batch.line_count, batch.attempts, batch.mode,
       batch.bulk_operation_id,
       batch.first_sent_at is not null
       and batch.first_sent_at < clock_timestamp() - %(key_lives)s as key_expired
  from oms.sync_batch as batch
 where batch.shop_id = %(shop_id)s
   and batch.status in ('PLANNED', 'SENT', 'UNKNOWN')
   and exists (select from oms.sync_line as line
                where line.batch_id = batch.batch_id
                  and line.shopify_location_id = any (%(locations)s))
 order by batch.status = 'PLANNED', batch.created_at, batch.batch_id

-- name: locations_of_open_batches
-- Locations that share an open batch with any of the given ones (once; the caller repeats until nothing is new).
select distinct line.shopify_location_id
  from oms.sync_batch as batch
  join oms.sync_line as line using (batch_id)
 where batch.shop_id = %(shop_id)s
   and batch.status in ('PLANNED', 'SENT', 'UNKNOWN')
   and batch.batch_id in (select other.batch_id
                            from oms.sync_line as other
                            join oms.sync_batch as open_batch using (batch_id)
                           where open_batch.shop_id = %(shop_id)s
                             and open_batch.status in ('PLANNED', 'SENT', 'UNKNOWN')
                             and other.shopify_location_id = any (%(locations)s))

-- name: supersede!
-- Never-sent batches of RECENT and HARD: their difference is in the next plan, so their lines leave the book.
with gone as (
    update oms.sync_batch as batch
       set status = 'SUPERSEDED', answered_at = clock_timestamp()
     where batch.shop_id = %(shop_id)s
       and batch.status = 'PLANNED'
       and batch.mode in ('RECENT', 'HARD')
       and exists (select from oms.sync_line as line
                    where line.batch_id = batch.batch_id
                      and line.shopify_location_id = any (%(locations)s))
 returning batch.batch_id
), lines_gone as (
    update oms.sync_line as line
       set status = 'SUPERSEDED'
      from gone
     where line.batch_id = gone.batch_id
       and line.status = 'PLANNED'
 returning line.*
)
{into_book}
select shop_id, shopify_location_id, shopify_inventory_item_id, 'line_left', -delta, format('line_left:%%s', line_id)
  from lines_gone

-- name: mark_sent!
-- From here on nobody may claim that the batch was never sent; the key lives from its first request.
update oms.sync_batch
   set status = case status when 'UNKNOWN' then 'UNKNOWN' else 'SENT' end,
       attempts = attempts + 1,
       first_sent_at = coalesce(first_sent_at, clock_timestamp()),
       last_sent_at = clock_timestamp()
 where batch_id = any (%(batches)s)

-- name: follow!
update oms.sync_batch
   set bulk_operation_id = %(operation)s
 where batch_id = any (%(batches)s)

-- name: keys_of
-- The batches of a bulk operation, in the order of the lines of its file.
select batch_id
  from oms.sync_batch
 where bulk_operation_id = %(operation)s
 order by batch_id

-- name: mark_lines!
update oms.sync_line
   set status = %(status)s
 where batch_id = any (%(batches)s)
   and status in ('PLANNED', 'UNKNOWN')

-- name: mark_unsent!
-- The only call was answered as not executed: the batch was never sent.
update oms.sync_batch
   set status = 'PLANNED', first_sent_at = null, error_code = %(code)s, error_message = %(message)s
 where batch_id = any (%(batches)s)

-- name: mark_unknown!
update oms.sync_batch
   set status = 'UNKNOWN', error_code = %(code)s, error_message = %(message)s
 where batch_id = any (%(batches)s)

-- name: mark_applied!
update oms.sync_batch as batch
   set status = 'APPLIED', answered_at = clock_timestamp(), adjustment_group_id = answer.adjustment_group,
       error_code = null, error_message = null
  from unnest(%(batches)s::uuid[], %(groups)s::text[]) as answer (batch_id, adjustment_group)
 where batch.batch_id = answer.batch_id

-- name: mark_rejected!
update oms.sync_batch
   set status = 'REJECTED', answered_at = clock_timestamp(), error_code = %(code)s, error_message = %(message)s
 where batch_id = %(batch)s

-- name: lines_of_batch
-- In the order of the payload.
select line_id, shopify_location_id, shopify_inventory_item_id, delta
  from oms.sync_line
 where batch_id = %(batch)s
 order by shopify_inventory_item_id, shopify_location_id

-- name: reject_lines!
-- Refused lines leave the book.
with refused as (
    update oms.sync_line as line
       set status = 'REJECTED', error_code = reason.code, error_message = reason.message
      from unnest(%(lines)s::bigint[], %(codes)s::text[], %(messages)s::text[]) as reason (line_id, code, message)
     where line.line_id = reason.line_id
 returning line.*
)
{into_book}
select shop_id, shopify_location_id, shopify_inventory_item_id, 'line_left', -delta, format('line_left:%%s', line_id)
  from refused

-- name: levels_of_lines
select shop_id, shopify_location_id, shopify_inventory_item_id, error_code
  from oms.sync_line
 where line_id = any (%(lines)s)

-- name: add_batch
-- The good lines of a refused batch go on in a batch of their own.
insert into oms.sync_batch (batch_id, shop_id, mode, payload, line_count, run_id, replaces_batch_id)
select %(batch)s, old.shop_id, old.mode, made.payload, made.line_count, %(run_id)s, old.batch_id
  from oms.sync_batch as old
 cross join (select count(*) as line_count,
                    oms.push_payload(%(batch)s, %(run_in_uri)s,
                                     string_agg(oms.push_change(shopify_location_id, shopify_inventory_item_id, delta),
                                                ',' order by shopify_inventory_item_id, shopify_location_id)) as payload
               from oms.sync_line
              where line_id = any (%(lines)s)) as made
 where old.batch_id = %(replaces)s
returning payload

-- name: move_lines!
update oms.sync_line
   set batch_id = %(batch)s, status = 'PLANNED'
 where line_id = any (%(lines)s)

-- name: known_of_batch
-- What each level of a batch would show according to the OMS, to compare with what Shopify shows.
select line.line_id, line.shopify_location_id, line.shopify_inventory_item_id, line.delta, line.guarded,
       line.compared_with, level.book,
       coalesce((select sum(held.units)
                   from oms.level_held as held
                  where held.shop_id = line.shop_id
                    and held.shopify_location_id = line.shopify_location_id
                    and held.product_id = line.product_id
                    and coalesce(held.sold_from, line.shopify_inventory_item_id) = line.shopify_inventory_item_id
                    and (location.physical_basis <> 'QOH' or location.facility_group_id is not null
                         or held.is_off_shelf)), 0) as told,
       location.physical_basis = 'QOH' and location.facility_group_id is null as by_on_hand,
       location.location_name, product.internal_name
  from oms.sync_line as line
  join oms.product using (product_id)
  join oms.sync_level as level using (shop_id, shopify_location_id, shopify_inventory_item_id)
  join oms.shop_location as location using (shop_id, shopify_location_id)
 where line.batch_id = %(batch)s
 order by line.shopify_location_id, line.shopify_inventory_item_id

-- name: left_over
-- What is not answered for, of the given locations.
select count(line.line_id), min(batch.created_at),
       coalesce(array_agg(distinct line.shopify_location_id) filter (where line.line_id is not null), '{}')
  from oms.sync_batch as batch
  join oms.sync_line as line using (batch_id)
 where batch.shop_id = %(shop_id)s
   and batch.status in ('PLANNED', 'SENT', 'UNKNOWN')
   and batch.batch_id in (select other.batch_id
                            from oms.sync_line as other
                           where other.shop_id = %(shop_id)s
                             and other.shopify_location_id = any (%(locations)s))

-- Lines, batches, books and marks. Rules: inventory.md 6.3, 6.4, 6.7, 6.8.

-- name: number_lines!
-- The lines of the plan in the order in which they are batched, each with the key of its batch.
with numbered as (
    select level.*,
           row_number() over (order by shopify_inventory_item_id, shopify_location_id) - 1 as number
      from pg_temp.plan_level as level
     where outcome = 'LINE'
), key as materialized (
    select batch, gen_random_uuid() as batch_id
      from generate_series(0, (select count(*) / %(limit)s from numbered)) as batch
)
insert into pg_temp.plan_line
select number, key.batch_id, shopify_location_id, shopify_inventory_item_id, product_id, guarded, compared_with,
       desired, delta
  from numbered
  join key on key.batch = number / %(limit)s
 order by number

-- name: store_batches
-- The batches of some of the numbered lines, their payload frozen.
with made as (
    select batch_id, min(number) as number, count(*) as line_count,
           oms.push_payload(batch_id, %(run_in_uri)s,
                            string_agg(oms.push_change(shopify_location_id, shopify_inventory_item_id, delta), ','
                                       order by number)) as payload
      from pg_temp.plan_line
     where number >= %(first)s
       and number < %(end)s
     group by batch_id
), stored as (
    insert into oms.sync_batch (batch_id, payload, line_count, shop_id, mode, run_id)
    select batch_id, payload, line_count, %(shop_id)s, %(mode)s, %(run_id)s
      from made
)
select batch_id, payload, line_count
  from made
 order by number

-- name: store_lines!
insert into oms.sync_line
       (batch_id, shop_id, shopify_location_id, shopify_inventory_item_id, product_id, guarded, compared_with,
        desired, delta)
select batch_id, %(shop_id)s, shopify_location_id, shopify_inventory_item_id, product_id, guarded, compared_with,
       desired, delta
  from pg_temp.plan_line
 where number >= %(first)s
   and number < %(end)s
 order by number

-- name: book_lines!
-- A line is in the book from the moment it is planned.
{into_book}
select shop_id, shopify_location_id, shopify_inventory_item_id, 'line', delta, format('line:%%s', line_id)
  from oms.sync_line
 where batch_id = any (%(batches)s)

-- name: any_reading
select exists (select from pg_temp.plan_reading)

-- name: advance_marks!
-- The mark moves in the transaction that stores the lines of the changes it passes.
insert into oms.sync_mark (shop_id, shopify_location_id, snapshot, planned_at, planned_by)
select %(shop_id)s, location.id, %(snapshot)s::pg_snapshot, %(taken_at)s, %(run_id)s
  from unnest(%(locations)s::bigint[]) as location (id)
on conflict (shop_id, shopify_location_id) do update
   set snapshot = excluded.snapshot, planned_at = excluded.planned_at, planned_by = excluded.planned_by

-- name: note_complete!
-- A location all of whose levels were compared: mode DELTA holds back only what came later.
update oms.shop_location
   set compared = %(snapshot)s::pg_snapshot, compared_at = now()
 where shop_id = %(shop_id)s
   and shopify_location_id = any (%(locations)s)

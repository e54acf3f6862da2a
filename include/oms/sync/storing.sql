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

-- name: open_books!
-- A level that is compared for the first time gets its opening: what was seen, less K, less the acts booked so far.
insert into oms.sync_book
       (shop_id, shopify_location_id, shopify_inventory_item_id, kind, amount, cause_key)
select %(shop_id)s, shopify_location_id, shopify_inventory_item_id, 'opening', seen - told - book,
       format('opening:%%s:%%s:%%s', %(plan_id)s::text, shopify_location_id, shopify_inventory_item_id)
  from pg_temp.plan_level
 where not opened
   and outcome in ('LINE', 'UNCHANGED')

-- name: set_books!
-- An unguarded comparison makes the book the desired figure, once its line is added. Where nothing is sent
-- because Shopify's figure is below 0, a book below 0 stays too. A level that is emptied keeps in its book what was
-- sold and is not imported yet: should that be cancelled, it is offered again, and no change of ours will come by.
with book_before as (
    select level.*, case when opened then book else seen - told end as before
      from pg_temp.plan_level as level
     where not guarded
       and outcome in ('LINE', 'UNCHANGED')
), wanted as (
    select book_before.*,
           case when emptied and not by_on_hand then greatest(committed - told, 0)
                when desired = 0 and compared_with < 0 then least(before, 0)
                else desired end
           - coalesce(delta, 0) - before as amount
      from book_before
)
insert into oms.sync_book
       (shop_id, shopify_location_id, shopify_inventory_item_id, kind, amount, cause_key)
select %(shop_id)s, shopify_location_id, shopify_inventory_item_id, 'set', amount,
       format('set:%%s:%%s:%%s', %(plan_id)s::text, shopify_location_id, shopify_inventory_item_id)
  from wanted
 where amount <> 0

-- name: book_drifts!
-- What two looks have found is in the book from now on; the line follows.
insert into oms.sync_book
       (shop_id, shopify_location_id, shopify_inventory_item_id, kind, amount, cause_key)
select %(shop_id)s, shopify_location_id, shopify_inventory_item_id, 'drift', drift,
       format('drift:%%s:%%s:%%s', %(plan_id)s::text, shopify_location_id, shopify_inventory_item_id)
  from pg_temp.plan_level
 where is_found
   and outcome in ('LINE', 'UNCHANGED')

-- name: keep_foreign_queues!
-- Of levels that were compared with Shopify.
update oms.sync_level as kept
   set foreign_queue = coalesce(level.foreign_queue, 0)
  from pg_temp.plan_level as level
 where kept.shop_id = %(shop_id)s
   and kept.shopify_location_id = level.shopify_location_id
   and kept.shopify_inventory_item_id = level.shopify_inventory_item_id
   and level.outcome in ('LINE', 'UNCHANGED')
   and level.seen is not null
   and kept.foreign_queue <> coalesce(level.foreign_queue, 0)

-- name: book_lines!
-- A line is in the book from the moment it is planned.
insert into oms.sync_book
       (shop_id, shopify_location_id, shopify_inventory_item_id, kind, amount, cause_key)
select shop_id, shopify_location_id, shopify_inventory_item_id, 'line', delta, format('line:%%s', line_id)
  from oms.sync_line
 where batch_id = any (%(batches)s)

-- name: note_comparisons!
-- Levels that were compared with Shopify: opened, no longer set aside, and (where the location as a whole was not
-- compared) seen up to the plan's snapshot.
insert into oms.sync_level as kept
       (shop_id, shopify_location_id, shopify_inventory_item_id, opened_at, compared)
select %(shop_id)s, shopify_location_id, shopify_inventory_item_id, now(), %(snapshot)s::pg_snapshot
  from pg_temp.plan_level
 where outcome in ('LINE', 'UNCHANGED')
   and seen is not null
   and (not opened or set_aside or not %(complete)s)
on conflict (shop_id, shopify_location_id, shopify_inventory_item_id) do update
   set opened_at = coalesce(kept.opened_at, excluded.opened_at),
       compared = excluded.compared,
       set_aside_code = null,
       set_aside_at = null

-- name: note_waiting!
-- Levels whose first comparison is put off.
insert into oms.sync_level as kept (shop_id, shopify_location_id, shopify_inventory_item_id, waits)
select %(shop_id)s, shopify_location_id, shopify_inventory_item_id, true
  from pg_temp.plan_level
 where outcome in ('SKIPPED_WAITS_FOR_STOCK', 'SKIPPED_BEING_FULFILLED', 'SKIPPED_TOO_MANY_DROPS')
on conflict (shop_id, shopify_location_id, shopify_inventory_item_id) do update
   set waits = true
 where not kept.waits

-- name: forget_waiting!
update oms.sync_level as kept
   set waits = false
  from pg_temp.plan_level as level
 where kept.shop_id = %(shop_id)s
   and kept.waits
   and kept.shopify_location_id = level.shopify_location_id
   and kept.shopify_inventory_item_id = level.shopify_inventory_item_id
   and level.outcome not in ('SKIPPED_WAITS_FOR_STOCK', 'SKIPPED_BEING_FULFILLED', 'SKIPPED_TOO_MANY_DROPS')

-- name: any_reading
select exists (select from pg_temp.plan_reading)

-- name: note_looks!
-- What a guarded look has found beside what is known; acted on at the second look only (inventory.md 6.7).
insert into oms.sync_look as kept
       (shop_id, shopify_location_id, shopify_inventory_item_id, drift, seen, known, snapshot, run_id)
select %(shop_id)s, shopify_location_id, shopify_inventory_item_id,
       drift, seen, book + told, %(snapshot)s::pg_snapshot, %(run_id)s
  from pg_temp.plan_level
 where drift <> 0
   and not is_found
   and outcome in ('LINE', 'UNCHANGED')
on conflict (shop_id, shopify_location_id, shopify_inventory_item_id) do update
   set drift = excluded.drift, seen = excluded.seen, known = excluded.known, snapshot = excluded.snapshot,
       tx = excluded.tx, looked_at = excluded.looked_at, run_id = excluded.run_id
 where kept.drift <> excluded.drift
    or oms.is_due(kept)

-- name: forget_looks!
-- A look that finds nothing, the same again, or no level at all, ends what the look before it had found. One that
-- does not count leaves it.
delete from oms.sync_look as look
 using pg_temp.plan_level as level
 where look.shop_id = %(shop_id)s
   and look.shopify_location_id = level.shopify_location_id
   and look.shopify_inventory_item_id = level.shopify_inventory_item_id
   and (level.outcome in ('SKIPPED_UNMAPPED', 'SKIPPED_UNTRACKED', 'SKIPPED_NOT_STOCKED')
        or (level.outcome in ('LINE', 'UNCHANGED')
            and (not level.guarded or not level.opened or level.drift = 0 or level.is_found)))

-- name: note_unimported!
-- Units that Shopify holds committed beyond what the OMS knows: the fewest at any look since then (6.8).
insert into oms.sync_untaken as kept (shop_id, shopify_location_id, shopify_inventory_item_id, units)
select %(shop_id)s, shopify_location_id, shopify_inventory_item_id, committed - told
  from pg_temp.plan_level
 where guarded
   and not by_on_hand
   and outcome in ('LINE', 'UNCHANGED')
   and committed > told
on conflict (shop_id, shopify_location_id, shopify_inventory_item_id) do update
   set units = excluded.units
 where kept.units > excluded.units

-- name: forget_unimported!
delete from oms.sync_untaken as waiting
 using pg_temp.plan_level as level
 where waiting.shop_id = %(shop_id)s
   and waiting.shopify_location_id = level.shopify_location_id
   and waiting.shopify_inventory_item_id = level.shopify_inventory_item_id
   and level.outcome in ('LINE', 'UNCHANGED')
   and (not level.guarded or level.committed <= level.told)

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

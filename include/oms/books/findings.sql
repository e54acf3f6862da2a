-- What a comparison of levels with Shopify leaves in their books. Rules: inventory.md 6.7, 6.8, INV-50.

-- name: make_workspace!
-- The levels under comparison; lives as long as the session. Who compares fills it and decides `outcome` and `delta`.
create temp table if not exists plan_level (
    shopify_location_id       bigint,
    shopify_inventory_item_id bigint,
    product_id                bigint,
    guarded                   boolean,
    by_book                   boolean,
    by_on_hand                boolean,
    desired                   integer,
    book                      bigint,
    told                      bigint,
    opened                    boolean,
    set_aside                 boolean,
    foreign_queue             integer,
    unsettled                 boolean,
    emptied                   boolean,
    look_drift                integer,
    committed                 integer,
    seen                      integer,
    drift                     integer,
    is_found                  boolean,
    compared_with             integer,
    delta                     integer,
    outcome                   text
);
truncate pg_temp.plan_level

-- name: judge_looks!
-- Which levels may be acted on, as of the plan's snapshot: an import of orders that began after the first look
-- has ended, and nothing was learned since that moves one side alone (inventory.md 6.7). And at which a
-- fulfilment of ours is on its way, so that this look does not count.
with looked as (
    select look.shopify_location_id, look.shopify_inventory_item_id, look.drift
      from oms.sync_look as look
     where look.shop_id = %(shop_id)s
       and look.shopify_location_id = any (%(locations)s)
       and oms.is_due(look)
       and not exists (select from oms.sync_learned as fact
                        where fact.shop_id = look.shop_id
                          and fact.shopify_location_id = look.shopify_location_id
                          and fact.shopify_inventory_item_id = look.shopify_inventory_item_id
                          and fact.kind <> 'fulfilling'
                          and fact.tx >= pg_snapshot_xmin(look.snapshot)
                          and not pg_visible_in_snapshot(fact.tx, look.snapshot))
), under_way as (
    select distinct place.shopify_location_id, place.shopify_inventory_item_id
      from oms.level_under_way as place
     where place.shop_id = %(shop_id)s
)
update pg_temp.plan_level as level
   set look_drift = looked.drift,
       unsettled = under_way.shopify_location_id is not null
  from (select shopify_location_id, shopify_inventory_item_id from looked
        union
        select shopify_location_id, shopify_inventory_item_id from under_way) as noted
  left join looked using (shopify_location_id, shopify_inventory_item_id)
  left join under_way using (shopify_location_id, shopify_inventory_item_id)
 where level.shopify_location_id = noted.shopify_location_id
   and level.shopify_inventory_item_id = noted.shopify_inventory_item_id
   and level.guarded

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

-- name: set_aside!
update oms.sync_level as level
   set set_aside_code = refused.code, set_aside_at = now()
  from unnest(%(shops)s::text[], %(locations)s::bigint[], %(items)s::bigint[], %(codes)s::text[])
       as refused (shop_id, shopify_location_id, shopify_inventory_item_id, code)
 where level.shop_id = refused.shop_id
   and level.shopify_location_id = refused.shopify_location_id
   and level.shopify_inventory_item_id = refused.shopify_inventory_item_id

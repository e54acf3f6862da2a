-- Candidates and their figures in the workspace of a session. Rules: inventory.md 2.4, 6.2, 6.5, 6.7.

-- name: file_comes_in
-- Whether a file that changes balances is on its way in.
select exists (select from oms.import_log as log
                where log.domain = 'BALANCE'
                  and log.closed_at is null
                  and (log.status = 'DmlsLanding'
                       or (log.status in ('DmlsPending', 'DmlsQueued', 'DmlsRunning', 'DmlsCrashed')
                           and exists (select from oms.import_chunk as chunk
                                        where chunk.load_id = log.load_id
                                          and chunk.applied_at is null))))

-- name: without_stock
-- Locations of these whose first comparison would be too early: no facility behind them has a position yet, or a
-- file that changes balances is on its way in. A mark alone does not say that anything was compared: the plan that
-- stored it may have known no product.
select location.shopify_location_id
  from oms.shop_location as location
 where location.shop_id = %(shop_id)s
   and location.shopify_location_id = any (%(locations)s)
   and not (exists (select from oms.sync_mark as mark
                     where mark.shop_id = location.shop_id
                       and mark.shopify_location_id = location.shopify_location_id)
            and exists (select from oms.sync_level as level
                         where level.shop_id = location.shop_id
                           and level.shopify_location_id = location.shopify_location_id
                           and level.opened_at is not null))
   and (%(file_comes_in)s
        or not exists (select from oms.inventory_item as item
                        where item.facility_id in (select behind.facility_id
                                                     from oms.location_facility as behind
                                                    where behind.shop_id = location.shop_id
                                                      and behind.shopify_location_id
                                                          = location.shopify_location_id)))

-- name: make_workspace!
-- What one plan works on; lives as long as the session.
create temp table if not exists plan_candidate (
    shopify_location_id bigint,
    product_id          bigint
);
create temp table if not exists plan_reading (
    shopify_location_id       bigint,
    shopify_inventory_item_id bigint,
    item_exists               boolean,
    tracked                   boolean,
    active                    boolean,
    available                 integer,
    committed                 integer,
    reserved                  integer,
    on_hand                   integer
);
create temp table if not exists plan_line (
    number                    integer,
    batch_id                  uuid,
    shopify_location_id       bigint,
    shopify_inventory_item_id bigint,
    product_id                bigint,
    guarded                   boolean,
    compared_with             integer,
    desired                   integer,
    delta                     integer
);
truncate pg_temp.plan_candidate, pg_temp.plan_reading, pg_temp.plan_line

-- name: select_all!
-- Every product that is mapped in the shop, at each of the locations.
insert into pg_temp.plan_candidate (shopify_location_id, product_id)
select distinct location.id, mapped.product_id
  from oms.shop_product as mapped
 cross join unnest(%(locations)s::bigint[]) as location (id)
 where mapped.shop_id = %(shop_id)s
   and mapped.thru_date is null

-- name: select_changed!
-- Products that a mark has not seen changing, with the kits and components that depend on them.
-- Visible now and not visible to the mark: late commits are taken once, an open transaction delays nobody.
with recursive touched as (
    select item.product_id
      from oms.inventory_ledger as ledger
      join oms.inventory_item as item using (inventory_item_id)
     where ledger.tx >= pg_snapshot_xmin(%(mark)s::pg_snapshot)
       and not pg_visible_in_snapshot(ledger.tx, %(mark)s::pg_snapshot)
       and (ledger.atp_diff <> 0 or ledger.qoh_diff <> 0)
    union
    select change.product_id
      from oms.product_change as change
     where change.tx >= pg_snapshot_xmin(%(mark)s::pg_snapshot)
       and not pg_visible_in_snapshot(change.tx, %(mark)s::pg_snapshot)
), with_components as (
    select product_id from touched
    union
    select assoc.component_product_id
      from with_components
      join oms.product_assoc as assoc on assoc.product_id = with_components.product_id
     where assoc.thru_date is null or assoc.thru_date > now()
), with_kits as (
    select product_id from with_components
    union
    select assoc.product_id
      from with_kits
      join oms.product_assoc as assoc on assoc.component_product_id = with_kits.product_id
     where assoc.thru_date is null or assoc.thru_date > now()
)
insert into pg_temp.plan_candidate (shopify_location_id, product_id)
select location.id, with_kits.product_id
  from with_kits
 cross join unnest(%(locations)s::bigint[]) as location (id)

-- name: select_booked!
-- Products whose book moved without a plan: acts of Shopify, drift, lines that left.
insert into pg_temp.plan_candidate (shopify_location_id, product_id)
select distinct entry.shopify_location_id, mapped.product_id
  from oms.sync_book as entry
  join oms.shop_product as mapped using (shop_id, shopify_inventory_item_id)
 where entry.tx >= pg_snapshot_xmin(%(mark)s::pg_snapshot)
   and not pg_visible_in_snapshot(entry.tx, %(mark)s::pg_snapshot)
   and entry.shop_id = %(shop_id)s
   and entry.shopify_location_id = any (%(locations)s)
   and entry.kind in ('act', 'drift', 'line_left')
   and mapped.thru_date is null

-- name: select_looked!
-- Levels with a look that a second one may confirm.
insert into pg_temp.plan_candidate (shopify_location_id, product_id)
select distinct look.shopify_location_id, mapped.product_id
  from oms.sync_look as look
  join oms.shop_product as mapped using (shop_id, shopify_inventory_item_id)
 where look.shop_id = %(shop_id)s
   and look.shopify_location_id = any (%(locations)s)
   and mapped.thru_date is null
   and oms.is_due(look)

-- name: select_dated!
-- Products whose figure a date has moved since the last plan: a facility, or the holder of thresholds, joined or
-- left a channel or a store, a component a kit. Dates that had come when they were entered left a product_change.
with dated as (
    select facility_id, from_date, thru_date from oms.facility_group_member
    union all
    select facility_id, from_date, thru_date from oms.product_store_facility
), moved as (
    select facility_id
      from dated
     where (from_date > %(planned_at)s and from_date <= now())
        or (thru_date > %(planned_at)s and thru_date <= now())
), touched as (
    select item.product_id
      from oms.inventory_item as item
     where item.facility_id in (select moved.facility_id from moved)
    union
    select setting.product_id
      from oms.product_facility as setting
     where setting.facility_id in (select moved.facility_id from moved)
    union
    select assoc.product_id
      from oms.product_assoc as assoc
     where (assoc.from_date > %(planned_at)s and assoc.from_date <= now())
        or (assoc.thru_date > %(planned_at)s and assoc.thru_date <= now())
)
insert into pg_temp.plan_candidate (shopify_location_id, product_id)
select location.id, touched.product_id
  from touched
 cross join unnest(%(locations)s::bigint[]) as location (id)

-- name: select_launched!
-- Products whose first 24 hours in the excluded category ended since the last plan: nothing holds them back now.
insert into pg_temp.plan_candidate (shopify_location_id, product_id)
select distinct location.id, member.product_id
  from oms.product_category_member as member
 cross join unnest(%(locations)s::bigint[]) as location (id)
 where member.category_id = %(category)s
   and least(member.thru_date, member.from_date + interval '24 hours') between %(planned_at)s and now()

-- name: select_waiting!
-- Levels whose first comparison was put off, and need not wait any more.
insert into pg_temp.plan_candidate (shopify_location_id, product_id)
select level.shopify_location_id, mapped.product_id
  from oms.sync_level as level
  join oms.shop_product as mapped using (shop_id, shopify_inventory_item_id)
 where level.shop_id = %(shop_id)s
   and level.shopify_location_id = any (%(locations)s)
   and level.waits
   and mapped.thru_date is null
   and not %(file_comes_in)s
   and exists (select from oms.location_facility as behind
                 join oms.inventory_item as item using (facility_id)
                where behind.shop_id = level.shop_id
                  and behind.shopify_location_id = level.shopify_location_id
                  and item.product_id = mapped.product_id)

-- name: add_candidates!
-- Products that the caller names.
insert into pg_temp.plan_candidate (shopify_location_id, product_id)
select %(location)s, product_id
  from unnest(%(products)s::bigint[]) as named (product_id)

-- name: forget_levels!
with forgotten as (
    delete from pg_temp.plan_candidate where shopify_location_id = %(location)s
)
delete from pg_temp.plan_level where shopify_location_id = %(location)s

-- name: held_back
-- Changes that mode DELTA leaves out until a comparison has seen them: reasons outside the group, store
-- stock of products just launched, reservations of foreign orders where the parameter says so. Never those of
-- a warehouse upload, which is pushed by itself (5.20, 6.8).
with withheld as materialized (
    select ledger.tx, item.product_id, item.facility_id,
           case when %(by_on_hand)s then ledger.qoh_diff else ledger.atp_diff end as quantity
      from oms.inventory_ledger as ledger
      join oms.inventory_item as item using (inventory_item_id)
      left join oms.order_shop as header on not %(include_foreign)s and header.order_id = ledger.order_id
      left join oms.facility on %(category)s::text is not null and facility.facility_id = item.facility_id
     where ledger.tx >= pg_snapshot_xmin(%(compared)s::pg_snapshot)
       and not pg_visible_in_snapshot(ledger.tx, %(compared)s::pg_snapshot)
       and not exists (select from oms.import_log as upload
                        where upload.log_id = ledger.log_id
                          and upload.config_id = 'IMP_INV_VAR_SHOPIFY')
       and (ledger.reason_id not in (select member.reason_id
                                       from oms.reason_group_member as member
                                      where member.reason_group_id = %(reason_group)s)
            or (not %(include_foreign)s and ledger.order_id is not null
                and header.shop_id is distinct from %(shop_id)s)
            or (facility.facility_type_id = 'RETAIL_STORE'
                and exists (select from oms.product_category_member as launched
                             where launched.category_id = %(category)s
                               and launched.product_id = item.product_id
                               and launched.from_date > now() - interval '24 hours'
                               and (launched.thru_date is null or launched.thru_date > now()))))
)
select product_id, facility_id, sum(quantity)::integer
  from withheld
 where not exists (select from oms.shop_product as mapped
                     join oms.sync_level as level using (shop_id, shopify_inventory_item_id)
                    where mapped.shop_id = %(shop_id)s
                      and mapped.product_id = withheld.product_id
                      and mapped.thru_date is null
                      and level.shopify_location_id = %(location)s
                      and pg_visible_in_snapshot(withheld.tx, level.compared))
 group by product_id, facility_id
 order by product_id, facility_id

-- name: add_consolidated!
-- Levels of a location that shows the online ATP of a channel, with their books and with the units that Shopify
-- holds committed of the very item: a product made again has another one. only_new: those never compared.
with told as (
    select held.shopify_inventory_item_id as item_id, sum(held.units) as quantity
      from oms.level_held as held
     where held.shopify_location_id = %(location)s
       and held.shop_id = %(shop_id)s
     group by item_id
)
insert into pg_temp.plan_level
       (shopify_location_id, shopify_inventory_item_id, product_id, guarded, by_book, by_on_hand,
        desired, book, told, opened, set_aside)
select %(location)s, mapped.shopify_inventory_item_id, mapped.product_id, %(guarded)s, %(by_book)s, false,
       figure.online_atp, coalesce(level.book, 0), coalesce(told.quantity, 0),
       level.opened_at is not null, level.set_aside_code is not null
  from oms.online_atp(%(group_id)s, %(products)s::bigint[], %(held_products)s::bigint[],
                      %(held_facilities)s::text[], %(held_quantities)s::integer[]) as figure
  join oms.shop_product as mapped
    on mapped.shop_id = %(shop_id)s and mapped.product_id = figure.product_id
   and mapped.shopify_inventory_item_id is not null and mapped.thru_date is null
  left join oms.sync_level as level
    on level.shop_id = %(shop_id)s and level.shopify_location_id = %(location)s
   and level.shopify_inventory_item_id = mapped.shopify_inventory_item_id
  left join told on told.item_id = mapped.shopify_inventory_item_id
 where not %(only_new)s or level.opened_at is null

-- name: add_physical!
-- Levels of a location that shows one facility. on_hand (basis QOH) holds the committed units: beside the book
-- are only those that have left QOH and Shopify does not know of yet (INV-50).
with told as (
    select held.shopify_inventory_item_id as item_id, sum(held.units) as quantity
      from oms.level_held as held
     where held.shopify_location_id = %(location)s
       and held.shop_id = %(shop_id)s
       and (%(basis)s <> 'QOH' or held.is_off_shelf)
     group by item_id
)
insert into pg_temp.plan_level
       (shopify_location_id, shopify_inventory_item_id, product_id, guarded, by_book, by_on_hand,
        desired, book, told, opened, set_aside)
select %(location)s, mapped.shopify_inventory_item_id, mapped.product_id, %(guarded)s, %(by_book)s, %(basis)s = 'QOH',
       figure.figure, coalesce(level.book, 0), coalesce(told.quantity, 0),
       level.opened_at is not null, level.set_aside_code is not null
  from oms.facility_figure(%(facility)s, %(basis)s, %(products)s::bigint[], %(held_products)s::bigint[],
                           %(held_facilities)s::text[], %(held_quantities)s::integer[]) as figure
  join oms.shop_product as mapped
    on mapped.shop_id = %(shop_id)s and mapped.product_id = figure.product_id
   and mapped.shopify_inventory_item_id is not null and mapped.thru_date is null
  left join oms.sync_level as level
    on level.shop_id = %(shop_id)s and level.shopify_location_id = %(location)s
   and level.shopify_inventory_item_id = mapped.shopify_inventory_item_id
  left join told on told.item_id = mapped.shopify_inventory_item_id
 where not %(only_new)s or level.opened_at is null

-- name: add_emptied!
-- Levels of a location that has lost its last facility, where it still offers units of ours.
insert into pg_temp.plan_level
       (shopify_location_id, shopify_inventory_item_id, product_id, guarded, by_book, by_on_hand,
        desired, book, told, opened, set_aside, emptied)
select offered.shopify_location_id, offered.shopify_inventory_item_id, offered.product_id, %(guarded)s, %(guarded)s,
       exists (select from oms.level_by_on_hand as place
                where place.shop_id = offered.shop_id
                  and place.shopify_location_id = offered.shopify_location_id),
       0, offered.units,
       coalesce((select sum(held.units)
                   from oms.level_held as held
                  where held.shopify_location_id = offered.shopify_location_id
                    and held.shop_id = offered.shop_id
                    and held.shopify_inventory_item_id = offered.shopify_inventory_item_id
                    and (held.sold_from is not null or held.is_tracked)), 0),
       true, false, true
  from oms.level_offered as offered
 where offered.shop_id = %(shop_id)s
   and offered.shopify_location_id = %(location)s

-- name: forget_new
-- Levels that were never compared, to be added again.
with forgotten as (
    delete from pg_temp.plan_level
     where shopify_location_id = %(location)s
       and not opened
    returning product_id
)
select coalesce(array_agg(distinct product_id), '{}')
  from forgotten

-- name: wait_for_stock!
-- A level that was never compared waits while a file that changes balances is on its way in, or (may_lack_stock: not
-- so) while nobody has told the stock of its product at any facility behind the location.
update pg_temp.plan_level as level
   set outcome = 'SKIPPED_WAITS_FOR_STOCK'
 where not level.opened
   and level.shopify_location_id = %(location)s
   and (%(file_comes_in)s
        or not %(may_lack_stock)s
           and not exists (select from oms.location_facility as behind
                             join oms.inventory_item as item using (facility_id)
                            where behind.shop_id = %(shop_id)s
                              and behind.shopify_location_id = level.shopify_location_id
                              and item.product_id = level.product_id))

-- name: note_foreign_queues!
-- Demand of orders from elsewhere without a reservation: what a comparison has seen, a run that leaves such orders
-- out takes as it was then.
update pg_temp.plan_level as level
   set foreign_queue = waiting.quantity
  from oms.foreign_queue(%(shop_id)s, %(group_id)s, %(facility)s) as waiting
 where level.shopify_location_id = %(location)s
   and level.product_id = waiting.product_id

-- name: held_queues
-- The queue of foreign orders as it has changed since the last comparison, as changes of the figure.
select mapped.product_id, %(facility)s::text,
       coalesce(level.foreign_queue, 0) - coalesce(waiting.quantity, 0)
  from oms.foreign_queue(%(shop_id)s, %(group_id)s, %(facility)s) as waiting
  full join (select known.product_id, seen.foreign_queue
               from oms.sync_level as seen
               join oms.shop_product as known using (shop_id, shopify_inventory_item_id)
              where seen.shop_id = %(shop_id)s
                and seen.shopify_location_id = %(location)s
                and seen.foreign_queue <> 0
                and known.thru_date is null) as level using (product_id)
 cross join lateral (select coalesce(waiting.product_id, level.product_id) as product_id) as mapped
 where coalesce(level.foreign_queue, 0) <> coalesce(waiting.quantity, 0)
 order by mapped.product_id

-- name: candidates_of
-- The distinct candidates of one location.
select coalesce(array_agg(distinct product_id), '{}')
  from pg_temp.plan_candidate
 where shopify_location_id = %(location)s

-- name: shop
-- The shop with what its product store decides about pushing.
select shop.shop_name, shop.push_enabled, shop.inventory_master, store.reserve_inventory
  from oms.shop
  join oms.product_store as store using (product_store_id)
 where shop.shop_id = %(shop_id)s

-- name: locations
-- The mapped locations of a shop that receive figures, with what is mapped to each.
select location.shopify_location_id,
       location.sync_mode,
       location.physical_basis,
       location.facility_group_id,
       location.compared::text as compared,
       min(mark.snapshot::text) as mark,
       min(mark.planned_at) as planned_at,
       array_agg(mapped.facility_id order by mapped.facility_id) filter (where not kind.is_virtual) as physical,
       bool_or(kind.is_virtual) as has_virtual,
       bool_or(exists (select from oms.facility_group_member as member
                        where member.facility_id = mapped.facility_id
                          and member.facility_group_id = %(shopify_facility_group)s
                          and member.from_date <= now()
                          and (member.thru_date is null or member.thru_date > now()))) as in_shopify_group,
       bool_or(exists (select from oms.facility_group_member as member
                        where member.facility_id = mapped.facility_id
                          and member.facility_group_id = any (%(facility_groups)s)
                          and member.from_date <= now()
                          and (member.thru_date is null or member.thru_date > now()))) as in_groups,
       bool_and(not exists (select from oms.facility_group_member as member
                              join oms.facility_group as channel using (facility_group_id)
                             where member.facility_id = mapped.facility_id
                               and channel.facility_group_type = 'CHANNEL_FAC_GROUP'
                               and member.from_date <= now()
                               and (member.thru_date is null or member.thru_date > now()))) as in_no_channel
  from oms.shop_location as location
  join oms.shop_location_facility as mapped using (shop_id, shopify_location_id)
  join oms.facility using (facility_id)
  join oms.facility_type as kind using (facility_type_id)
  left join oms.sync_mark as mark using (shop_id, shopify_location_id)
 where location.shop_id = %(shop_id)s
   and location.sync_mode <> 'OFF'
 group by location.shop_id, location.shopify_location_id
 order by location.shopify_location_id

-- name: locations_to_empty
-- Locations that have lost their last facility and still offer units of ours, which nobody wants to leave there.
select location.shopify_location_id, location.sync_mode, location.physical_basis,
       location.compared::text as compared, mark.snapshot::text as mark, mark.planned_at
  from oms.shop_location as location
  left join oms.sync_mark as mark using (shop_id, shopify_location_id)
 where location.shop_id = %(shop_id)s
   and location.sync_mode <> 'OFF'
   and not location.leave_units
   and not exists (select from oms.shop_location_facility as mapped
                    where mapped.shop_id = location.shop_id
                      and mapped.shopify_location_id = location.shopify_location_id)
   and exists (select from oms.level_offered as offered
                where offered.shop_id = location.shop_id
                  and offered.shopify_location_id = location.shopify_location_id)
 order by location.shopify_location_id

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

-- name: locations_showing
-- Where stock of any of these facilities is part of the figure: mapped to it, or a member of its channel today.
select location.shopify_location_id
  from oms.shop_location as location
 where location.shop_id = %(shop_id)s
   and (exists (select from oms.shop_location_facility as mapped
                 where mapped.shop_id = location.shop_id
                   and mapped.shopify_location_id = location.shopify_location_id
                   and mapped.facility_id = any (%(facilities)s))
        or exists (select from oms.facility_group_member as member
                    where member.facility_group_id = location.facility_group_id
                      and member.facility_id = any (%(facilities)s)
                      and member.from_date <= now()
                      and (member.thru_date is null or member.thru_date > now())))

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
truncate pg_temp.plan_candidate, pg_temp.plan_reading, pg_temp.plan_level, pg_temp.plan_line

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
      from oms.order_item as item
      join oms.order_item_level as place using (order_id, order_item_seq)
     where item.fulfilling_since is not null
       and place.shop_id = %(shop_id)s
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

-- name: unmapped
-- Candidates that the shop does not know, or knows without an inventory item.
select count(*)
  from (select distinct candidate.shopify_location_id, candidate.product_id
          from pg_temp.plan_candidate as candidate
          join oms.product using (product_id)
         where not product.is_virtual
           and not exists (select from oms.shop_product as mapped
                            where mapped.shop_id = %(shop_id)s
                              and mapped.product_id = candidate.product_id
                              and mapped.shopify_inventory_item_id is not null
                              and mapped.thru_date is null)) as missing

-- name: held_back
-- Changes that mode DELTA leaves out until a comparison has seen them: reasons outside the group, store
-- stock of products just launched, reservations of foreign orders where the parameter says so. Never those of
-- a warehouse upload, which is pushed by itself (5.20, 6.8).
with withheld as materialized (
    select ledger.tx, item.product_id, item.facility_id,
           case when %(by_on_hand)s then ledger.qoh_diff else ledger.atp_diff end as quantity
      from oms.inventory_ledger as ledger
      join oms.inventory_item as item using (inventory_item_id)
      left join oms.order_header as header on not %(include_foreign)s and header.order_id = ledger.order_id
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
    select coalesce(item.shopify_inventory_item_id, variant.shopify_inventory_item_id) as item_id,
           sum(item.committed_quantity) as quantity
      from oms.order_item as item
      join oms.order_header as header using (order_id)
      left join oms.shop_product as variant
        on variant.shop_id = header.shop_id and variant.product_id = item.product_id and variant.thru_date is null
     where item.shopify_location_id = %(location)s
       and item.committed_quantity > 0
       and header.shop_id = %(shop_id)s
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
    select coalesce(item.shopify_inventory_item_id, variant.shopify_inventory_item_id) as item_id,
           sum(item.committed_quantity) as quantity
      from oms.order_item as item
      join oms.order_header as header using (order_id)
      left join oms.shop_product as variant
        on variant.shop_id = header.shop_id and variant.product_id = item.product_id and variant.thru_date is null
     where item.shopify_location_id = %(location)s
       and item.committed_quantity > 0
       and header.shop_id = %(shop_id)s
       and (%(basis)s <> 'QOH' or item.status = 'COMPLETED' or item.issued_quantity > 0)
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
       coalesce((select sum(item.committed_quantity)
                   from oms.order_item as item
                   join oms.order_item_level as sold using (order_id, order_item_seq)
                  where item.shopify_location_id = offered.shopify_location_id
                    and item.committed_quantity > 0
                    and sold.shop_id = offered.shop_id
                    and sold.shopify_inventory_item_id = offered.shopify_inventory_item_id), 0),
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

-- name: to_read
-- Levels to ask Shopify about.
select shopify_location_id, shopify_inventory_item_id
  from pg_temp.plan_level
 where outcome is null
 order by shopify_location_id, shopify_inventory_item_id

-- name: skip_set_aside!
-- Levels that Shopify refused are left until something gives a reason to try again (INV-54).
update pg_temp.plan_level
   set outcome = 'SKIPPED_SET_ASIDE'
 where set_aside

-- name: decide_from_readings!
-- Modes RECENT and HARD (inventory.md 6.3). Unguarded: desired - current. Guarded: desired - book, where a
-- level that is opened now has the book seen - K, and a drift that two looks have found is added to the book
-- (6.7). During a fulfilment of ours Shopify and K are not of one moment: the level is opened by a later run. A negative figure is never raised to 0: it records oversold units.
with started as (
    select distinct fact.shopify_location_id, fact.shopify_inventory_item_id
      from oms.sync_learned as fact
     where fact.kind = 'fulfilling'
       and fact.shop_id = %(shop_id)s
       and fact.tx >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot)
       and not pg_visible_in_snapshot(fact.tx, %(snapshot)s::pg_snapshot)
), looked as (
    select level.shopify_location_id, level.shopify_inventory_item_id, level.guarded, level.opened, level.book,
           level.look_drift, reading.committed,
           case when not reading.item_exists                    then 'SKIPPED_UNMAPPED'
                when not reading.tracked                        then 'SKIPPED_UNTRACKED'
                when reading.active is not true                 then 'SKIPPED_NOT_STOCKED'
                when reading.available is null                  then 'SKIPPED_UNTRACKED'
                when level.guarded and not level.opened
                     and (level.unsettled or started.shopify_location_id is not null)
                                                                then 'SKIPPED_BEING_FULFILLED'
           end as skip,
           case when level.by_on_hand then reading.on_hand else reading.available end as shown,
           look.seen,
           look.seen - level.told as without_told,
           case when level.guarded and level.opened and level.unsettled is not true
                     and started.shopify_location_id is null
                then look.seen - level.told - level.book end as drift
      from pg_temp.plan_level as level
      join pg_temp.plan_reading as reading using (shopify_location_id, shopify_inventory_item_id)
      left join started using (shopify_location_id, shopify_inventory_item_id)
     cross join lateral (select case when level.by_on_hand then reading.on_hand
                                     else reading.available + reading.committed + reading.reserved
                                end as seen) as look
     where level.outcome is null
), judged as (
    select looked.*, coalesce(drift <> 0 and drift = look_drift, false) as is_found,
           case when not guarded then shown
                when opened      then book + case when drift = look_drift then drift else 0 end
                else without_told end as base
      from looked
)
update pg_temp.plan_level as level
   set seen = judged.seen,
       committed = judged.committed,
       drift = judged.drift,
       is_found = judged.is_found,
       compared_with = judged.base,
       delta = case when judged.skip is null and not (level.desired = 0 and judged.base < 0)
                    then level.desired - judged.base end,
       outcome = coalesce(judged.skip,
                          case when level.desired = judged.base or (level.desired = 0 and judged.base < 0)
                               then 'UNCHANGED' else 'LINE' end)
  from judged
 where judged.shopify_location_id = level.shopify_location_id
   and judged.shopify_inventory_item_id = level.shopify_inventory_item_id

-- name: decide_from_books!
-- desired - book, without asking Shopify; a level that was never compared has no book yet.
update pg_temp.plan_level
   set compared_with = book,
       delta = case when opened and not (desired = 0 and book < 0) then desired - book end,
       outcome = case when not opened then 'SKIPPED_NOT_COMPARED'
                      when desired = book or (desired = 0 and book < 0) then 'UNCHANGED'
                      else 'LINE' end
 where outcome is null
   and by_book

-- name: take_again!
-- Levels that were activated a moment ago are judged again, from their new reading.
update pg_temp.plan_level as level
   set outcome = null
  from unnest(%(locations)s::bigint[], %(items)s::bigint[]) as wanted (location, item)
 where level.shopify_location_id = wanted.location
   and level.shopify_inventory_item_id = wanted.item

-- name: forget_readings!
truncate pg_temp.plan_reading

-- name: not_stocked
-- Levels to activate, with the quantity to start with.
select shopify_location_id, shopify_inventory_item_id, product_id, desired
  from pg_temp.plan_level
 where outcome = 'SKIPPED_NOT_STOCKED'
 order by shopify_location_id, shopify_inventory_item_id

-- name: outcomes
select outcome, count(*)
  from pg_temp.plan_level
 group by outcome

-- name: drifts
-- Levels at which a guarded look found something beside what is known: for the first time, or acted on now.
select count(*) filter (where not is_found), count(*) filter (where is_found)
  from pg_temp.plan_level
 where drift <> 0
   and outcome in ('LINE', 'UNCHANGED')

-- name: drops
-- For each of these locations: levels that can be sold now, and those of them that would be emptied. only_new: of
-- those compared for the first time.
select shopify_location_id,
       count(*) filter (where compared_with > 0)                                        as sellable,
       count(*) filter (where compared_with > 0 and desired = 0 and outcome = 'LINE')   as emptied
  from pg_temp.plan_level
 where shopify_location_id = any (%(locations)s)
   and (not %(only_new)s or not opened)
 group by shopify_location_id
 order by shopify_location_id

-- name: leave_out_new!
-- Levels compared for the first time stay as they are.
update pg_temp.plan_level
   set outcome = 'SKIPPED_TOO_MANY_DROPS', delta = null
 where shopify_location_id = %(location)s
   and not opened
   and outcome in ('LINE', 'UNCHANGED')

-- name: lines
-- The lines of the plan, for a dry run.
select shopify_location_id, shopify_inventory_item_id, product_id, guarded, compared_with, desired, delta
  from pg_temp.plan_level
 where outcome = 'LINE'
 order by shopify_inventory_item_id, shopify_location_id

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

-- name: long_unimported
-- Units of these locations that nobody has taken in for more than a day (inventory.md 6.8).
select waiting.shopify_location_id, waiting.shopify_inventory_item_id, product.product_id, product.internal_name,
       waiting.units, waiting.since,
       coalesce((select min(spelled.id_value)
                   from oms.product_identification as spelled
                  where spelled.product_id = product.product_id
                    and spelled.identification_type_id = 'SHOPIFY_PROD_SKU'
                    and spelled.from_date <= now()
                    and (spelled.thru_date is null or spelled.thru_date > now())), product.internal_name)
  from oms.sync_untaken as waiting
  join oms.shop_product as mapped using (shop_id, shopify_inventory_item_id)
  join oms.product using (product_id)
 where waiting.shop_id = %(shop_id)s
   and waiting.shopify_location_id = any (%(locations)s)
   and waiting.since < now() - interval '1 day'
   and mapped.thru_date is null
 order by waiting.since, product.product_id

-- name: open_looks
-- Looks at these locations: how many, how many of them imports have made due, and whether imports of orders and
-- of their changes are known for the shop at all.
select count(*), count(*) filter (where oms.is_due(look)),
       exists (select from oms.order_import as run where run.shop_id = %(shop_id)s and 'orders' = any (run.parts))
       and exists (select from oms.order_import as run where run.shop_id = %(shop_id)s and 'changes' = any (run.parts))
  from oms.sync_look as look
 where look.shop_id = %(shop_id)s
   and look.shopify_location_id = any (%(locations)s)

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

-- name: keep_changed!
-- Products that could not be served stay recent changes.
insert into oms.product_change (product_id, cause)
select distinct product_id, %(cause)s
  from unnest(%(products)s::bigint[]) as product (product_id)

-- What becomes of the levels in the workspace. Rules: inventory.md 6.2, 6.3, 6.7.

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
-- (6.7). During a fulfilment of ours Shopify and K are not of one moment: the level is opened by a later run.
-- A negative figure is never raised to 0: it records oversold units.
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
select shopify_location_id, shopify_inventory_item_id, product_id, compared_with, desired, delta
  from pg_temp.plan_level
 where outcome = 'LINE'
 order by shopify_inventory_item_id, shopify_location_id

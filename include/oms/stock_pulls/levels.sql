-- Levels as Shopify tells them become balances; see levels.py for import_change. Rules: inventory.md 5.4, 5.14.

-- name: holds_stock
select facility_id
  from oms.facility
  join oms.facility_type using (facility_type_id)
 where facility_id = %(facility_id)s
   and not is_virtual

-- name: freshen
-- The planner would take a table that was just made for a small one.
analyze pg_temp.import_change

-- name: facilities
select distinct facility_id from import_change

-- name: add_missing
-- Positions of levels that are not empty, in the order in which positions are locked.
insert into oms.inventory_item (product_id, facility_id, location_seq_id)
select product_id, facility_id, location_seq_id
  from import_change
 where inventory_item_id is null
   and quantity <> 0
 order by facility_id, product_id, location_seq_id
on conflict do nothing

-- name: judge
-- After the locks, to see what was committed meanwhile.
-- Not newer than what was applied to the level: the same once more, or an older word. Shopify's times are whole
-- seconds, so a figure of the same second counts if it is known to have been told later.
update import_change as change
   set verdict = case when change.updated_at = applied.updated_at
                       and change.quantity = applied.figure
                       and change.by_atp = applied.by_atp then 'UNCHANGED' else 'STALE' end
  from oms.shop_level_applied as applied
 where applied.shop_id = change.shop_id
   and applied.shopify_location_id = change.shopify_location_id
   and applied.shopify_inventory_item_id = change.shopify_inventory_item_id
   and (change.updated_at < applied.updated_at
        or (change.updated_at = applied.updated_at
            and ((change.quantity = applied.figure and change.by_atp = applied.by_atp)
                 or (change.told_at > applied.told_at) is not true)))

-- name: entries
-- A reset by ATP (available) or by QOH (on_hand): the difference to the locked position, on both.
select inventory_item_id, diff, diff, 'VAR_EXT_RESET', %(log_id)s, line_number, source_key, %(run_id)s, comments
  from (select change.*, change.quantity - case when change.by_atp then item.atp else item.qoh end as diff
          from import_change as change
          join oms.inventory_item as item using (inventory_item_id)
         where change.verdict is null) as difference
 where diff <> 0

-- name: remember
-- How far the level was taken in, also where nothing moved; the newest word stays. A word of the same second that says
-- the same once more is remembered by its time, or one between the two would count when it comes late.
insert into oms.shop_level_applied as kept
       (shop_id, shopify_location_id, shopify_inventory_item_id, figure, by_atp, updated_at, told_at)
select shop_id, shopify_location_id, shopify_inventory_item_id, quantity, by_atp, updated_at, told_at
  from import_change
 where verdict is null
    or verdict = 'UNCHANGED'
 order by shop_id, shopify_location_id, shopify_inventory_item_id
on conflict (shop_id, shopify_location_id, shopify_inventory_item_id) do update
   set figure = excluded.figure, by_atp = excluded.by_atp, updated_at = excluded.updated_at,
       told_at = case when excluded.updated_at = kept.updated_at then greatest(excluded.told_at, kept.told_at)
                      else excluded.told_at end
 where excluded.updated_at >= kept.updated_at

-- name: verdicts
select count(*) filter (where verdict is null), count(*) filter (where verdict = 'UNCHANGED'),
       count(*) filter (where verdict = 'STALE')
  from import_change

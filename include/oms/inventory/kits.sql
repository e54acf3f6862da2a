-- The balances of kits. Rules: inventory.md 2.5, 5.12.

-- name: mark
select snapshot::text, planned_at from oms.kit_mark

-- name: all_kits
select coalesce(array_agg(distinct product_id), '{}')
  from oms.product_assoc

-- name: changed_kits
-- Kits with a change that the mark had not seen: of a component's balance or its own, of a definition, of a setting of
-- a component; or with a date of the definition that has come since.
with touched as (
    select item.product_id
      from oms.inventory_ledger as ledger
      join oms.inventory_item as item using (inventory_item_id)
     where ledger.tx >= pg_snapshot_xmin(%(mark)s::pg_snapshot)
       and not pg_visible_in_snapshot(ledger.tx, %(mark)s::pg_snapshot)
       and ledger.atp_diff <> 0
     union
    select change.product_id
      from oms.product_change as change
     where change.tx >= pg_snapshot_xmin(%(mark)s::pg_snapshot)
       and not pg_visible_in_snapshot(change.tx, %(mark)s::pg_snapshot)
     union
    select product_id
      from oms.product_assoc
     where (from_date > %(planned_at)s and from_date <= now())
        or (thru_date > %(planned_at)s and thru_date <= now())
)
select coalesce(array_agg(distinct kit_product_id), '{}')
  from (select part.kit_product_id
          from oms.kit_component as part
          join touched on touched.product_id = part.component_product_id
         union
        select product_id
          from touched
         where product_id in (select product_id from oms.product_assoc)) as changed (kit_product_id)

-- name: in_cycle
select internal_name
  from oms.kit_in_cycle
  join oms.product on product_id = kit_product_id
 where kit_product_id = any(%(kits)s)
 order by internal_name

-- name: without_parts
-- Kits of which nothing limits how many can be made: they are left alone.
select internal_name
  from oms.product
 where product_id = any(%(kits)s)
   and product_id not in (select kit_product_id from oms.kit_part)
   and product_id not in (select kit_product_id from oms.kit_in_cycle)
 order by internal_name

-- name: add_positions
insert into oms.inventory_item (product_id, facility_id, location_seq_id)
select product_id, facility_id, oms.default_location(facility_id)
  from oms.kit_figures(%(kits)s, %(basis)s)
 where figure <> 0
 order by facility_id, product_id
on conflict do nothing

-- name: lock_positions
-- In the order of all who lock positions.
select count(*)
  from (select from oms.inventory_item
         where product_id = any(%(kits)s)
         order by facility_id, product_id, location_seq_id
           for no key update) as locked

-- name: differences
-- What the balance of each kit lacks at each facility; positive: more can be made.
select product.internal_name, figures.facility_id, (figures.figure - own.atp)::integer as units
  from oms.kit_figures(%(kits)s, %(basis)s) as figures
  join oms.product using (product_id)
 cross join lateral (select coalesce(sum(item.atp), 0) as atp
                       from oms.inventory_item as item
                      where item.product_id = figures.product_id
                        and item.facility_id = figures.facility_id) as own
 where figures.figure <> own.atp
 order by product.internal_name, figures.facility_id

-- name: entries
select item.inventory_item_id, (figures.figure - own.atp)::integer, (figures.figure - own.atp)::integer, 'VAR_INTEGR',
       format('kit:%%s:%%s', %(plan_id)s::text, item.inventory_item_id), %(run_name)s, 'kit computed'
  from oms.kit_figures(%(kits)s, %(basis)s) as figures
 cross join lateral (select coalesce(sum(item.atp), 0) as atp
                       from oms.inventory_item as item
                      where item.product_id = figures.product_id
                        and item.facility_id = figures.facility_id) as own
  join oms.inventory_item as item
    on item.product_id = figures.product_id
   and item.facility_id = figures.facility_id
   and item.location_seq_id = oms.default_location(figures.facility_id)
 where figures.figure <> own.atp
 order by item.facility_id, item.product_id

-- name: advance
insert into oms.kit_mark (snapshot, planned_by)
values (%(snapshot)s::pg_snapshot, %(run_name)s)
on conflict (only_row) do update
   set snapshot = excluded.snapshot, planned_at = now(), planned_by = excluded.planned_by

-- name: product
select product_id, is_virtual
  from oms.product_identification
  join oms.product using (product_id)
 where identification_type_id = 'SKU'
   and id_value = %(sku)s
   and from_date <= now()
   and (thru_date is null or thru_date > now())

-- name: end_parts
update oms.product_assoc
   set thru_date = now()
 where product_id = %(kit)s
   and (thru_date is null or thru_date > now())
   and not exists (select from unnest(%(components)s::bigint[], %(quantities)s::integer[]) as named (component, quantity)
                    where named.component = component_product_id
                      and named.quantity = coalesce(nullif(product_assoc.quantity, 0), 1))

-- name: add_parts
insert into oms.product_assoc (product_id, component_product_id, quantity)
select %(kit)s, named.component, named.quantity
  from unnest(%(components)s::bigint[], %(quantities)s::integer[]) as named (component, quantity)
 where not exists (select from oms.product_assoc as known
                    where known.product_id = %(kit)s
                      and known.component_product_id = named.component
                      and (known.thru_date is null or known.thru_date > now()))

-- name: make_kit
update oms.product
   set product_type_id = 'MARKETING_PKG_PICK'
 where product_id = %(kit)s
   and product_type_id <> 'MARKETING_PKG_PICK'

create or replace function oms.kit_figures(kits bigint[], basis text)
returns table (product_id bigint, facility_id text, figure bigint) language sql stable as $$
    with part as (
        select kit_part.kit_product_id, kit_part.component_product_id, kit_part.quantity
          from oms.kit_part
         where kit_part.kit_product_id = any (kits)
    ), balance as (
        select item.product_id, item.facility_id,
               greatest(0, sum(item.atp) - case when basis = 'COMPUTED_ATP'
                                                then coalesce(max(setting.minimum_stock), 0) else 0 end) as units
          from oms.inventory_item as item
          left join oms.product_facility as setting using (product_id, facility_id)
         where item.product_id in (select part.component_product_id from part)
         group by item.product_id, item.facility_id
    ), place as (
        select part.kit_product_id, balance.facility_id
          from part
          join balance on balance.product_id = part.component_product_id
         union
        select item.product_id, item.facility_id
          from oms.inventory_item as item
         where item.product_id in (select part.kit_product_id from part)
    )
    select place.kit_product_id, place.facility_id, min(div(coalesce(balance.units, 0), part.quantity))::bigint
      from place
      join part using (kit_product_id)
      left join balance
        on balance.product_id = part.component_product_id and balance.facility_id = place.facility_id
     group by place.kit_product_id, place.facility_id
$$;
comment on function oms.kit_figures is 'How many of each kit can be made at each facility: the least over its parts, rounded down; a missing balance is 0 (inventory.md 2.5).';

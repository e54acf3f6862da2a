create or replace function oms.facility_figure(
    at_facility     text,
    basis           text,
    product_ids     bigint[]  default null,
    held_products   bigint[]  default '{}',
    held_facilities text[]    default '{}',
    held_quantities integer[] default '{}'
) returns table (
    product_id      bigint,
    figure          integer,
    in_position     bigint,
    safety_stock    integer,
    demand          integer,
    reason          text
) language sql stable as $$
    with held as (
        select row.product_id, sum(row.quantity) as quantity
          from unnest(held_products, held_facilities, held_quantities) as row (product_id, facility_id, quantity)
         where row.facility_id = at_facility
         group by row.product_id
    ), stock as (
        select item.product_id, sum(case basis when 'QOH' then item.qoh else item.atp end) as quantity
          from oms.inventory_item as item
         where item.facility_id = at_facility
           and (product_ids is null or item.product_id = any (product_ids))
         group by item.product_id
    ), demand as (
        select waiting.product_id, sum(waiting.quantity) as quantity
          from oms.unreserved_demand as waiting
         where waiting.facility_id = at_facility
           and basis <> 'QOH'
           and (product_ids is null or waiting.product_id = any (product_ids))
         group by waiting.product_id
    ), kit_part as (
        select kit.kit_product_id, kit.component_product_id, kit.quantity
          from oms.limiting_component as kit
         where kit.component_type_id = 'FINISHED_GOOD'
           and basis <> 'QOH'
           and (product_ids is null or kit.kit_product_id = any (product_ids))
    ), component_stock as (
        select item.product_id, sum(item.atp) as quantity
          from oms.inventory_item as item
         where item.facility_id = at_facility
           and item.product_id in (select kit_part.component_product_id from kit_part)
         group by item.product_id
    ), component_demand as (
        select waiting.product_id, sum(waiting.quantity) as quantity
          from oms.unreserved_demand as waiting
         where waiting.facility_id = at_facility
           and waiting.product_id in (select kit_part.component_product_id from kit_part)
         group by waiting.product_id
    ), kit_cap as (
        select kit_part.kit_product_id as product_id,
               min(div(greatest(0, coalesce(component_stock.quantity, 0) - coalesce(held.quantity, 0)
                                   - coalesce(component_demand.quantity, 0)), kit_part.quantity)) as kits
          from kit_part
          left join component_stock on component_stock.product_id = kit_part.component_product_id
          left join component_demand on component_demand.product_id = kit_part.component_product_id
          left join held on held.product_id = kit_part.component_product_id
         group by kit_part.kit_product_id
    ), part as (
        select wanted.product_id,
               coalesce(stock.quantity, 0) - coalesce(held.quantity, 0)                        as in_position,
               case basis when 'COMPUTED_ATP' then coalesce(setting.minimum_stock, 0) else 0 end as safety_stock,
               coalesce(demand.quantity, 0)                                                    as demand,
               kit_cap.kits,
               setting.allow_brokering is false                                                as switched_off
          from oms.product as wanted
          left join stock using (product_id)
          left join held using (product_id)
          left join demand using (product_id)
          left join kit_cap using (product_id)
          left join oms.product_facility as setting
            on setting.product_id = wanted.product_id and setting.facility_id = at_facility
         where not wanted.is_virtual
           and (product_ids is null or wanted.product_id = any (product_ids))
    )
    select part.product_id,
           case when part.switched_off then 0
                else least(1000000000, part.kits,
                           greatest(0, part.in_position - part.safety_stock - part.demand))::integer
           end,
           part.in_position::bigint,
           part.safety_stock,
           part.demand::integer,
           case when part.switched_off then 'SWITCHED_OFF' end
      from part
$$;
comment on function oms.facility_figure is
'What a physical location shows (inventory.md 2.4, 6.3): basis ATP, COMPUTED_ATP (safety stock deducted) or QOH, never below 0.
ATP and COMPUTED_ATP are lowered by demand without a reservation that stands at the facility (6.8, INV-48); QOH is compared with
on_hand, which an order does not move. allow_brokering = false shows 0 (reason SWITCHED_OFF).
held_...: changes to be left out, side by side, of ATP or, for basis QOH, of QOH; those of other facilities are ignored.';

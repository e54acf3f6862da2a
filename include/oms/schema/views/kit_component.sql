create or replace view oms.kit_component as
with recursive share as (
    select product_id as kit_product_id, component_product_id, coalesce(nullif(quantity, 0), 1)::bigint as quantity
      from oms.product_assoc
     where from_date <= now() and (thru_date is null or thru_date > now())
    union all
    select share.kit_product_id, inner_kit.component_product_id,
           share.quantity * coalesce(nullif(inner_kit.quantity, 0), 1)
      from share
      join oms.product_assoc as inner_kit on inner_kit.product_id = share.component_product_id
     where inner_kit.from_date <= now() and (inner_kit.thru_date is null or inner_kit.thru_date > now())
) cycle component_product_id set is_cycle using path
select kit_product_id, component_product_id, sum(quantity) as quantity
  from share
 where not is_cycle
   and component_product_id <> kit_product_id
 group by kit_product_id, component_product_id;
comment on view oms.kit_component is 'What is in a kit today, kits inside it included: units of each component for one kit (inventory.md 2.5).';

create or replace view oms.kit_in_cycle as
with recursive inside as (
    select product_id as kit_product_id, component_product_id
      from oms.product_assoc
     where from_date <= now() and (thru_date is null or thru_date > now())
    union
    select inside.kit_product_id, assoc.component_product_id
      from inside
      join oms.product_assoc as assoc on assoc.product_id = inside.component_product_id
     where assoc.from_date <= now() and (assoc.thru_date is null or assoc.thru_date > now())
), own as (
    select kit_product_id from inside where component_product_id = kit_product_id
)
select distinct kit_product_id
  from inside
 where kit_product_id in (select own.kit_product_id from own)
    or component_product_id in (select own.kit_product_id from own);
comment on view oms.kit_in_cycle is 'Kits that contain themselves, or one that does: they are refused.';

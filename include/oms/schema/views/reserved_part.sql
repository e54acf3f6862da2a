create or replace view oms.reserved_part as
select product_id as sold_product_id, product_id, 1::bigint as quantity
  from oms.product
 union all
select kit.kit_product_id, kit.component_product_id, kit.quantity
  from oms.kit_component as kit
  join oms.product as component on component.product_id = kit.component_product_id
 where component.product_type_id in ('FINISHED_GOOD', 'MARKETING_PKG_PICK');
comment on view oms.reserved_part is 'What one unit of a product reserves: itself and, of a kit, its components that are goods (inventory.md 2.5, 5.12).';

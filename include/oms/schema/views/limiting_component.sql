create or replace view oms.limiting_component as
select part.kit_product_id, part.component_product_id, part.quantity, component.product_type_id as component_type_id
  from oms.kit_component as part
  join oms.product as component on component.product_id = part.component_product_id
 where component.product_type_id in ('FINISHED_GOOD', 'MARKETING_PKG_PICK')
   and not (exists (select from oms.shop_product as sold
                     where sold.product_id = part.component_product_id and sold.thru_date is null)
            and not exists (select from oms.shop_product as sold
                             where sold.product_id = part.component_product_id
                               and sold.thru_date is null and sold.tracked));
comment on view oms.limiting_component is 'What is in a kit today and is counted: physical goods, unless the shops that sell them count none (inventory.md 2.5).';

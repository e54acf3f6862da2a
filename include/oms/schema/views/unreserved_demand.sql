create or replace view oms.unreserved_demand as
select order_id, order_item_seq, product_id, facility_id, product_store_id, unreserved as quantity
  from oms.open_order_line
 union all
select line.order_id, line.order_item_seq, kit.component_product_id, line.facility_id, line.product_store_id,
       line.unreserved * kit.quantity
  from oms.kit_component as kit
  join oms.open_order_line as line on line.product_id = kit.kit_product_id;
comment on view oms.unreserved_demand is 'Units of open orders without a reservation and where they stand; a kit is also demand for its components (inventory.md 6.8, INV-51).';

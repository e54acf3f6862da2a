create or replace view oms.order_item_level as
select item.order_id, item.order_item_seq, header.shop_id, item.shopify_location_id,
       coalesce(item.shopify_inventory_item_id, variant.shopify_inventory_item_id) as shopify_inventory_item_id
  from oms.order_item as item
  join oms.order_header as header using (order_id)
  left join oms.shop_product as variant
    on variant.shop_id = header.shop_id and variant.product_id = item.product_id
   and variant.thru_date is null and variant.tracked
 where header.shop_id is not null
   and item.shopify_location_id is not null
   and coalesce(item.shopify_inventory_item_id, variant.shopify_inventory_item_id) is not null;
comment on view oms.order_item_level is 'The level whose units an order item is about: the inventory item from which it was sold or, where its product was not linked then, the one of now, at the location where Shopify holds the units.';

create or replace view oms.level_held as
select header.shop_id, item.shopify_location_id,
       coalesce(item.shopify_inventory_item_id, variant.shopify_inventory_item_id) as shopify_inventory_item_id,
       item.product_id, item.order_id, item.order_item_seq, item.committed_quantity as units,
       item.status = 'COMPLETED' or item.issued_quantity > 0 as is_off_shelf,
       item.shopify_inventory_item_id as sold_from, coalesce(variant.tracked, false) as is_tracked
  from oms.order_item as item
  join oms.order_header as header using (order_id)
  left join oms.shop_product as variant
    on variant.shop_id = header.shop_id and variant.product_id = item.product_id and variant.thru_date is null
 where item.committed_quantity > 0
   and header.shop_id is not null
   and item.shopify_location_id is not null;
comment on view oms.level_held is 'Units that Shopify holds committed as far as the OMS was told, the K of inventory.md 6.7, by the level: the inventory item from which they were sold, else the one that sells the product now.';

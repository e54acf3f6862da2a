create or replace view oms.level_under_way as
select place.shop_id, place.shopify_location_id, place.shopify_inventory_item_id, item.order_id, item.order_item_seq
  from oms.order_item as item
  join oms.order_item_level as place using (order_id, order_item_seq)
 where item.fulfilling_since is not null;
comment on view oms.level_under_way is 'Levels at which a fulfilment of ours is on its way: whether Shopify still holds the units cannot be told.';

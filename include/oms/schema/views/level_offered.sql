create or replace view oms.level_offered as
select level.shop_id, level.shopify_location_id, level.shopify_inventory_item_id, mapped.product_id, level.book as units
  from oms.sync_level as level
  join oms.shop_product as mapped using (shop_id, shopify_inventory_item_id)
 where level.opened_at is not null
   and level.book > 0
   and level.set_aside_code is null
   and mapped.thru_date is null;
comment on view oms.level_offered is 'Units of ours that Shopify offers at a level, by its book.';

-- The inventory item from which a line was sold is kept with the line: where Shopify's act has no entry in a book
-- (a location that shows QOH), the units sold of an item counted toward the one that its product was made again with.
-- Source: spec inventory.md 6.7.

alter table oms.order_item add column shopify_inventory_item_id bigint;
comment on column oms.order_item.shopify_inventory_item_id is 'Inventory item from which the units were sold; null: its product was not linked or not tracked then.';

update oms.order_item as item
   set shopify_inventory_item_id = sold.shopify_inventory_item_id
  from oms.sync_book as sold
 where sold.cause_key = format('order:%s:%s:sold', item.order_id, item.order_item_seq);

-- of lines without such an entry that Shopify still holds, as the links were when the order came in
update oms.order_item as item
   set shopify_inventory_item_id = variant.shopify_inventory_item_id
  from oms.order_header as header
  join oms.shop_product as variant using (shop_id)
 where header.order_id = item.order_id
   and item.committed_quantity > 0
   and item.shopify_inventory_item_id is null
   and variant.product_id = item.product_id
   and variant.tracked
   and variant.from_date <= header.entry_date
   and (variant.thru_date is null or variant.thru_date > header.entry_date);

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

-- What is booked and learned of the items in pg_temp.act_item (oms.act_set). Rules: inventory.md 6.7, INV-50.

-- name: book
-- The acts of one kind are numbered, under the lock of the item.
insert into oms.sync_book (shop_id, shopify_location_id, shopify_inventory_item_id, kind, amount, cause_key)
select level.shop_id, level.shopify_location_id, level.shopify_inventory_item_id, 'act', act.amount,
       cause.prefix || (select 1 + count(*) from oms.sync_book as earlier
                         where earlier.cause_key >= cause.prefix and earlier.cause_key < cause.prefix || ';')
  from pg_temp.act_item as item
  join oms.order_item_level as level using (order_id, order_item_seq)
  left join oms.level_by_on_hand as on_hand
    on on_hand.shop_id = level.shop_id and on_hand.shopify_location_id = level.shopify_location_id
 cross join lateral (select format('order:%%s:%%s:%%s:', item.order_id, item.order_item_seq, %(event)s::text)
                            collate "C" as prefix) as cause
 cross join lateral (select case when on_hand.shop_id is null then item.available else item.on_hand end as amount) as act
 where item.verdict is null
   and (item.available <> 0 or item.on_hand <> 0)
   and act.amount <> 0
 order by level.shop_id, level.shopify_location_id, level.shopify_inventory_item_id

-- name: book_sales
insert into oms.sync_book (shop_id, shopify_location_id, shopify_inventory_item_id, kind, amount, cause_key)
select level.shop_id, level.shopify_location_id, level.shopify_inventory_item_id, 'act', act.amount,
       format('order:%s:%s:sold', item.order_id, item.order_item_seq)
  from pg_temp.act_item as item
  join oms.order_item_level as level using (order_id, order_item_seq)
  left join oms.level_by_on_hand as on_hand
    on on_hand.shop_id = level.shop_id and on_hand.shopify_location_id = level.shopify_location_id
 cross join lateral (select case when on_hand.shop_id is null then item.available else item.on_hand end as amount) as act
 where item.verdict is null
   and (item.available <> 0 or item.on_hand <> 0)
   and act.amount <> 0
 order by level.shop_id, level.shopify_location_id, level.shopify_inventory_item_id

-- name: book_refunds
with booked as (
    insert into oms.sync_book (shop_id, shopify_location_id, shopify_inventory_item_id, kind, amount, cause_key)
    select level.shop_id, coalesce(item.asked_location_id, level.shopify_location_id), level.shopify_inventory_item_id,
           'act', item.asked_units, format('refund:%s:%s:%s', item.order_id, item.order_item_seq, item.asked_key)
      from pg_temp.act_item as item
      join oms.order_item_level as level using (order_id, order_item_seq)
     where item.verdict is null
     order by level.shop_id, coalesce(item.asked_location_id, level.shopify_location_id), level.shopify_inventory_item_id
    on conflict (cause_key) do nothing
    returning cause_key
)
update pg_temp.act_item as item
   set verdict = 'ALREADY'
 where item.verdict is null
   and format('refund:%s:%s:%s', item.order_id, item.order_item_seq, item.asked_key)
       not in (select cause_key from booked)

-- name: learn
insert into oms.sync_learned (shop_id, shopify_location_id, shopify_inventory_item_id, kind, order_id, order_item_seq)
select level.shop_id, coalesce(item.asked_location_id, level.shopify_location_id), level.shopify_inventory_item_id,
       item.learned, item.order_id, item.order_item_seq
  from pg_temp.act_item as item
  join oms.order_item_level as level using (order_id, order_item_seq)
 where item.verdict is null
   and item.learned is not null

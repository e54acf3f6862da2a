-- name: product_store
-- The store of a shop, the one named, or all there are when neither is given.
select product_store_id
  from oms.shop
 where shop_id = %(shop_id)s::text
 union
select product_store_id
  from oms.product_store
 where %(shop_id)s::text is null
   and product_store_id = coalesce(%(store)s::text, product_store_id);

-- name: create_order
-- Returns nothing if the order is known.
insert into oms.order_header (product_store_id, shop_id, external_id, status)
values (%(store)s, %(shop_id)s, %(external_id)s, %(status)s)
on conflict do nothing
returning order_id;

-- name: find_order
select order_id
  from oms.order_header
 where shop_id is not distinct from %(shop_id)s::text
   and external_id = %(external_id)s;

-- name: create_ship_group
-- One ship group for each facility of an order.
insert into oms.order_ship_group (order_id, ship_group_seq, facility_id)
select %(order_id)s, coalesce(max(ship_group_seq), 0) + 1, %(facility_id)s
  from oms.order_ship_group
 where order_id = %(order_id)s
having coalesce(bool_and(facility_id <> %(facility_id)s), true);

-- name: create_items
-- Units of a shop's order are committed in Shopify from the first moment (K of inventory.md 6.7).
insert into oms.order_item (order_id, order_item_seq, ship_group_seq, product_id, external_line_id,
                            quantity, status, shopify_location_id, committed_quantity)
select %(order_id)s, line.seq, 1, line.product_id, line.external_id,
       line.quantity, %(status)s, line.location_id, case when %(from_shop)s then line.quantity else 0 end
  from unnest(%(products)s::bigint[], %(quantities)s::integer[], %(external_ids)s::text[], %(locations)s::bigint[])
       with ordinality as line (product_id, quantity, external_id, location_id, seq);

-- name: items_without_location
-- Lines whose act would have no level, although the shop keeps stock of their product.
select item.order_item_seq
  from oms.order_header as header
  join oms.order_item as item using (order_id)
  join oms.shop_product as variant
    on variant.shop_id = header.shop_id and variant.product_id = item.product_id and variant.thru_date is null
 where header.order_id = %(order_id)s
   and variant.tracked
   and variant.shopify_inventory_item_id is not null
   and item.shopify_location_id is null
 order by item.order_item_seq;

-- name: book_sale
-- Shopify took the units from the level when it sold them.
insert into oms.sync_book (shop_id, shopify_location_id, shopify_inventory_item_id, kind, amount, cause_key)
select header.shop_id, item.shopify_location_id, variant.shopify_inventory_item_id, 'act', -item.quantity,
       format('order:%%s:%%s:sold', item.order_id, item.order_item_seq)
  from oms.order_header as header
  join oms.order_item as item using (order_id)
  join oms.shop_product as variant
    on variant.shop_id = header.shop_id and variant.product_id = item.product_id and variant.thru_date is null
 where header.order_id = %(order_id)s
   and variant.tracked
   and variant.shopify_inventory_item_id is not null
 order by item.shopify_location_id, variant.shopify_inventory_item_id;

-- name: book_restock
-- Shopify gave the units back to the level that it had taken them from: the one where the sale was booked, or,
-- where the product was not linked yet when it was sold, the one it is linked to now.
-- The cause is the quantity cancelled so far, which only grows.
insert into oms.sync_book (shop_id, shopify_location_id, shopify_inventory_item_id, kind, amount, cause_key)
select level.shop_id, level.shopify_location_id, level.shopify_inventory_item_id, 'act', %(quantity)s,
       format('order:%%s:%%s:restocked:%%s', item.order_id, item.order_item_seq, item.cancel_quantity)
  from oms.order_item as item
 cross join lateral (
        select sold.shop_id, sold.shopify_location_id, sold.shopify_inventory_item_id
          from oms.sync_book as sold
         where sold.cause_key = format('order:%%s:%%s:sold', item.order_id, item.order_item_seq)
        union all
        select variant.shop_id, item.shopify_location_id, variant.shopify_inventory_item_id
          from oms.order_header as header
          join oms.shop_product as variant
            on variant.shop_id = header.shop_id and variant.product_id = item.product_id
         where header.order_id = item.order_id
           and variant.thru_date is null
           and variant.tracked
           and variant.shopify_inventory_item_id is not null
           and item.shopify_location_id is not null
         limit 1) as level
 where item.order_id = %(order_id)s
   and item.order_item_seq = %(seq)s;

-- name: note_order
insert into oms.product_change (product_id, cause)
select distinct product_id, %(cause)s
  from oms.order_item
 where order_id = %(order_id)s;

-- name: note_product
insert into oms.product_change (product_id, cause) values (%(product_id)s, %(cause)s);

-- name: lock_item
select from oms.order_item
 where order_id = %(order_id)s
   and order_item_seq = %(seq)s
   for update;

-- name: read_item
-- Read after the lock, so that the reservation is the one the last holder of the lock left.
select item.product_id, item.status, item.quantity - item.cancel_quantity,
       coalesce(reservation.quantity, 0), held.facility_id
  from oms.order_item as item
  left join oms.inventory_reservation as reservation using (order_id, order_item_seq)
  left join oms.inventory_item as held using (inventory_item_id)
 where item.order_id = %(order_id)s
   and item.order_item_seq = %(seq)s;

-- name: is_virtual
select kind.is_virtual
  from oms.facility
  join oms.facility_type as kind using (facility_type_id)
 where facility_id = %(facility_id)s;

-- name: items_to_broker
-- In order of product, as all who lock positions.
select item.order_item_seq
  from oms.order_item as item
  left join oms.inventory_reservation as reservation using (order_id, order_item_seq)
 where item.order_id = %(order_id)s
   and item.status in ('CREATED', 'APPROVED')
   and reservation.order_id is null
 order by item.product_id, item.order_item_seq;

-- name: create_position
-- Stock is promised from the pick face of the facility (inventory.md 1.2.4).
insert into oms.inventory_item (product_id, facility_id, location_seq_id)
select %(product_id)s, %(facility_id)s, oms.default_location(%(facility_id)s)
on conflict do nothing;

-- name: create_reservation
insert into oms.inventory_reservation (order_id, order_item_seq, inventory_item_id, quantity)
select %(order_id)s, %(seq)s, inventory_item_id, %(quantity)s
  from oms.inventory_item
 where product_id = %(product_id)s
   and facility_id = %(facility_id)s
   and location_seq_id = oms.default_location(%(facility_id)s);

-- name: shrink_reservation
with shrunk as (
    delete from oms.inventory_reservation
     where order_id = %(order_id)s and order_item_seq = %(seq)s and quantity = %(quantity)s
)
update oms.inventory_reservation
   set quantity = quantity - %(quantity)s
 where order_id = %(order_id)s and order_item_seq = %(seq)s and quantity > %(quantity)s;

-- name: delete_reservation
delete from oms.inventory_reservation where order_id = %(order_id)s and order_item_seq = %(seq)s;

-- name: enter_ledger
-- An entry at the reserved position; the events of an item are numbered, under its lock.
insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, order_id, order_item_seq, source_key)
select reservation.inventory_item_id, %(qoh)s, %(atp)s, reservation.order_id, reservation.order_item_seq,
       format('order:%%s:%%s:%%s:%%s', reservation.order_id, reservation.order_item_seq,
              (select count(*) + 1
                 from oms.inventory_ledger as earlier
                where earlier.order_id = reservation.order_id
                  and earlier.order_item_seq = reservation.order_item_seq), %(event)s::text)
  from oms.inventory_reservation as reservation
 where reservation.order_id = %(order_id)s
   and reservation.order_item_seq = %(seq)s;

-- name: move_item
update oms.order_item as item
   set ship_group_seq = ship_group.ship_group_seq
  from oms.order_ship_group as ship_group
 where item.order_id = %(order_id)s
   and item.order_item_seq = %(seq)s
   and ship_group.order_id = item.order_id
   and ship_group.facility_id = %(facility_id)s;

-- name: cancel_units
-- A completed item stays so: what was shipped cannot be taken back, only counted as cancelled in the shop.
update oms.order_item
   set cancel_quantity = cancel_quantity + %(quantity)s,
       committed_quantity = greatest(0, committed_quantity - %(quantity)s),
       status = case when status <> 'COMPLETED' and cancel_quantity + %(quantity)s = quantity then 'CANCELLED'
                     else status end
 where order_id = %(order_id)s
   and order_item_seq = %(seq)s;

-- name: complete_item
update oms.order_item
   set status = 'COMPLETED'
 where order_id = %(order_id)s
   and order_item_seq = %(seq)s;

-- name: uncommit_item
update oms.order_item
   set committed_quantity = 0
 where order_id = %(order_id)s
   and order_item_seq = %(seq)s;

-- name: finish_order
-- All items cancelled: the order is cancelled; all cancelled or completed: it is completed (T-CAN-05, 06).
update oms.order_header as header
   set status = case when finished.any_completed then 'COMPLETED' else 'CANCELLED' end
  from (select bool_and(status in ('COMPLETED', 'CANCELLED')) as all_done,
               bool_or(status = 'COMPLETED') as any_completed
          from oms.order_item
         where order_id = %(order_id)s) as finished
 where header.order_id = %(order_id)s
   and finished.all_done;

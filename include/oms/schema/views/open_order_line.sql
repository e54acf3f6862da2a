create or replace view oms.open_order_line as
select item.order_id, item.order_item_seq, item.product_id, ship_group.facility_id, header.product_store_id,
       item.quantity - item.cancel_quantity - item.issued_quantity
       - coalesce((select sum(reservation.quantity)
                     from oms.inventory_reservation as reservation
                     join oms.inventory_item as held using (inventory_item_id)
                    where reservation.order_id = item.order_id
                      and reservation.order_item_seq = item.order_item_seq
                      and held.product_id = item.product_id), 0) as unreserved
  from oms.order_item as item
  join oms.order_ship_group as ship_group using (order_id, ship_group_seq)
  join oms.order_header as header using (order_id)
  join oms.product_store as store using (product_store_id)
 where item.status in ('CREATED', 'APPROVED')
   and header.status in ('CREATED', 'APPROVED', 'HOLD')
   and store.reserve_inventory;
comment on view oms.open_order_line is 'Open order lines and where they stand; orders of a store that does not reserve are no demand (inventory.md 2.2).';

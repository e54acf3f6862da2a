create or replace view oms.own_reservation as
select reservation.order_id, reservation.order_item_seq, reservation.inventory_item_id, reservation.quantity,
       held.facility_id
  from oms.inventory_reservation as reservation
  join oms.inventory_item as held using (inventory_item_id)
  join oms.order_item as item using (order_id, order_item_seq)
 where held.product_id = item.product_id;
comment on view oms.own_reservation is 'What is reserved of the very product of an order item; the components of a kit are reserved beside it.';

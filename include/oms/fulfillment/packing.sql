-- Packed orders. Rules: inventory.md 5.19, orders.md 6.9, 7.1, 13.

-- name: shipment_of_key
select shipment_id
  from oms.shipment
 where shipment_type_id = 'SALES_SHIPMENT'
   and external_id = %(key)s
   and order_id = %(order_id)s

-- name: lock_items
select from oms.order_item
 where order_id = %(order_id)s
   and (%(items)s::integer[] is null or order_item_seq = any(%(items)s::integer[]))
 order by order_item_seq
   for update

-- name: items_to_pack
-- Open items that are reserved at the facility and in no packed shipment.
select item.order_item_seq
  from oms.order_item as item
  join oms.own_reservation as held using (order_id, order_item_seq)
 where item.order_id = %(order_id)s
   and (%(items)s::integer[] is null or item.order_item_seq = any(%(items)s::integer[]))
   and item.status in ('CREATED', 'APPROVED')
   and held.facility_id = %(facility_id)s
   and not exists (select from oms.shipment_order_item as packed
                     join oms.shipment using (shipment_id)
                    where packed.order_id = item.order_id
                      and packed.order_item_seq = item.order_item_seq
                      and shipment.status <> 'CANCELLED')
 order by item.order_item_seq

-- name: create_shipment
insert into oms.shipment (shipment_type_id, external_id, status, origin_facility_id, order_id, packed_at)
values ('SALES_SHIPMENT', %(key)s, 'PACKED', %(facility_id)s, %(order_id)s, now())
returning shipment_id, (select deplete_on_pack from oms.facility where facility_id = %(facility_id)s)

-- name: create_items
-- One item for each product: exploded order items of quantity 1 are summed (INV-27).
insert into oms.shipment_item (shipment_id, shipment_item_seq, product_id, quantity)
select %(shipment_id)s, row_number() over (order by min(item.order_item_seq)), item.product_id, sum(reservation.quantity)
  from oms.order_item as item
  join oms.own_reservation as reservation using (order_id, order_item_seq)
 where item.order_id = %(order_id)s
   and item.order_item_seq = any(%(items)s)
 group by item.product_id

-- name: link_items
insert into oms.shipment_order_item (order_id, order_item_seq, shipment_id, shipment_item_seq, quantity)
select item.order_id, item.order_item_seq, packed.shipment_id, packed.shipment_item_seq, reservation.quantity
  from oms.order_item as item
  join oms.own_reservation as reservation using (order_id, order_item_seq)
  join oms.shipment_item as packed on packed.shipment_id = %(shipment_id)s and packed.product_id = item.product_id
 where item.order_id = %(order_id)s
   and item.order_item_seq = any(%(items)s)

-- name: create_parts
-- Of kits their components, as they were reserved; a kit inside a kit is told by its own components.
insert into oms.shipment_item_part (shipment_id, shipment_item_seq, product_id, quantity)
select packed.shipment_id, packed.shipment_item_seq, held.product_id, sum(reservation.quantity)
  from oms.order_item as item
  join oms.shipment_item as packed on packed.shipment_id = %(shipment_id)s and packed.product_id = item.product_id
  join oms.inventory_reservation as reservation
    on reservation.order_id = item.order_id and reservation.order_item_seq = item.order_item_seq
  join oms.inventory_item as held on held.inventory_item_id = reservation.inventory_item_id
  join oms.product as part on part.product_id = held.product_id
 where item.order_id = %(order_id)s
   and item.order_item_seq = any(%(items)s)
   and held.product_id <> item.product_id
   and part.product_type_id <> 'MARKETING_PKG_PICK'
 group by packed.shipment_id, packed.shipment_item_seq, held.product_id

-- name: order_of_shipment
-- Locked before its shipment, as all do.
select order_id
  from oms.shipment
 where shipment_id = %(shipment_id)s
   and shipment_type_id = 'SALES_SHIPMENT'

-- name: lock_shipment
select shipment.status, shipment.order_id, store.lock_packed_orders
  from oms.shipment
  join oms.order_header as header using (order_id)
  join oms.product_store as store using (product_store_id)
 where shipment.shipment_id = %(shipment_id)s
   and shipment.shipment_type_id = 'SALES_SHIPMENT'
   for update of shipment

-- name: items_of_shipment
select order_item_seq
  from oms.shipment_order_item
 where shipment_id = %(shipment_id)s
 order by order_item_seq

-- name: packed_items
select packed.order_item_seq, packed.shipment_id
  from oms.shipment_order_item as packed
  join oms.shipment using (shipment_id)
 where packed.order_id = %(order_id)s
   and packed.order_item_seq = any(%(items)s)
   and shipment.status in ('PACKED', 'SHIPPED')
 order by packed.order_item_seq

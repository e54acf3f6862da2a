-- States of orders, items and sales shipments, and their history. Acts are about pg_temp.act_item (oms.act_set).
-- Rules: orders.md 1.2, 1.3.

-- name: in_run
select set_config('oms.run_id', %(run_id)s, true)

-- name: complete_items
with moved as (
    update oms.order_item as item
       set status = 'COMPLETED'
      from pg_temp.act_item as act
     where act.verdict is null
       and item.order_id = act.order_id
       and item.order_item_seq = act.order_item_seq
       and item.status <> 'COMPLETED'
 returning item.order_id, item.order_item_seq, act.status as old, item.status as new
)
insert into oms.order_event (order_id, order_item_seq, kind, old, new, cause)
select order_id, order_item_seq, 'STATE', old, new, %(cause)s
  from moved

-- name: cancel_items
with moved as (
    update oms.order_item as item
       set status = 'CANCELLED'
      from pg_temp.act_item as act
     where act.verdict is null
       and item.order_id = act.order_id
       and item.order_item_seq = act.order_item_seq
       and item.status not in ('COMPLETED', 'CANCELLED')
       and item.cancel_quantity = item.quantity
 returning item.order_id, item.order_item_seq, act.status as old, item.status as new
)
insert into oms.order_event (order_id, order_item_seq, kind, old, new, cause)
select order_id, order_item_seq, 'STATE', old, new, %(cause)s
  from moved

-- name: finish_orders
-- All items cancelled: the order is cancelled; all cancelled or completed: it is completed.
with finished as (
    select item.order_id, header.status as old,
           case when bool_or(item.status = 'COMPLETED') then 'COMPLETED' else 'CANCELLED' end as new
      from oms.order_item as item
      join oms.order_header as header using (order_id)
     where item.order_id in (select order_id from pg_temp.act_item where verdict is null)
     group by item.order_id, header.status
    having bool_and(item.status in ('COMPLETED', 'CANCELLED'))
), moved as (
    update oms.order_header as header
       set status = finished.new
      from finished
     where header.order_id = finished.order_id
       and finished.old <> finished.new
 returning header.order_id, finished.old, finished.new
)
insert into oms.order_event (order_id, kind, old, new, cause)
select order_id, 'STATE', old, new, %(cause)s
  from moved

-- name: move_shipment
-- Under the lock of the shipment.
with moved as (
    update oms.shipment as shipment
       set status = %(state)s, shipped_at = case %(state)s when 'SHIPPED' then now() end
      from oms.shipment as before
     where shipment.shipment_id = %(shipment_id)s
       and before.shipment_id = shipment.shipment_id
 returning shipment.order_id, shipment.shipment_id, before.status as old, shipment.status as new
)
insert into oms.order_event (order_id, shipment_id, kind, old, new, cause)
select order_id, shipment_id, 'STATE', old, new, %(cause)s
  from moved

-- name: note_quantities
insert into oms.order_event (order_id, order_item_seq, kind, old, new, cause)
select order_id, order_item_seq, 'QUANTITY', open_units, open_units - cancelled_more, %(cause)s
  from pg_temp.act_item
 where verdict is null
   and cancelled_more <> 0

-- name: stand_at
update oms.order_item as item
   set ship_group_seq = target.ship_group_seq
  from pg_temp.act_item as act
  join oms.order_ship_group as target
    on target.order_id = act.order_id and target.facility_id = act.asked_facility_id
 where act.verdict is null
   and act.stood_at <> act.asked_facility_id
   and item.order_id = act.order_id
   and item.order_item_seq = act.order_item_seq

-- name: note_facilities
insert into oms.order_event (order_id, order_item_seq, kind, old, new, cause)
select order_id, order_item_seq, 'FACILITY', stood_at, asked_facility_id, %(cause)s
  from pg_temp.act_item
 where verdict is null
   and stood_at <> asked_facility_id

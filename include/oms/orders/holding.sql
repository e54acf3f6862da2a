-- Who holds the units of open items: pg_temp.act_item (oms.act_set). Rules: orders.md 6.5, inventory.md 6.7.

-- name: items_to_broker
select item.order_id, item.order_item_seq
  from oms.order_item as item
 where item.order_id = any (%(orders)s::bigint[])
   and item.status in ('CREATED', 'APPROVED')
   and not exists (select from oms.inventory_reservation as reservation
                    where reservation.order_id = item.order_id
                      and reservation.order_item_seq = item.order_item_seq)
 order by item.order_id, item.order_item_seq

-- name: refuse_reserved
update pg_temp.act_item
   set verdict = case when reserved_at = asked_facility_id then 'ALREADY' else 'RESERVED_ELSEWHERE' end,
       remark = format('order %s item %s: is reserved at %s, release it first', order_id, order_item_seq, reserved_at)
 where verdict is null
   and reserved_at is not null

-- name: decide_to_reserve
update pg_temp.act_item
   set reserved = open_units, reserved_at = asked_facility_id, units = open_units, atp = -open_units
 where verdict is null

-- name: decide_to_release
update pg_temp.act_item
   set units = reserved, atp = reserved
 where verdict is null

-- name: refuse_without_location
update pg_temp.act_item
   set verdict = case when held_at is null then 'NO_LOCATION' else 'ALREADY' end,
       remark = format('order %s item %s: no Shopify location holds it', order_id, order_item_seq)
 where verdict is null
   and (held_at is null or held_at = asked_location_id)

-- name: decide_to_move_away
update pg_temp.act_item
   set units = committed, available = committed, on_hand = case when is_off_shelf then committed else 0 end
 where verdict is null

-- name: hold_at
update oms.order_item as item
   set shopify_location_id = act.asked_location_id
  from pg_temp.act_item as act
 where act.verdict is null
   and item.order_id = act.order_id
   and item.order_item_seq = act.order_item_seq

-- name: decide_to_move_here
update pg_temp.act_item
   set available = -available, on_hand = -on_hand
 where verdict is null

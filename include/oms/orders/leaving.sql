-- Units that leave the shelf: pg_temp.act_item (oms.act_set). Rules: inventory.md 5.19, 6.7; orders.md 7.1, 13.

-- name: decide_to_issue
update pg_temp.act_item
   set verdict = case when issued > 0 then 'ALREADY' when reserved = 0 then 'NO_RESERVATION' end,
       remark = format('order %s item %s: has no reservation to issue', order_id, order_item_seq),
       units = reserved, qoh = -reserved, issued_more = reserved, on_hand = -committed
 where verdict is null

-- name: decide_to_take_back
-- The units are reserved again before their entries are made.
update pg_temp.act_item
   set verdict = case when issued = 0 then 'ALREADY' end,
       units = issued, qoh = issued, reserved = issued, issued_more = -issued, on_hand = committed
 where verdict is null

-- name: decide_to_ship
update pg_temp.act_item
   set verdict = case when status = 'COMPLETED' then 'ALREADY'
                      when reserved = 0 and issued = 0 then 'NO_RESERVATION' end,
       remark = format('order %s item %s: has no reservation to ship from', order_id, order_item_seq),
       units = reserved, qoh = -reserved, issued_more = -issued,
       on_hand = case when reserved > 0 then -committed else 0 end
 where verdict is null

-- name: set_fulfilling
update oms.order_item as item
   set fulfilling_since = case when %(is_sent)s then coalesce(item.fulfilling_since, clock_timestamp()) end
  from pg_temp.act_item as act
 where act.verdict is null
   and item.order_id = act.order_id
   and item.order_item_seq = act.order_item_seq
   and (item.fulfilling_since is null) = %(is_sent)s

-- name: learn_of_fulfilling
update pg_temp.act_item
   set learned = 'fulfilling'
 where verdict is null

-- name: decide_fulfilled
update pg_temp.act_item
   set units = committed, uncommitted = committed, on_hand = case when is_off_shelf then 0 else -committed end,
       learned = case when committed > 0 and not is_fulfilling then 'fulfilled' end
 where verdict is null

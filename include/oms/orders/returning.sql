-- Delivered units that come back: pg_temp.act_item (oms.act_set). Rules: inventory.md 1.3, 6.7.

-- name: decide_refunded
update pg_temp.act_item
   set units = asked_units, learned = 'refunded'
 where verdict is null

-- name: decide_to_receive
update pg_temp.act_item
   set units = asked_units
 where verdict is null

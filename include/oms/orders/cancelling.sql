-- Units that are cancelled: pg_temp.act_item (oms.act_set). Rules: orders.md 5.5, 5.7; inventory.md 6.7.

-- name: decide_to_cancel
-- Shopify cancels units that it holds committed, and delivered ones. Of on_hand moves only what comes back of
-- delivered units and what is lost of committed ones; a fulfilment that was booked when the OMS shipped will not come
-- any more. Of an item that is cancelled here already only what Shopify still holds.
update pg_temp.act_item as item
   set units = case when item.status in ('CANCELLED', 'COMPLETED') then 0 else item.asked_units end,
       cancelled_more = case when item.status = 'CANCELLED' then 0 else item.asked_units end,
       atp = case when item.reserved > 0 then item.asked_units else 0 end,
       uncommitted = told.held,
       available = case when %(restocked)s then told.held + told.delivered else 0 end,
       on_hand = case when %(restocked)s then told.delivered else -told.held end
                 + case when item.is_off_shelf then told.held else 0 end,
       learned = case when %(restocked)s and told.delivered > 0 then 'refunded'
                      when not %(restocked)s and told.held > 0 then 'cancelled' end
  from (select order_id, order_item_seq, least(asked_units, committed) as held,
               case when status = 'CANCELLED' then 0 else asked_units - least(asked_units, committed) end as delivered
          from pg_temp.act_item
         where verdict is null) as told
 where item.verdict is null
   and item.order_id = told.order_id
   and item.order_item_seq = told.order_item_seq

-- name: decide_to_keep
update pg_temp.act_item as item
   set units = item.asked_units,
       kept_more = item.asked_units,
       uncommitted = told.held,
       available = case when %(restocked)s then item.asked_units else 0 end,
       on_hand = case when %(restocked)s then told.delivered else -told.held end
                 + case when item.is_off_shelf then told.held else 0 end,
       learned = case when %(restocked)s and told.delivered > 0 then 'refunded'
                      when not %(restocked)s and told.held > 0 then 'cancelled' end
  from (select order_id, order_item_seq, least(asked_units, committed) as held,
               asked_units - least(asked_units, committed) as delivered
          from pg_temp.act_item
         where verdict is null) as told
 where item.verdict is null
   and item.order_id = told.order_id
   and item.order_item_seq = told.order_item_seq

-- name: refuse_cancelled
update pg_temp.act_item
   set verdict = 'ALREADY'
 where verdict is null
   and status = 'CANCELLED'

-- name: decide_to_cancel_here
update pg_temp.act_item as item
   set verdict = case when item.asked_units not between 1 and item.open_units then 'NOT_SO_MANY' end,
       remark = format('order %%s item %%s: %%s to cancel, %%s are open', item.order_id, item.order_item_seq,
                       item.asked_units, item.open_units),
       units = item.asked_units,
       cancelled_more = item.asked_units,
       kept_more = -least(item.asked_units, item.kept),
       atp = case when item.reserved > 0 then item.asked_units else 0 end,
       uncommitted = case when %(upload)s then least(item.asked_units - least(item.asked_units, item.kept), item.committed)
                          else 0 end,
       available = case when %(upload)s then least(item.asked_units - least(item.asked_units, item.kept), item.committed)
                        else 0 end
 where item.verdict is null

-- name: decide_to_give_up
update pg_temp.act_item
   set verdict = case when asked_units not between 1 and cancelled then 'NOT_SO_MANY' end,
       remark = format('order %s item %s: upload of %s given up, %s are cancelled', order_id, order_item_seq, asked_units,
                       cancelled),
       units = asked_units, uncommitted = -asked_units, available = -asked_units,
       on_hand = case when is_off_shelf then -asked_units else 0 end
 where verdict is null

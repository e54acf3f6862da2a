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

-- name: lock_order
-- Events of an order come one after the other: its last item, its next number and its next ship group depend on all.
select from oms.order_header
 where order_id = %(order_id)s
   for no key update

-- name: read_order
-- The order with the number of its next item; read after the lock, to see the items of its last holder.
select coalesce(header.order_name, header.external_id), header.shop_id, header.status,
       1 + coalesce((select max(item.order_item_seq) from oms.order_item as item
                      where item.order_id = header.order_id), 0)
  from oms.order_header as header
 where header.order_id = %(order_id)s

-- name: create_items
-- Open units of a shop's order are committed in Shopify from the first moment (K of inventory.md 6.7).
insert into oms.order_item (order_id, order_item_seq, ship_group_seq, product_id, external_line_id, quantity,
                            cancel_quantity, status, shopify_location_id, shopify_inventory_item_id,
                            committed_quantity)
select %(order_id)s, line.seq, place.ship_group_seq, line.product_id, line.external_id, line.quantity,
       case when line.state in ('CANCELLED', 'CANCELLED_NOT_RESTOCKED') then line.quantity else 0 end,
       case when line.state = 'OPEN' then %(status)s
            when line.state in ('CANCELLED', 'CANCELLED_NOT_RESTOCKED') then 'CANCELLED'
            else 'COMPLETED' end,
       line.location_id, variant.shopify_inventory_item_id,
       case when %(from_shop)s and line.state = 'OPEN' then line.quantity else 0 end
  from unnest(%(numbers)s::integer[], %(products)s::bigint[], %(quantities)s::integer[], %(external_ids)s::text[],
              %(locations)s::bigint[], %(states)s::text[], %(facilities)s::text[])
       as line (seq, product_id, quantity, external_id, location_id, state, facility_id)
  join oms.order_header as header on header.order_id = %(order_id)s
  join oms.order_ship_group as place on place.order_id = header.order_id and place.facility_id = line.facility_id
  left join oms.shop_product as variant
    on variant.shop_id = header.shop_id and variant.product_id = line.product_id
   and variant.thru_date is null and variant.tracked;

-- name: items_without_location
-- Lines whose act would have no level, although the shop keeps stock of their product.
select line.seq
  from unnest(%(numbers)s::integer[], %(states)s::text[]) as line (seq, state)
  join oms.order_item as item on item.order_id = %(order_id)s and item.order_item_seq = line.seq
  join oms.order_header as header using (order_id)
  join oms.shop_product as variant
    on variant.shop_id = header.shop_id and variant.product_id = item.product_id and variant.thru_date is null
 where variant.tracked
   and variant.shopify_inventory_item_id is not null
   and item.shopify_location_id is null
   and line.state not in ('HISTORY', 'CANCELLED')
 order by line.seq;

-- name: book_sales
-- Shopify took the units from the level when it sold them; those handed over or lost are not on hand either.
insert into oms.sync_book (shop_id, shopify_location_id, shopify_inventory_item_id, kind, amount, cause_key)
select level.shop_id, level.shopify_location_id, level.shopify_inventory_item_id, 'act', -item.quantity,
       format('order:%%s:%%s:sold', item.order_id, item.order_item_seq)
  from unnest(%(numbers)s::integer[], %(states)s::text[]) as line (seq, state)
  join oms.order_item as item on item.order_id = %(order_id)s and item.order_item_seq = line.seq
  join oms.order_item_level as level using (order_id, order_item_seq)
  left join oms.level_by_on_hand as on_hand
    on on_hand.shop_id = level.shop_id and on_hand.shopify_location_id = level.shopify_location_id
 where line.state in ('HANDED_OVER', 'WRITTEN_OFF', 'CANCELLED_NOT_RESTOCKED')
    or (line.state = 'OPEN' and on_hand.shop_id is null)
 order by level.shopify_location_id, level.shopify_inventory_item_id;

-- name: learn_of_sales
-- Units that were sold and never committed as far as the OMS was told move one side of a comparison alone.
insert into oms.sync_learned (shop_id, shopify_location_id, shopify_inventory_item_id, kind, order_id, order_item_seq)
select level.shop_id, level.shopify_location_id, level.shopify_inventory_item_id,
       case when line.state = 'CANCELLED_NOT_RESTOCKED' then 'cancelled' else 'sold' end,
       level.order_id, level.order_item_seq
  from unnest(%(numbers)s::integer[], %(states)s::text[]) as line (seq, state)
  join oms.order_item_level as level on level.order_id = %(order_id)s and level.order_item_seq = line.seq
 where line.state in ('HANDED_OVER', 'WRITTEN_OFF', 'CANCELLED_NOT_RESTOCKED');

-- name: create_positions
-- Where units were handed over, of a kit also its components, in order of product, as all who lock positions.
insert into oms.inventory_item (product_id, facility_id, location_seq_id)
select distinct part.product_id, line.facility_id, oms.default_location(line.facility_id)
  from unnest(%(products)s::bigint[], %(facilities)s::text[], %(states)s::text[])
       as line (product_id, facility_id, state)
  join oms.reserved_part as part on part.sold_product_id = line.product_id
 where line.state = 'HANDED_OVER'
 order by line.facility_id, part.product_id
on conflict do nothing;

-- name: hand_over
-- Sold at a till of the shop: the units leave the facility now, of a kit its components too.
insert into oms.inventory_ledger
       (inventory_item_id, qoh_diff, atp_diff, reason_id, order_id, order_item_seq, source_key)
select position.inventory_item_id, -line.quantity * part.quantity, -line.quantity * part.quantity, 'SHOPIFY_POS_SALE',
       %(order_id)s, line.seq,
       format('order:%%s:%%s:%%s:hand over', %(order_id)s::bigint, line.seq,
              row_number() over (partition by line.seq order by part.product_id <> line.product_id, part.product_id))
  from unnest(%(numbers)s::integer[], %(products)s::bigint[], %(quantities)s::integer[], %(facilities)s::text[],
              %(states)s::text[]) as line (seq, product_id, quantity, facility_id, state)
  join oms.reserved_part as part on part.sold_product_id = line.product_id
  join oms.inventory_item as position
    on position.product_id = part.product_id
   and position.facility_id = line.facility_id
   and position.location_seq_id = oms.default_location(line.facility_id)
 where line.state = 'HANDED_OVER'
 order by line.facility_id, part.product_id, line.seq;

-- name: book_act
-- The acts of one kind are numbered, under the lock of the item.
insert into oms.sync_book (shop_id, shopify_location_id, shopify_inventory_item_id, kind, amount, cause_key)
select level.shop_id, level.shopify_location_id, level.shopify_inventory_item_id, 'act', act.amount,
       cause.prefix || (select 1 + count(*) from oms.sync_book as earlier
                         where earlier.cause_key >= cause.prefix and earlier.cause_key < cause.prefix || ';')
  from oms.order_item_level as level
 cross join lateral (select format('order:%%s:%%s:%%s:', level.order_id, level.order_item_seq, %(event)s::text)
                            collate "C" as prefix) as cause
 cross join lateral (select case when exists (select from oms.level_by_on_hand as on_hand
                                               where on_hand.shop_id = level.shop_id
                                                 and on_hand.shopify_location_id = level.shopify_location_id)
                                 then %(on_hand)s else %(available)s end as amount) as act
 where level.order_id = %(order_id)s
   and level.order_item_seq = %(seq)s
   and act.amount <> 0;

-- name: book_refund
-- Once for each line of a refund; returns nothing if it is known.
insert into oms.sync_book (shop_id, shopify_location_id, shopify_inventory_item_id, kind, amount, cause_key)
select level.shop_id, coalesce(%(location)s, level.shopify_location_id), level.shopify_inventory_item_id, 'act',
       %(quantity)s, format('refund:%%s:%%s:%%s', level.order_id, level.order_item_seq, %(refund_id)s::text)
  from oms.order_item_level as level
 where level.order_id = %(order_id)s
   and level.order_item_seq = %(seq)s
on conflict (cause_key) do nothing
returning entry_id;

-- name: learn
insert into oms.sync_learned (shop_id, shopify_location_id, shopify_inventory_item_id, kind, order_id, order_item_seq)
select level.shop_id, coalesce(%(location)s::bigint, level.shopify_location_id), level.shopify_inventory_item_id,
       %(kind)s, level.order_id, level.order_item_seq
  from oms.order_item_level as level
 where level.order_id = %(order_id)s
   and level.order_item_seq = %(seq)s;

-- name: receive_return
-- Of a kit its components come back too.
insert into oms.inventory_ledger
       (inventory_item_id, qoh_diff, atp_diff, reason_id, order_id, order_item_seq, source_key)
select position.inventory_item_id, %(quantity)s * part.quantity, %(quantity)s * part.quantity, 'RTN_ITM_RCPT',
       %(order_id)s, %(seq)s,
       concat_ws(':', 'return', %(order_id)s::bigint, %(seq)s::integer, %(return_id)s::text,
                 case when part.product_id <> %(product_id)s then 'part ' || part.product_id end)
  from oms.reserved_part as part
  join oms.inventory_item as position
    on position.product_id = part.product_id
   and position.facility_id = %(facility_id)s
   and position.location_seq_id = oms.default_location(%(facility_id)s)
 where part.sold_product_id = %(product_id)s
   and not exists (select from oms.inventory_ledger as known
                    where known.source_key = concat_ws(':', 'return', %(order_id)s::bigint, %(seq)s::integer,
                                                       %(return_id)s::text))
 order by part.product_id
on conflict do nothing;

-- name: set_fulfilling
update oms.order_item
   set fulfilling_since = case when %(is_sent)s then coalesce(fulfilling_since, clock_timestamp()) end
 where order_id = %(order_id)s
   and order_item_seq = %(seq)s;

-- name: keep_units
update oms.order_item
   set kept_quantity = kept_quantity + %(quantity)s
 where order_id = %(order_id)s
   and order_item_seq = %(seq)s;

-- name: uncommit_units
update oms.order_item
   set committed_quantity = committed_quantity - %(quantity)s
 where order_id = %(order_id)s
   and order_item_seq = %(seq)s;

-- name: hold_at
update oms.order_item
   set shopify_location_id = %(location)s
 where order_id = %(order_id)s
   and order_item_seq = %(seq)s;

-- name: note_order
insert into oms.product_change (product_id, cause)
select distinct product_id, %(cause)s
  from unnest(%(products)s::bigint[]) as line (product_id);

-- name: note_product
insert into oms.product_change (product_id, cause) values (%(product_id)s, %(cause)s);

-- name: lock_item
select from oms.order_item
 where order_id = %(order_id)s
   and order_item_seq = %(seq)s
   for update;

-- name: read_item
-- Read after the lock, so that the reservation is the one the last holder of the lock left.
select item.product_id, item.status, item.quantity - item.cancel_quantity, item.kept_quantity,
       item.cancel_quantity, item.committed_quantity, item.fulfilling_since is not null,
       item.shopify_location_id, coalesce(own.quantity, 0), own.facility_id, item.issued_quantity,
       (select packed.shipment_id
          from oms.shipment_order_item as packed
          join oms.shipment using (shipment_id)
         where packed.order_id = item.order_id
           and packed.order_item_seq = item.order_item_seq
           and shipment.status = 'PACKED')
  from oms.order_item as item
  left join oms.own_reservation as own using (order_id, order_item_seq)
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

-- name: create_part_positions
-- Stock is promised from the pick face of the facility (inventory.md 1.2.4), and of a kit its components too.
insert into oms.inventory_item (product_id, facility_id, location_seq_id)
select part.product_id, %(facility_id)s, oms.default_location(%(facility_id)s)
  from oms.reserved_part as part
 where part.sold_product_id = %(product_id)s
 order by part.product_id
on conflict do nothing;

-- name: create_reservation
-- Of a kit also its components (inventory.md 5.12).
insert into oms.inventory_reservation (order_id, order_item_seq, inventory_item_id, quantity)
select %(order_id)s, %(seq)s, position.inventory_item_id, part.quantity * %(quantity)s
  from oms.reserved_part as part
  join oms.inventory_item as position
    on position.product_id = part.product_id
   and position.facility_id = %(facility_id)s
   and position.location_seq_id = oms.default_location(%(facility_id)s)
 where part.sold_product_id = %(product_id)s;

-- name: shrink_reservation
-- Components in the proportion in which they were reserved.
with own as (
    select quantity
      from oms.own_reservation
     where order_id = %(order_id)s and order_item_seq = %(seq)s
), gone as (
    delete from oms.inventory_reservation as reservation
     using own
     where reservation.order_id = %(order_id)s and reservation.order_item_seq = %(seq)s
       and own.quantity = %(quantity)s
)
update oms.inventory_reservation as reservation
   set quantity = reservation.quantity - %(quantity)s * reservation.quantity / own.quantity
  from own
 where reservation.order_id = %(order_id)s and reservation.order_item_seq = %(seq)s
   and own.quantity > %(quantity)s;

-- name: reserve_again
-- Where it was reserved before it was issued: the positions that the last entries of issuing name, of a kit several.
with issued as (
    select distinct on (inventory_item_id) inventory_item_id, held.facility_id, entry.entry_id, -entry.qoh_diff as quantity
      from oms.inventory_ledger as entry
      join oms.inventory_item as held using (inventory_item_id)
     where entry.order_id = %(order_id)s
       and entry.order_item_seq = %(seq)s
       and entry.qoh_diff < 0
     order by inventory_item_id, entry.entry_id desc
)
insert into oms.inventory_reservation (order_id, order_item_seq, inventory_item_id, quantity)
select %(order_id)s, %(seq)s, inventory_item_id, quantity
  from issued
 where facility_id = (select last.facility_id from issued as last order by last.entry_id desc limit 1);

-- name: set_issued
update oms.order_item
   set issued_quantity = %(quantity)s
 where order_id = %(order_id)s
   and order_item_seq = %(seq)s;

-- name: delete_reservation
delete from oms.inventory_reservation where order_id = %(order_id)s and order_item_seq = %(seq)s;

-- name: enter_ledger
-- An entry at each reserved position, of a kit's components in their proportion, in the order in which all lock
-- positions; the events of an item are numbered, under its lock.
insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, order_id, order_item_seq, source_key)
select part.inventory_item_id, %(qoh)s * part.quantity / own.quantity, %(atp)s * part.quantity / own.quantity,
       order_id, order_item_seq,
       format('order:%%s:%%s:%%s:%%s', order_id, order_item_seq,
              (select count(*)
                 from oms.inventory_ledger as earlier
                where earlier.order_id = part.order_id
                  and earlier.order_item_seq = part.order_item_seq)
              + row_number() over (order by held.product_id), %(event)s::text)
  from oms.inventory_reservation as part
  join oms.inventory_item as held using (inventory_item_id)
  join oms.own_reservation as own using (order_id, order_item_seq)
 where order_id = %(order_id)s
   and order_item_seq = %(seq)s
 order by held.product_id;

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
       status = case when status <> 'COMPLETED' and cancel_quantity + %(quantity)s = quantity then 'CANCELLED'
                     else status end
 where order_id = %(order_id)s
   and order_item_seq = %(seq)s;

-- name: complete_item
update oms.order_item
   set status = 'COMPLETED'
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

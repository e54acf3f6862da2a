-- Items of orders as a set: pg_temp.act_item (oms.act_set). Rules: orders.md 1.2, 5.7, 6.9.

-- name: lock_orders
-- Events of an order come one after the other: its last item, its next number and its next ship group depend on all.
select count(*)
  from (select from oms.order_header
         where order_id = any (%(orders)s::bigint[])
         order by order_id
           for no key update) as locked

-- name: make_asks
create temp table if not exists act_ask (
    order_id            bigint not null,
    order_item_seq      integer not null,
    units               integer not null,
    facility_id         text collate "C",
    location_id         bigint,
    key                 text
) on commit delete rows

-- name: empty_asks
delete from pg_temp.act_ask

-- name: ask
insert into pg_temp.act_ask (order_id, order_item_seq, units, facility_id, location_id, key)
select order_id, order_item_seq, coalesce(units, 0), facility_id, location_id, key
  from unnest(%(orders)s::bigint[], %(items)s::integer[], %(units)s::integer[], %(facilities)s::text[],
              %(locations)s::bigint[], %(keys)s::text[])
       as asked (order_id, order_item_seq, units, facility_id, location_id, key)

-- name: lock_asked_orders
select count(*)
  from (select from oms.order_header
         where order_id in (select order_id from pg_temp.act_ask)
         order by order_id
           for no key update) as locked

-- name: lock_asked_items
select count(*)
  from (select from pg_temp.act_ask as asked
          join oms.order_item as item using (order_id, order_item_seq)
         order by item.order_id, item.order_item_seq
           for update of item) as locked

-- name: read
-- Read after the lock, so that the reservation is the one the last holder of the lock left.
insert into pg_temp.act_item
       (order_id, order_item_seq, asked_units, asked_facility_id, asked_location_id, asked_key, verdict, remark,
        product_id, status, open_units, kept, cancelled, committed, is_fulfilling, held_at, stood_at,
        reserved, reserved_at, issued, packed_in, is_off_shelf)
select asked.order_id, asked.order_item_seq, asked.units, asked.facility_id, asked.location_id, asked.key,
       case when item.order_id is null then 'UNKNOWN_ITEM' end,
       case when item.order_id is null
            then format('order %s item %s: does not exist', asked.order_id, asked.order_item_seq) end,
       item.product_id, item.status, coalesce(item.quantity - item.cancel_quantity, 0), coalesce(item.kept_quantity, 0),
       coalesce(item.cancel_quantity, 0), coalesce(item.committed_quantity, 0), item.fulfilling_since is not null,
       item.shopify_location_id, standing.facility_id, coalesce(own.quantity, 0), own.facility_id,
       coalesce(item.issued_quantity, 0),
       (select packed.shipment_id
          from oms.shipment_order_item as packed
          join oms.shipment using (shipment_id)
         where packed.order_id = item.order_id
           and packed.order_item_seq = item.order_item_seq
           and shipment.status = 'PACKED'),
       coalesce(item.status = 'COMPLETED' or item.issued_quantity > 0, false)
  from pg_temp.act_ask as asked
  left join oms.order_item as item using (order_id, order_item_seq)
  left join oms.order_ship_group as standing
    on standing.order_id = item.order_id and standing.ship_group_seq = item.ship_group_seq
  left join oms.own_reservation as own
    on own.order_id = item.order_id and own.order_item_seq = item.order_item_seq

-- name: refuse_not_open
update pg_temp.act_item
   set verdict = 'NOT_OPEN',
       remark = format('order %%s item %%s: is %%s, not open', order_id, order_item_seq, status)
 where verdict is null
   and status <> all (%(open)s::text[])

-- name: refuse_packed
update pg_temp.act_item
   set verdict = 'PACKED_LOCKED',
       remark = format('PACKED_LOCKED: order %s item %s is packed in shipment %s', order_id, order_item_seq, packed_in)
 where verdict is null
   and packed_in is not null
   and status <> 'CANCELLED'

-- name: refuse_more_than_left
update pg_temp.act_item
   set verdict = 'NOT_SO_MANY',
       remark = format('order %s item %s: %s to cancel, %s are open', order_id, order_item_seq, asked_units,
                       open_units - kept)
 where verdict is null
   and status <> 'CANCELLED'
   and asked_units not between 1 and open_units - kept

-- name: change
update oms.order_item as item
   set cancel_quantity = item.cancel_quantity + act.cancelled_more,
       kept_quantity = item.kept_quantity + act.kept_more,
       committed_quantity = item.committed_quantity - act.uncommitted,
       issued_quantity = item.issued_quantity + act.issued_more
  from pg_temp.act_item as act
 where act.verdict is null
   and (act.cancelled_more <> 0 or act.kept_more <> 0 or act.uncommitted <> 0 or act.issued_more <> 0)
   and item.order_id = act.order_id
   and item.order_item_seq = act.order_item_seq

-- name: create_ship_groups
-- One for each facility of an order.
insert into oms.order_ship_group (order_id, ship_group_seq, facility_id)
select wanted.order_id,
       coalesce((select max(last.ship_group_seq) from oms.order_ship_group as last
                  where last.order_id = wanted.order_id), 0)
       + row_number() over (partition by wanted.order_id order by wanted.facility_id),
       wanted.facility_id
  from (select distinct order_id, asked_facility_id as facility_id from pg_temp.act_item where verdict is null) as wanted
 where not exists (select from oms.order_ship_group as known
                    where known.order_id = wanted.order_id and known.facility_id = wanted.facility_id)

-- Stock of the order items in pg_temp.act_item (oms.act_set). Rules: inventory.md 1.2.4, 1.3, 2.5, 5.12.

-- name: refuse_virtual
update pg_temp.act_item as item
   set verdict = case when place.facility_id is null then 'UNKNOWN_FACILITY' else 'VIRTUAL_FACILITY' end,
       remark = case when place.facility_id is null then format('facility %s: does not exist', asked.facility_id)
                     else format('facility %s: is virtual and holds no stock to reserve', asked.facility_id) end
  from (select distinct asked_facility_id as facility_id from pg_temp.act_item where verdict is null) as asked
  left join oms.facility as place using (facility_id)
  left join oms.facility_type as kind using (facility_type_id)
 where item.verdict is null
   and item.asked_facility_id is not distinct from asked.facility_id
   and kind.is_virtual is not false

-- name: add_positions
-- Stock is promised from the pick face of the facility, and of a kit its components too.
with place as materialized (
    select facility_id, oms.default_location(facility_id) as location_seq_id
      from (select distinct asked_facility_id as facility_id
              from pg_temp.act_item
             where verdict is null and asked_facility_id is not null) as asked
), wanted as (
    select distinct asked_facility_id as facility_id, product_id as sold_product_id
      from pg_temp.act_item
     where verdict is null
)
insert into oms.inventory_item (product_id, facility_id, location_seq_id)
select distinct part.product_id, place.facility_id, place.location_seq_id
  from wanted
  join place using (facility_id)
  join oms.reserved_part as part using (sold_product_id)
 where not exists (select from oms.inventory_item as known
                    where known.product_id = part.product_id
                      and known.facility_id = place.facility_id
                      and known.location_seq_id = place.location_seq_id)
 order by place.facility_id, part.product_id
on conflict do nothing

-- name: make_parts
-- Units of each position that an item has reserved, or is about to: of a kit those of its components too.
create temp table if not exists act_part (
    order_id            bigint not null,
    order_item_seq      integer not null,
    product_id          bigint not null,
    inventory_item_id   bigint not null,
    quantity            integer not null
) on commit delete rows

-- name: empty_parts
delete from pg_temp.act_part

-- name: find_places
-- Where units would be reserved: the pick face of the facility asked for.
with place as materialized (
    select facility_id, oms.default_location(facility_id) as location_seq_id
      from (select distinct asked_facility_id as facility_id
              from pg_temp.act_item
             where verdict is null) as asked
)
insert into pg_temp.act_part (order_id, order_item_seq, product_id, inventory_item_id, quantity)
select item.order_id, item.order_item_seq, part.product_id, position.inventory_item_id, part.quantity * item.reserved
  from pg_temp.act_item as item
  join place on place.facility_id = item.asked_facility_id
  join oms.reserved_part as part on part.sold_product_id = item.product_id
  join oms.inventory_item as position
    on position.product_id = part.product_id
   and position.facility_id = place.facility_id
   and position.location_seq_id = place.location_seq_id
 where item.verdict is null

-- name: find_reserved
insert into pg_temp.act_part (order_id, order_item_seq, product_id, inventory_item_id, quantity)
select item.order_id, item.order_item_seq, held.product_id, part.inventory_item_id, part.quantity
  from pg_temp.act_item as item
  join oms.inventory_reservation as part using (order_id, order_item_seq)
  join oms.inventory_item as held using (inventory_item_id)
 where item.verdict is null

-- name: hold
insert into oms.inventory_reservation (order_id, order_item_seq, inventory_item_id, quantity)
select order_id, order_item_seq, inventory_item_id, quantity
  from pg_temp.act_part

-- name: find_issued
-- The positions that the last entries of issuing name, of a kit several.
with issued as (
    select distinct on (item.order_id, item.order_item_seq, entry.inventory_item_id)
           item.order_id, item.order_item_seq, entry.inventory_item_id, held.product_id, held.facility_id,
           entry.entry_id, -entry.qoh_diff as quantity
      from pg_temp.act_item as item
      join oms.inventory_ledger as entry using (order_id, order_item_seq)
      join oms.inventory_item as held using (inventory_item_id)
     where item.verdict is null
       and entry.qoh_diff < 0
     order by item.order_id, item.order_item_seq, entry.inventory_item_id, entry.entry_id desc
), last as (
    select distinct on (order_id, order_item_seq) order_id, order_item_seq, facility_id
      from issued
     order by order_id, order_item_seq, entry_id desc
)
insert into pg_temp.act_part (order_id, order_item_seq, product_id, inventory_item_id, quantity)
select order_id, order_item_seq, product_id, inventory_item_id, quantity
  from issued
  join last using (order_id, order_item_seq, facility_id)

-- name: lock_positions
-- One order for everybody who locks positions, so that nobody waits in a circle.
select count(*)
  from (select from oms.inventory_item
         where inventory_item_id in (select inventory_item_id from pg_temp.act_part)
         order by facility_id, product_id, location_seq_id
           for no key update) as locked

-- name: enter
-- An entry at each reserved position, of a kit's components in their proportion; the events of an item are numbered,
-- under its lock.
select part.inventory_item_id, item.qoh * part.quantity / item.reserved, item.atp * part.quantity / item.reserved,
       item.order_id, item.order_item_seq,
       format('order:%%s:%%s:%%s:%%s', item.order_id, item.order_item_seq,
              (select count(*)
                 from oms.inventory_ledger as earlier
                where earlier.order_id = item.order_id
                  and earlier.order_item_seq = item.order_item_seq)
              + row_number() over (partition by item.order_id, item.order_item_seq order by part.product_id),
              %(event)s::text)
  from pg_temp.act_item as item
  join pg_temp.act_part as part using (order_id, order_item_seq)
 where item.verdict is null
   and (item.qoh <> 0 or item.atp <> 0)

-- name: shrink
update oms.inventory_reservation as part
   set quantity = part.quantity - item.units * part.quantity / item.reserved
  from pg_temp.act_item as item
 where item.verdict is null
   and item.units between 1 and item.reserved - 1
   and part.order_id = item.order_id
   and part.order_item_seq = item.order_item_seq

-- name: drop
delete from oms.inventory_reservation as part
 using pg_temp.act_item as item
 where item.verdict is null
   and item.reserved > 0
   and (%(whole)s or item.units = item.reserved)
   and part.order_id = item.order_id
   and part.order_item_seq = item.order_item_seq

-- name: hand_over
-- The units leave the facility now, of a kit its components too.
with place as materialized (
    select facility_id, oms.default_location(facility_id) as location_seq_id
      from (select distinct asked_facility_id as facility_id
              from pg_temp.act_item
             where verdict is null) as asked
), locked as materialized (
    select item.order_id, item.order_item_seq, item.product_id as sold_product_id, item.units,
           part.product_id, part.quantity, position.inventory_item_id
      from pg_temp.act_item as item
      join place on place.facility_id = item.asked_facility_id
      join oms.reserved_part as part on part.sold_product_id = item.product_id
      join oms.inventory_item as position
        on position.product_id = part.product_id
       and position.facility_id = place.facility_id
       and position.location_seq_id = place.location_seq_id
     where item.verdict is null
     order by position.facility_id, position.product_id, position.location_seq_id
       for no key update of position
)
select inventory_item_id, -units * quantity, -units * quantity, 'SHOPIFY_POS_SALE', order_id, order_item_seq,
       format('order:%s:%s:%s:hand over', order_id, order_item_seq,
              row_number() over (partition by order_id, order_item_seq
                                     order by product_id <> sold_product_id, product_id))
  from locked

-- name: leave_known_returns
update pg_temp.act_item as item
   set verdict = 'ALREADY'
 where item.verdict is null
   and exists (select from oms.inventory_ledger as known
                where known.source_key = concat_ws(':', 'return', item.order_id, item.order_item_seq, item.asked_key))

-- name: receive_returns
-- Of a kit its components come back too.
with place as materialized (
    select facility_id, oms.default_location(facility_id) as location_seq_id
      from (select distinct asked_facility_id as facility_id
              from pg_temp.act_item
             where verdict is null) as asked
), locked as materialized (
    select item.order_id, item.order_item_seq, item.product_id as sold_product_id, item.units, item.asked_key,
           part.product_id, part.quantity, position.inventory_item_id
      from pg_temp.act_item as item
      join place on place.facility_id = item.asked_facility_id
      join oms.reserved_part as part on part.sold_product_id = item.product_id
      join oms.inventory_item as position
        on position.product_id = part.product_id
       and position.facility_id = place.facility_id
       and position.location_seq_id = place.location_seq_id
     where item.verdict is null
     order by position.facility_id, position.product_id, position.location_seq_id
       for no key update of position
)
select inventory_item_id, units * quantity, units * quantity, 'RTN_ITM_RCPT', order_id, order_item_seq,
       concat_ws(':', 'return', order_id, order_item_seq, asked_key,
                 case when product_id <> sold_product_id then 'part ' || product_id end)
  from locked

-- name: note
{into_changes}
select distinct product_id, %(cause)s
  from pg_temp.act_item
 where verdict is null
 order by product_id

-- Orders and lines that come in. Rules: orders.md 5.1, 5.4; inventory.md 6.7, 7.4.

-- name: product_stores
-- The store of a shop, the one named, or all there are when neither is given.
select product_store_id
  from oms.shop
 where shop_id = %(shop_id)s::text
 union
select product_store_id
  from oms.product_store
 where %(shop_id)s::text is null
   and product_store_id = coalesce(%(store)s::text, product_store_id)

-- name: find_orders
select header.order_id, header.shop_id, header.external_id
  from oms.order_header as header
  join unnest(%(shops)s::text[], %(external_ids)s::text[]) as given (shop_id, external_id)
    on header.external_id = given.external_id and coalesce(header.shop_id, '') = coalesce(given.shop_id, '')

-- name: unknown
select given.number
  from unnest(%(numbers)s::text[]) with ordinality as given (number, place)
 where not exists (select from oms.order_header as known
                    where known.shop_id = %(shop_id)s
                      and known.external_id = given.number)
 order by given.place

-- name: create_orders
-- In the order given, which is the same for all; those that somebody else has taken in meanwhile are not returned.
insert into oms.order_header (product_store_id, shop_id, external_id, status)
select store, shop_id, external_id, status
  from unnest(%(stores)s::text[], %(shops)s::text[], %(external_ids)s::text[], %(states)s::text[])
       with ordinality as given (store, shop_id, external_id, status, place)
 order by place
on conflict do nothing
returning order_id, shop_id, external_id

-- name: read_orders
-- With the number of the next item; read after the lock, to see the items of its last holder.
select header.order_id, coalesce(header.order_name, header.external_id, header.order_id::text), header.shop_id, header.status,
       1 + coalesce((select max(item.order_item_seq) from oms.order_item as item
                      where item.order_id = header.order_id), 0)
  from oms.order_header as header
 where header.order_id = any (%(orders)s::bigint[])

-- name: refused_lines
-- Lines whose act would have no level, although the shop keeps stock of their product; and units that were handed over
-- where nothing lies.
with line as (
    select *
      from unnest(%(places)s::integer[], %(numbers)s::integer[], %(names)s::text[], %(shops)s::text[],
                  %(products)s::bigint[], %(locations)s::bigint[], %(facilities)s::text[], %(states)s::text[])
           as given (place, seq, name, shop_id, product_id, location_id, facility_id, state)
), unplaced as (
    select line.place, min(line.name) as name, min(line.shop_id) as shop_id,
           string_agg(line.seq::text, ', ' order by line.seq) as numbers
      from line
      join oms.shop_product as variant
        on variant.shop_id = line.shop_id and variant.product_id = line.product_id and variant.thru_date is null
     where variant.tracked
       and variant.shopify_inventory_item_id is not null
       and line.location_id is null
       and line.state not in ('HISTORY', 'CANCELLED')
     group by line.place
)
select place, 'NO_LOCATION',
       format('order %%s of shop %%s: line %%s does not say at which Shopify location its units are held',
              name, shop_id, numbers)
  from unplaced
 union all
select line.place,
       case when facility.facility_id is null then 'UNKNOWN_FACILITY' else 'VIRTUAL_FACILITY' end,
       format(case when facility.facility_id is null then 'facility %%s: does not exist'
                   else 'facility %%s: is virtual and holds no stock to reserve' end, line.facility_id)
  from line
  left join oms.facility on facility.facility_id = line.facility_id
  left join oms.facility_type as kind using (facility_type_id)
 where line.state = 'HANDED_OVER'
   and kind.is_virtual is not false

-- name: decide
-- Shopify took the units from the level when it sold them; those handed over or lost are not on hand either. Units that
-- were sold and never committed as far as the OMS was told move one side of a comparison alone.
insert into pg_temp.act_item (order_id, order_item_seq, asked_facility_id, product_id, units, available, on_hand, learned)
select line.order_id, line.seq, line.facility_id, line.product_id, line.quantity,
       case when line.state = 'OPEN' or gone.is_so then -line.quantity else 0 end,
       case when gone.is_so then -line.quantity else 0 end,
       case when line.state = 'CANCELLED_NOT_RESTOCKED' then 'cancelled' when gone.is_so then 'sold' end
  from unnest(%(orders)s::bigint[], %(numbers)s::integer[], %(facilities)s::text[], %(products)s::bigint[],
              %(quantities)s::integer[], %(states)s::text[])
       as line (order_id, seq, facility_id, product_id, quantity, state)
 cross join lateral (select line.state in ('HANDED_OVER', 'WRITTEN_OFF', 'CANCELLED_NOT_RESTOCKED') as is_so) as gone

-- name: create_items
-- Open units of a shop's order are committed in Shopify from the first moment (K of inventory.md 6.7).
insert into oms.order_item (order_id, order_item_seq, ship_group_seq, product_id, external_line_id, quantity,
                            cancel_quantity, status, shopify_location_id, shopify_inventory_item_id,
                            committed_quantity)
select line.order_id, line.seq, place.ship_group_seq, line.product_id, line.external_id, line.quantity,
       case when line.state in ('CANCELLED', 'CANCELLED_NOT_RESTOCKED') then line.quantity else 0 end,
       case when line.state in ('CANCELLED', 'CANCELLED_NOT_RESTOCKED') then 'CANCELLED'
            when line.state <> 'OPEN' then 'COMPLETED'
            when header.status in ('CREATED', 'HOLD') then 'CREATED'
            else 'APPROVED' end,
       line.location_id, variant.shopify_inventory_item_id,
       case when header.shop_id is not null and line.state = 'OPEN' then line.quantity else 0 end
  from unnest(%(orders)s::bigint[], %(numbers)s::integer[], %(products)s::bigint[], %(quantities)s::integer[],
              %(external_ids)s::text[], %(locations)s::bigint[], %(states)s::text[], %(facilities)s::text[])
       as line (order_id, seq, product_id, quantity, external_id, location_id, state, facility_id)
  join oms.order_header as header using (order_id)
  join oms.order_ship_group as place on place.order_id = header.order_id and place.facility_id = line.facility_id
  left join oms.shop_product as variant
    on variant.shop_id = header.shop_id and variant.product_id = line.product_id
   and variant.thru_date is null and variant.tracked

-- name: leave_others_alone
-- Only what was handed over leaves the shelf.
update pg_temp.act_item as item
   set verdict = 'ALREADY'
  from unnest(%(orders)s::bigint[], %(numbers)s::integer[], %(states)s::text[]) as line (order_id, seq, state)
 where item.order_id = line.order_id
   and item.order_item_seq = line.seq
   and line.state <> 'HANDED_OVER'

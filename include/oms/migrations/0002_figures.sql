-- The figures that leave the OMS: online ATP of a channel, and the figure of a physical location.
-- Sources: spec inventory.md 2.1, 2.2, 2.4, 6.3, 6.8.

create view oms.kit_component as
with recursive share as (
    select product_id as kit_product_id, component_product_id, coalesce(nullif(quantity, 0), 1)::bigint as quantity
      from oms.product_assoc
     where from_date <= now() and (thru_date is null or thru_date > now())
    union all
    select share.kit_product_id, inner_kit.component_product_id,
           share.quantity * coalesce(nullif(inner_kit.quantity, 0), 1)
      from share
      join oms.product_assoc as inner_kit on inner_kit.product_id = share.component_product_id
     where inner_kit.from_date <= now() and (inner_kit.thru_date is null or inner_kit.thru_date > now())
) cycle component_product_id set is_cycle using path
select kit_product_id, component_product_id, sum(quantity) as quantity
  from share
 where not is_cycle
   and component_product_id <> kit_product_id
 group by kit_product_id, component_product_id;
comment on view oms.kit_component is 'What is in a kit today, kits inside it included: units of each component for one kit (inventory.md 2.5).';

create view oms.open_order_line as
select item.order_id, item.order_item_seq, item.product_id, ship_group.facility_id, header.product_store_id,
       item.quantity - item.cancel_quantity
       - coalesce((select sum(reservation.quantity)
                     from oms.inventory_reservation as reservation
                    where reservation.order_id = item.order_id
                      and reservation.order_item_seq = item.order_item_seq), 0) as unreserved
  from oms.order_item as item
  join oms.order_ship_group as ship_group using (order_id, ship_group_seq)
  join oms.order_header as header using (order_id)
  join oms.product_store as store using (product_store_id)
 where item.status in ('CREATED', 'APPROVED')
   and header.status in ('CREATED', 'APPROVED', 'HOLD')
   and store.reserve_inventory;
comment on view oms.open_order_line is 'Open order lines and where they stand; orders of a store that does not reserve are no demand (inventory.md 2.2).';

create view oms.unreserved_demand as
select order_id, order_item_seq, product_id, facility_id, product_store_id, unreserved as quantity
  from oms.open_order_line
 union all
select line.order_id, line.order_item_seq, kit.component_product_id, line.facility_id, line.product_store_id,
       line.unreserved * kit.quantity
  from oms.kit_component as kit
  join oms.open_order_line as line on line.product_id = kit.kit_product_id;
comment on view oms.unreserved_demand is 'Units of open orders without a reservation and where they stand; a kit is also demand for its components (inventory.md 6.8, INV-51).';

create statistics oms.inventory_item_places (ndistinct) on product_id, facility_id from oms.inventory_item;
comment on statistics oms.inventory_item_places is 'Positions are nearly one for each product and facility: without it the planner of online_atp expects a tenth.';

create function oms.online_atp(
    group_id        text,
    product_ids     bigint[]  default null,
    held_products   bigint[]  default '{}',
    held_facilities text[]    default '{}',
    held_quantities integer[] default '{}'
) returns table (
    product_id      bigint,
    online_atp      integer,
    facility_sum    bigint,
    threshold       integer,
    queue           integer,
    reason          text
) language sql stable as $$
    with configuration as (
        select member.facility_id
          from oms.facility_group_member as member
          join oms.facility as place using (facility_id)
         where member.facility_group_id = group_id
           and member.from_date <= now() and (member.thru_date is null or member.thru_date > now())
           and place.facility_type_id = 'CONFIGURATION'
    ), eligible as (
        select link.facility_id
          from oms.product_store_facility as link
          join oms.facility_group_member as member using (facility_id)
          join oms.facility as place using (facility_id)
          join oms.facility_type as kind using (facility_type_id)
         where link.product_store_id = (select channel.product_store_id
                                          from oms.facility_group as channel
                                         where channel.facility_group_id = group_id)
           and link.from_date <= now() and (link.thru_date is null or link.thru_date > now())
           and member.facility_group_id = group_id
           and member.from_date <= now() and (member.thru_date is null or member.thru_date > now())
           and not kind.is_virtual
    ), competing_store as (
        select channel.product_store_id
          from oms.facility_group as channel
         where channel.facility_group_id = group_id
        union
        select link.product_store_id
          from oms.product_store_facility as link
          join eligible using (facility_id)
         where link.from_date <= now() and (link.thru_date is null or link.thru_date > now())
    ), channel_store as (
        select store.reserve_inventory, store.hold_preorder_physical_inventory
          from oms.facility_group as channel
          join oms.product_store as store using (product_store_id)
         where channel.facility_group_id = group_id
    ), held as (
        select row.product_id, row.facility_id, sum(row.quantity) as quantity
          from unnest(held_products, held_facilities, held_quantities) as row (product_id, facility_id, quantity)
         group by row.product_id, row.facility_id
    ), stock as (
        select item.product_id, item.facility_id, sum(item.atp) as atp
          from oms.inventory_item as item
         where item.facility_id in (select eligible.facility_id from eligible)
           and (product_ids is null or item.product_id = any (product_ids))
         group by item.product_id, item.facility_id
    ), per_product as (
        select stock.product_id,
               sum(stock.atp - coalesce(held.quantity, 0)) as atp,
               sum(greatest(0, stock.atp - coalesce(held.quantity, 0) - coalesce(setting.minimum_stock, 0))) as computed
          from stock
          left join held
            on held.product_id = stock.product_id and held.facility_id = stock.facility_id
          left join (select place.product_id, place.facility_id, place.minimum_stock, place.allow_brokering
                       from oms.product_facility as place
                      where (place.minimum_stock > 0 or not place.allow_brokering)
                        and (product_ids is null or place.product_id = any (product_ids))) as setting
            on setting.product_id = stock.product_id and setting.facility_id = stock.facility_id
         where setting.allow_brokering is distinct from false
         group by stock.product_id
    ), channel_setting as (
        select setting.product_id, max(setting.minimum_stock) as threshold,
               coalesce(bool_or(not setting.allow_brokering), false) as switched_off
          from oms.product_facility as setting
         where setting.facility_id in (select configuration.facility_id from configuration)
           and (product_ids is null or setting.product_id = any (product_ids))
         group by setting.product_id
    ), demand as (
        select waiting.product_id, sum(waiting.quantity) as quantity,
               sum(waiting.quantity) filter
                   (where waiting.facility_id in ('PRE_ORDER_PARKING', 'BACKORDER_PARKING')) > 0 as is_presold
          from oms.unreserved_demand as waiting
         where (select channel_store.reserve_inventory from channel_store)
           and waiting.product_store_id in (select competing_store.product_store_id from competing_store)
           and (product_ids is null or waiting.product_id = any (product_ids))
         group by waiting.product_id
    ), part as (
        select wanted.product_id,
               coalesce(per_product.atp, 0)                    as atp,
               coalesce(per_product.computed, 0)               as computed,
               coalesce(channel_setting.threshold, 0)          as threshold,
               coalesce(demand.quantity, 0)                    as queue,
               coalesce(channel_setting.switched_off, false)   as switched_off,
               coalesce(demand.is_presold, false)
               and (select channel_store.hold_preorder_physical_inventory from channel_store) as on_hold
          from oms.product as wanted
          left join per_product using (product_id)
          left join channel_setting using (product_id)
          left join demand using (product_id)
         where not wanted.is_virtual
           and (product_ids is null or wanted.product_id = any (product_ids))
    )
    select part.product_id,
           case when part.switched_off or part.atp < 0 or part.on_hold then 0
                else least(1000000000, greatest(0, part.computed - part.threshold - part.queue))::integer
           end,
           part.computed::bigint,
           part.threshold,
           part.queue::integer,
           case when part.switched_off then 'SWITCHED_OFF'
                when part.atp < 0      then 'NET_NEGATIVE'
                when part.on_hold      then 'PREORDER_HOLD'
           end
      from part
$$;
comment on function oms.online_atp is
'The one number a channel may promise, for one, some or (product_ids null) all products that can be sold (inventory.md 2.2).
facility_sum: sum over the eligible facilities of max(0, ATP - safety stock). threshold: highest of the channel''s CONFIGURATION
members. queue: demand without a reservation wherever it stands, of all stores that are served by the same facilities.
reason, where the figure is 0 by a rule and not by arithmetic: SWITCHED_OFF, NET_NEGATIVE, PREORDER_HOLD.
held_products, held_facilities, held_quantities: changes of ATP to be left out, side by side (mode DELTA, 6.5).
A product without a position has a row (0). Figures end at 1,000,000,000, the greatest that Shopify takes.';

create function oms.facility_figure(
    at_facility     text,
    basis           text,
    product_ids     bigint[]  default null,
    held_products   bigint[]  default '{}',
    held_facilities text[]    default '{}',
    held_quantities integer[] default '{}'
) returns table (
    product_id      bigint,
    figure          integer,
    in_position     bigint,
    safety_stock    integer,
    demand          integer,
    reason          text
) language sql stable as $$
    with held as (
        select row.product_id, sum(row.quantity) as quantity
          from unnest(held_products, held_facilities, held_quantities) as row (product_id, facility_id, quantity)
         where row.facility_id = at_facility
         group by row.product_id
    ), stock as (
        select item.product_id, sum(case basis when 'QOH' then item.qoh else item.atp end) as quantity
          from oms.inventory_item as item
         where item.facility_id = at_facility
           and (product_ids is null or item.product_id = any (product_ids))
         group by item.product_id
    ), demand as (
        select waiting.product_id, sum(waiting.quantity) as quantity
          from oms.unreserved_demand as waiting
         where waiting.facility_id = at_facility
           and basis <> 'QOH'
           and (product_ids is null or waiting.product_id = any (product_ids))
         group by waiting.product_id
    ), part as (
        select wanted.product_id,
               coalesce(stock.quantity, 0) - coalesce(held.quantity, 0)                        as in_position,
               case basis when 'COMPUTED_ATP' then coalesce(setting.minimum_stock, 0) else 0 end as safety_stock,
               coalesce(demand.quantity, 0)                                                    as demand,
               setting.allow_brokering is false                                                as switched_off
          from oms.product as wanted
          left join stock using (product_id)
          left join held using (product_id)
          left join demand using (product_id)
          left join oms.product_facility as setting
            on setting.product_id = wanted.product_id and setting.facility_id = at_facility
         where not wanted.is_virtual
           and (product_ids is null or wanted.product_id = any (product_ids))
    )
    select part.product_id,
           case when part.switched_off then 0
                else least(1000000000,
                           greatest(0, part.in_position - part.safety_stock - part.demand))::integer
           end,
           part.in_position::bigint,
           part.safety_stock,
           part.demand::integer,
           case when part.switched_off then 'SWITCHED_OFF' end
      from part
$$;
comment on function oms.facility_figure is
'What a physical location shows (inventory.md 2.4, 6.3): basis ATP, COMPUTED_ATP (safety stock deducted) or QOH, never below 0.
ATP and COMPUTED_ATP are lowered by demand without a reservation that stands at the facility (6.8, INV-48); QOH is compared with
on_hand, which an order does not move. allow_brokering = false shows 0 (reason SWITCHED_OFF).
held_...: changes to be left out, side by side, of ATP or, for basis QOH, of QOH; those of other facilities are ignored.';

create function oms.default_location(at_facility text) returns text language sql stable as $$
    select coalesce(min(place.location_seq_id), 'TLTLTLLL01')
      from oms.facility_location as place
     where place.facility_id = at_facility and place.location_type = 'FLT_PICKLOC'
$$;
comment on function oms.default_location is 'Where stock of a facility lies unless somebody says otherwise: its pick face, else TLTLTLLL01 (inventory.md 1.2).';

create unique index order_header_external on oms.order_header ((coalesce(shop_id, '')), external_id)
    where external_id is not null;
comment on index oms.order_header_external is 'An order is taken in once, also where it comes from no shop.';

create index inventory_ledger_order on oms.inventory_ledger (order_id, order_item_seq) where order_id is not null;

drop index oms.shop_product_product;
create unique index shop_product_product on oms.shop_product (shop_id, product_id) where thru_date is null;
comment on index oms.shop_product_product is 'One variant of a shop for one product: its level is the only one that shows the product at a location.';

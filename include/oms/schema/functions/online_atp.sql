create or replace function oms.online_atp(
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
    ), channel_store as (
        select store.reserve_inventory, store.hold_preorder_physical_inventory
          from oms.facility_group as channel
          join oms.product_store as store using (product_store_id)
         where channel.facility_group_id = group_id
    ), held as (
        select row.product_id, row.facility_id, sum(row.quantity) as quantity
          from unnest(held_products, held_facilities, held_quantities) as row (product_id, facility_id, quantity)
         where row.facility_id is not null
         group by row.product_id, row.facility_id
    ), held_queue as (
        select row.product_id, sum(row.quantity) as quantity
          from unnest(held_products, held_facilities, held_quantities) as row (product_id, facility_id, quantity)
         where row.facility_id is null
         group by row.product_id
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
           and waiting.product_store_id in (select competing.product_store_id from oms.competing_stores(group_id) as competing)
           and (product_ids is null or waiting.product_id = any (product_ids))
         group by waiting.product_id
    ), kit_part as (
        select kit.kit_product_id, kit.component_product_id, kit.quantity
          from oms.limiting_component as kit
         where kit.component_type_id = 'FINISHED_GOOD'
           and (product_ids is null or kit.kit_product_id = any (product_ids))
    ), component_place as (
        select item.product_id, sum(item.atp) - coalesce(min(held.quantity), 0) as atp
          from oms.inventory_item as item
          left join held
            on held.product_id = item.product_id and held.facility_id = item.facility_id
          left join oms.product_facility as place
            on place.product_id = item.product_id and place.facility_id = item.facility_id
         where item.product_id in (select kit_part.component_product_id from kit_part)
           and item.facility_id in (select eligible.facility_id from eligible)
           and place.allow_brokering is distinct from false
         group by item.product_id, item.facility_id
    ), component_atp as (
        select component_place.product_id, sum(greatest(0, component_place.atp)) as atp
          from component_place
         group by component_place.product_id
    ), component_queue as (
        select waiting.product_id, sum(waiting.quantity) as quantity
          from oms.unreserved_demand as waiting
         where waiting.product_id in (select kit_part.component_product_id from kit_part)
           and (select channel_store.reserve_inventory from channel_store)
           and waiting.product_store_id in (select competing.product_store_id
                                              from oms.competing_stores(group_id) as competing)
         group by waiting.product_id
    ), kit_cap as (
        select kit_part.kit_product_id as product_id,
               min(div(greatest(0, coalesce(component_atp.atp, 0) - coalesce(component_queue.quantity, 0)
                                   - coalesce(held_queue.quantity, 0)), kit_part.quantity)) as kits
          from kit_part
          left join component_atp on component_atp.product_id = kit_part.component_product_id
          left join component_queue on component_queue.product_id = kit_part.component_product_id
          left join held_queue on held_queue.product_id = kit_part.component_product_id
         group by kit_part.kit_product_id
    ), part as (
        select wanted.product_id,
               coalesce(per_product.atp, 0)                    as atp,
               coalesce(per_product.computed, 0)               as computed,
               coalesce(channel_setting.threshold, 0)          as threshold,
               coalesce(demand.quantity, 0) + coalesce(held_queue.quantity, 0) as queue,
               kit_cap.kits                                    as kits,
               coalesce(channel_setting.switched_off, false)   as switched_off,
               coalesce(demand.is_presold, false)
               and (select channel_store.hold_preorder_physical_inventory from channel_store) as on_hold
          from oms.product as wanted
          left join per_product using (product_id)
          left join channel_setting using (product_id)
          left join demand using (product_id)
          left join held_queue using (product_id)
          left join kit_cap using (product_id)
         where not wanted.is_virtual
           and (product_ids is null or wanted.product_id = any (product_ids))
    )
    select part.product_id,
           case when part.switched_off or part.atp < 0 or part.on_hold then 0
                else least(1000000000, part.kits, greatest(0, part.computed - part.threshold - part.queue))::integer
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
A kit is at most what the ATP of its components allows, less what is promised of them to the queue (6.8, INV-51).
reason, where the figure is 0 by a rule and not by arithmetic: SWITCHED_OFF, NET_NEGATIVE, PREORDER_HOLD.
held_products, held_facilities, held_quantities: changes of ATP to be left out, side by side (mode DELTA, 6.5); facility null:
a change of the queue, below 0 where it has grown.
A product without a position has a row (0). Figures end at 1,000,000,000, the greatest that Shopify takes.';

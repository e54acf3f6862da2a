-- Webhooks inventory_levels/update. level_event is a temporary table of the transaction, one row for each event;
-- status null: still to be applied or observed. Rules: inventory.md 5.16, shopify.md 4.4.

-- name: take_up_again
-- Events that were set aside because the OMS did not know the item: it does now.
update oms.webhook_inbox as event
   set status = 'NEW', processed_at = null, error = null
  from oms.shop_product as mapped
 where event.topic = %(topic)s
   and event.status = 'FAILED'
   and event.error like 'UNKNOWN_ITEM%%'
   and mapped.shop_id = event.shop_id
   and mapped.thru_date is null
   and mapped.shopify_inventory_item_id::text = event.payload ->> 'inventory_item_id'

-- name: forget_events
drop table if exists pg_temp.level_event

-- name: take_events
-- The oldest that wait, with what they speak of; others may work on other events meanwhile. Where nothing can be
-- done, the verdict says why: IGNORED, or FAILED where a person or a later import can mend it.
create temporary table level_event on commit drop as
with taken as materialized (
    select shop_id, webhook_id, triggered_at, received_at, payload
      from oms.webhook_inbox
     where topic = %(topic)s
       and status = 'NEW'
     order by received_at, webhook_id
     limit %(limit)s
       for update skip locked
), said as materialized (
    select shop_id, webhook_id, triggered_at, received_at,
           case when payload ->> 'inventory_item_id' ~ '^[1-9][0-9]{0,17}$'
                then (payload ->> 'inventory_item_id')::bigint end as item,
           case when payload ->> 'location_id' ~ '^[1-9][0-9]{0,17}$'
                then (payload ->> 'location_id')::bigint end as location,
           case when payload ->> 'available' ~ '^-?[0-9]{1,10}$'
                 and abs((payload ->> 'available')::bigint) <= 1000000000
                then (payload ->> 'available')::integer end as available,
           payload ->> 'available' as available_text,
           oms.moment_of(payload ->> 'updated_at') as updated_at
      from taken
), default_location as (
    select facility_id, min(location_seq_id) as location_seq_id
      from oms.facility_location
     where location_type = 'FLT_PICKLOC'
     group by facility_id
), placed as (
    select said.*, shop.inventory_master = 'SHOPIFY' as is_master, place.shop_id is not null as is_mapped,
           place.is_consolidated, place.is_contradictory,
           coalesce(place.facility_id, case when place.is_consolidated then %(target)s::text end) as facility_id,
           mapped.product_id, product.product_type_id
      from said
      join oms.shop using (shop_id)
      left join oms.shop_location_place as place
             on place.shop_id = said.shop_id
            and place.shopify_location_id = said.location
      left join oms.shop_product as mapped
             on mapped.shop_id = said.shop_id
            and mapped.shopify_inventory_item_id = said.item
            and mapped.thru_date is null
      left join oms.product on product.product_id = mapped.product_id
), judged as (
    select placed.*,
           coalesce(default_location.location_seq_id, 'TLTLTLLL01') as location_seq_id,
           case when item is null or location is null or updated_at is null
                     or (available is null and available_text is not null)
                then 'FAILED PAYLOAD: inventory_item_id, location_id, updated_at or available is missing or no legal value'
                when not is_mapped
                then format('IGNORED UNKNOWN_LOCATION: no facility is mapped to location %%s', location)
                when is_contradictory
                then format('FAILED MAPPING: location %%s is mapped to a queue and to a facility; keep one', location)
                when product_id is null
                then format('FAILED UNKNOWN_ITEM: the OMS has no product for the inventory item %%s: it is new or '
                            'deleted; when an import of products brings it, the event is taken up again', item)
                when available_text is null then 'IGNORED UNTRACKED: Shopify does not count this item'
                when is_master and product_type_id = 'MARKETING_PKG_PICK'
                then 'IGNORED EXCLUDED: the stock of a kit follows from its components'
                when is_master and facility_id is null
                then format('IGNORED CONSOLIDATED: location %%s stands for several facilities and cannot be split; '
                            'set targetFacilityId', location)
           end as verdict
      from placed
      left join default_location using (facility_id)
)
select shop_id, webhook_id, triggered_at, received_at, item, location, available, updated_at, is_master,
       facility_id, location_seq_id, product_id,
       split_part(verdict, ' ', 1) as status, substr(verdict, strpos(verdict, ' ') + 1) as error
  from judged

-- name: freshen
-- The planner would take a table that was just made for a small one.
analyze pg_temp.level_event

-- name: keep_newest
-- Only the newest word on a level counts, in whatever order they came.
update level_event as event
   set status = 'STALE'
  from (select shop_id, webhook_id,
               row_number() over (partition by shop_id, location, item
                                  order by updated_at desc, triggered_at desc nulls last, received_at desc,
                                           webhook_id desc) as place
          from level_event
         where status is null) as ranked
 where ranked.shop_id = event.shop_id
   and ranked.webhook_id = event.webhook_id
   and ranked.place > 1

-- name: find_changes
-- Levels that balances are to follow; of two shops that speak of one position, the newer word.
create temporary table import_change on commit drop as
select distinct on (event.facility_id, event.product_id)
       null::bigint as line_number, format('webhook:%%s:%%s', event.shop_id, event.webhook_id) as source_key,
       event.product_id, event.facility_id, event.location_seq_id, item.inventory_item_id,
       event.available as quantity, true as by_atp,
       format('Shopify: %%s available at %%s', event.available, event.updated_at) as comments,
       event.shop_id, event.location as shopify_location_id, event.item as shopify_inventory_item_id,
       event.updated_at, event.triggered_at as told_at, null::text as verdict, event.webhook_id
  from level_event as event
  left join oms.inventory_item as item using (product_id, facility_id, location_seq_id)
 where event.status is null
   and event.is_master
 order by event.facility_id, event.product_id, event.updated_at desc, event.triggered_at desc nulls last

-- name: tell_applied
update level_event as event
   set status = case when change.webhook_id is not null and change.verdict is null then 'DONE' else 'STALE' end
  from level_event as same
  left join import_change as change using (shop_id, webhook_id)
 where event.shop_id = same.shop_id
   and event.webhook_id = same.webhook_id
   and event.is_master
   and event.status is null

-- name: observe
-- The newest word on a level of ours beside the figure it should show. What a line of ours set it to a moment before
-- is its echo: no drift, even if the figure has moved on since.
with place as (
    select event.shop_id, event.location, told.facility_group_id, map.facility_id, told.physical_basis,
           array_agg(distinct event.product_id) as products
      from level_event as event
      join oms.shop_location as told
        on told.shop_id = event.shop_id
       and told.shopify_location_id = event.location
      join oms.shop_location_place as map
        on map.shop_id = event.shop_id
       and map.shopify_location_id = event.location
     where event.status is null
       and not event.is_master
     group by event.shop_id, event.location, told.facility_group_id, map.facility_id, told.physical_basis
), figure as (
    select place.shop_id, place.location, shown.product_id, shown.online_atp as desired
      from place
     cross join lateral oms.online_atp(place.facility_group_id, place.products) as shown
     where place.facility_id is null
    union all
    select place.shop_id, place.location, shown.product_id, shown.figure
      from place
     cross join lateral oms.facility_figure(place.facility_id, place.physical_basis, place.products) as shown
     where place.facility_id is not null
       and place.physical_basis <> 'QOH'
), seen as (
    select event.*, figure.desired,
           case when exists (select from oms.sync_line as line
                              where line.shop_id = event.shop_id
                                and line.shopify_location_id = event.location
                                and line.shopify_inventory_item_id = event.item
                                and line.desired = event.available
                                and line.status not in ('REJECTED', 'SUPERSEDED')
                                and line.created_at between event.updated_at - interval '10 minutes'
                                                        and event.updated_at + interval '5 seconds')
                then event.available else figure.desired end as expected
      from level_event as event
      left join figure using (shop_id, location, product_id)
     where event.status is null
       and not event.is_master
)
insert into oms.shop_level_drift as kept
       (shop_id, shopify_location_id, shopify_inventory_item_id, product_id, shopify_available, desired, expected,
        updated_at, told_at, drifting_since, webhook_id)
select shop_id, location, item, product_id, available, desired, expected, updated_at, triggered_at,
       case when available <> expected then now() end, webhook_id
  from seen
 order by shop_id, location, item
on conflict (shop_id, shopify_location_id, shopify_inventory_item_id) do update
   set product_id = excluded.product_id, shopify_available = excluded.shopify_available,
       desired = excluded.desired, expected = excluded.expected, updated_at = excluded.updated_at,
       told_at = excluded.told_at, observed_at = now(), webhook_id = excluded.webhook_id,
       drifting_since = case when excluded.drifting_since is not null
                             then coalesce(kept.drifting_since, excluded.drifting_since) end
 where excluded.updated_at > kept.updated_at
    or (excluded.updated_at = kept.updated_at and excluded.told_at > kept.told_at)

-- name: tell_observed
-- The observation that stands is this event's, or something newer was heard before.
update level_event as event
   set status = case when exists (select from oms.shop_level_drift as kept
                                   where kept.shop_id = event.shop_id
                                     and kept.webhook_id = event.webhook_id
                                     and kept.shopify_location_id = event.location
                                     and kept.shopify_inventory_item_id = event.item)
                     then 'DONE' else 'STALE' end
 where event.status is null

-- name: set_aside
-- For the log.
select shop_id, webhook_id, error
  from level_event
 where status = 'FAILED'
 order by shop_id, webhook_id
 limit %(limit)s

-- name: finish
with told as (
    update oms.webhook_inbox as inbox
       set status = event.status, error = event.error, processed_at = now()
      from level_event as event
     where inbox.shop_id = event.shop_id
       and inbox.webhook_id = event.webhook_id
 returning inbox.status
)
select lower(status), count(*)
  from told
 group by status

-- name: call_for_hard_sync
-- Facilities whose balances webhooks have set since a location in DELTA mode that shows them was compared; a shop is
-- asked for again only after a while, whatever came of it. What is not rung for today stays to be found by the next
-- run a minute later.
with place as (
    select location.shop_id, location.shopify_location_id, location.facility_group_id, location.compared
      from oms.shop_location as location
      join oms.shop using (shop_id)
     where location.sync_mode = 'DELTA'
       and location.compared is not null
       and shop.push_enabled
       and shop.inventory_master = 'OMS'
       and not exists (select from oms.job_watermark as rung
                        where rung.job = 'receive_inventory_level_webhooks'
                          and rung.shop_id = location.shop_id
                          and rung.recorded_to > now() - %(between)s)
), shown as (
    select place.shop_id, place.compared, mapped.facility_id
      from place
      join oms.shop_location_facility as mapped using (shop_id, shopify_location_id)
     union all
    select place.shop_id, place.compared, member.facility_id
      from place
      join oms.facility_group_member as member using (facility_group_id)
), waiting as materialized (
    select distinct shown.shop_id, shown.facility_id
      from shown
     where exists (select
                     from oms.shop_location_facility as followed
                     join oms.shop as master using (shop_id)
                    where followed.facility_id = shown.facility_id
                      and master.inventory_master = 'SHOPIFY')
       and exists (select
                     from oms.inventory_ledger as entry
                     join oms.inventory_item as item using (inventory_item_id)
                    where entry.tx >= pg_snapshot_xmin(shown.compared)
                      and not pg_visible_in_snapshot(entry.tx, shown.compared)
                      and entry.source_key like 'webhook:%%'
                      and item.facility_id = shown.facility_id)
), rung as (
    insert into oms.job_watermark as kept (job, shop_id, recorded_to)
    select distinct 'receive_inventory_level_webhooks', shop_id, now()
      from waiting
    on conflict (job, shop_id, scope) do update
       set recorded_to = excluded.recorded_to
)
select distinct facility_id
  from waiting
 order by facility_id

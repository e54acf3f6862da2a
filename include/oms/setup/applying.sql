-- name: faults
-- What the state after all files must not be: (file, key, column, value, remedy).
with location as (
    select place.shop_id, place.shopify_location_id, place.facility_group_id, place.sync_mode, shop.product_store_id,
           count(*) filter (where not kind.is_virtual)                  as physical,
           coalesce(bool_or(mapped.facility_id = '_NA_'), false)        as is_channel,
           min(mapped.facility_id) filter (where kind.is_virtual and mapped.facility_id <> '_NA_') as wrongly_virtual
      from oms.shop_location as place
      join oms.shop using (shop_id)
      left join oms.shop_location_facility as mapped using (shop_id, shopify_location_id)
      left join oms.facility using (facility_id)
      left join oms.facility_type as kind using (facility_type_id)
     group by place.shop_id, place.shopify_location_id, shop.product_store_id
)
select 'facility_groups' as file, array[facility_group_id] as key, 'product_store_id' as column_name, '' as value,
       'a selling channel (' || facility_group_id || ') needs the product store whose facilities serve it' as remedy
  from oms.facility_group
 where facility_group_type = 'CHANNEL_FAC_GROUP' and product_store_id is null
union all
select 'shop_location_facilities', array[shop_id, '_NA_'], 'shopify_location_id', shopify_location_id::text,
       'is both: _NA_ makes it consolidated, its single facility makes it physical; keep one of the two'
  from location
 where is_channel and physical = 1
union all
select 'shop_location_facilities', array[shop_id, wrongly_virtual], 'facility_id', wrongly_virtual,
       'is virtual and has no figure of its own; map a physical facility, or _NA_ for the channel'
  from location
 where wrongly_virtual is not null
union all
select 'shop_locations', array[shop_id, shopify_location_id::text], 'facility_group_id',
       coalesce(location.facility_group_id, ''),
       'a consolidated location (' || shop_id || ' / ' || shopify_location_id
       || ') needs the channel whose online ATP it shows: a group of type CHANNEL_FAC_GROUP'
  from location
  left join oms.facility_group as channel using (facility_group_id)
 where (is_channel or physical > 1)
   and channel.facility_group_type is distinct from 'CHANNEL_FAC_GROUP'
union all
select 'shop_locations', array[shop_id, shopify_location_id::text], 'sync_mode', sync_mode,
       'needs a store that reserves inventory: set reserve_inventory of ' || store.product_store_id
       || ' to Y, or the mode to RECENT'
  from location
  left join oms.facility_group as channel using (facility_group_id)
  join oms.product_store as store
    on store.product_store_id in (location.product_store_id, channel.product_store_id)
 where sync_mode = 'DELTA' and not store.reserve_inventory
union all
select 'facilities', array[facility_id], 'facility_type_id', facility_type_id,
       'a virtual facility holds no stock, but there is some at ' || facility_id
  from oms.facility
  join oms.facility_type using (facility_type_id)
 where is_virtual
   and exists (select from oms.inventory_item as item
                where item.facility_id = facility.facility_id and (item.qoh <> 0 or item.atp <> 0))
union all
select 'facilities', array[facility.facility_id], 'external_id', facility.external_id,
       'is the facility_id of another facility, so that a file which names it could mean either'
  from oms.facility
  join oms.facility as other on normalize(other.facility_id, NFC) = normalize(facility.external_id, NFC)
 where other.facility_id <> facility.facility_id
union all
select 'facilities', array[facility_id],
       case when normalize(facility_id, NFC) = reference then 'facility_id' else 'external_id' end, reference,
       'is what ' || first_id || ' is called, too, in another form of Unicode, so that a file which names it could mean either'
  from (select reference, facility_id, min(facility_id) over (partition by reference) as first_id
          from oms.facility_reference) as named
 where facility_id <> first_id
union all
select 'shop_locations', array[location.shop_id, location.shopify_location_id::text], 'facility_group_id',
       location.facility_group_id,
       'names a channel, but a single facility is mapped to it: leave it blank, or map _NA_ or another facility'
  from location
 where not is_channel and physical = 1 and location.facility_group_id is not null
union all
select 'search_preferences', array[search_preference_id], 'facility_ids', named.facility_id,
       'is no CONFIGURATION facility; thresholds belong to one'
  from oms.search_preference
 cross join unnest(facility_ids) as named (facility_id)
 where not exists (select from oms.facility as known
                    where known.facility_id = named.facility_id and known.facility_type_id = 'CONFIGURATION')
union all
select 'search_preferences', array[rule.search_preference_id], 'position', rule.position::text,
       'is the turn of ' || other.search_preference_id || ' too; every rule of a store has its own'
  from oms.search_preference as rule
  join oms.search_preference as other using (product_store_id, position)
 where rule.search_preference_id > other.search_preference_id
 order by file, key, column_name;

-- name: remarks
-- What is allowed but probably not meant: (file, key, column, value, remark).
with offered as (
    select shop_id, shopify_location_id, format('%s units of %s products', sum(units), count(*)) as units
      from oms.level_offered
     group by shop_id, shopify_location_id
)
select 'shop_locations' as file, array[place.shop_id, place.shopify_location_id::text] as key,
       null as column_name, place.shop_id || ' / ' || place.shopify_location_id as value,
       case when offered.units is null
            then 'no facility is mapped to it, so nothing is sent there'
            when place.sync_mode = 'OFF'
            then 'its sync_mode is OFF: nothing is sent there, and by its book it goes on offering ' || offered.units
            when place.leave_units
            then 'no facility is mapped to it any more, and by its book it goes on offering ' || offered.units
                 || ' (leave_units is Y)'
            when not shop.push_enabled or shop.inventory_master = 'SHOPIFY'
            then 'no facility is mapped to it any more, and by its book it goes on offering ' || offered.units
                 || ': nothing is pushed to this shop'
            else 'no facility is mapped to it any more; by its book it goes on offering ' || offered.units
                 || ' until the next push takes them off (leave_units Y leaves them)'
       end as remark
  from oms.shop_location as place
  join oms.shop using (shop_id)
  left join offered using (shop_id, shopify_location_id)
 where case when place.sync_mode = 'OFF' then offered.units is not null
            else not exists (select from oms.shop_location_facility as mapped
                              where mapped.shop_id = place.shop_id
                                and mapped.shopify_location_id = place.shopify_location_id) end
union all
select 'shops', array[shop.shop_id], 'connection_id', shop.connection_id,
       'is the connection of ' || other.shop_id || ' too: both would write to one shop'
  from oms.shop
  join oms.shop as other using (connection_id)
 where shop.shop_id > other.shop_id
union all
select 'facility_group_members', array[member.facility_group_id, member.facility_id],
       null, member.facility_group_id || ' / ' || member.facility_id,
       'counts nothing: the facility is not linked to product store ' || channel.product_store_id
  from oms.facility_group_member as member
  join oms.facility_group as channel using (facility_group_id)
  join oms.facility using (facility_id)
  join oms.facility_type as kind using (facility_type_id)
 where channel.facility_group_type = 'CHANNEL_FAC_GROUP'
   and not kind.is_virtual
   and (member.thru_date is null or member.thru_date > now())
   and not exists (select from oms.product_store_facility as link
                    where link.product_store_id = channel.product_store_id
                      and link.facility_id = member.facility_id
                      and (link.thru_date is null or link.thru_date > now()))
 order by file, key;

-- name: mark_products
-- Every product whose figures the changes may have moved, once: by position or setting at a facility,
-- by open demand where a store or a link changed, by shop where a mapping changed.
{into_changes}
with facility as (
    select unnest(%(facilities)s::text[]) as facility_id
    union
    select facility_id from oms.product_store_facility where product_store_id = any (%(stores)s::text[])
    union
    select facility_id from oms.facility_group_member where facility_group_id = any (%(groups)s::text[])
)
select product_id, 'setup'
  from (select item.product_id
          from oms.inventory_item as item
         where item.facility_id in (select facility.facility_id from facility)
        union
        select setting.product_id
          from oms.product_facility as setting
         where setting.facility_id in (select facility.facility_id from facility)
        union
        select item.product_id
          from oms.order_item as item
         where item.status in ('CREATED', 'APPROVED')
           and (exists (select from facility) or cardinality(%(stores)s::text[]) > 0)
        union
        select variant.product_id
          from oms.shop_product as variant
         where variant.shop_id = any (%(shops)s::text[])
           and variant.thru_date is null) as moved;

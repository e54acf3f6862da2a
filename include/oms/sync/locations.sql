-- Locations of a shop and what they show. Rules: inventory.md 2.4, 5.1.

-- name: shop
-- The shop with what its product store decides about pushing.
select shop.push_enabled, shop.inventory_master, store.reserve_inventory
  from oms.shop
  join oms.product_store as store using (product_store_id)
 where shop.shop_id = %(shop_id)s

-- name: locations
-- The mapped locations of a shop that receive figures, with what is mapped to each.
select location.shopify_location_id,
       location.sync_mode,
       location.physical_basis,
       location.facility_group_id,
       location.compared::text as compared,
       min(mark.snapshot::text) as mark,
       min(mark.planned_at) as planned_at,
       array_agg(mapped.facility_id order by mapped.facility_id) filter (where not kind.is_virtual) as physical,
       bool_or(kind.is_virtual) as has_virtual,
       bool_or(exists (select from oms.facility_group_member as member
                        where member.facility_id = mapped.facility_id
                          and member.facility_group_id = %(shopify_facility_group)s
                          and member.from_date <= now()
                          and (member.thru_date is null or member.thru_date > now()))) as in_shopify_group,
       bool_or(exists (select from oms.facility_group_member as member
                        where member.facility_id = mapped.facility_id
                          and member.facility_group_id = any (%(facility_groups)s)
                          and member.from_date <= now()
                          and (member.thru_date is null or member.thru_date > now()))) as in_groups,
       bool_and(not exists (select from oms.facility_group_member as member
                              join oms.facility_group as channel using (facility_group_id)
                             where member.facility_id = mapped.facility_id
                               and channel.facility_group_type = 'CHANNEL_FAC_GROUP'
                               and member.from_date <= now()
                               and (member.thru_date is null or member.thru_date > now()))) as in_no_channel
  from oms.shop_location as location
  join oms.shop_location_facility as mapped using (shop_id, shopify_location_id)
  join oms.facility using (facility_id)
  join oms.facility_type as kind using (facility_type_id)
  left join oms.sync_mark as mark using (shop_id, shopify_location_id)
 where location.shop_id = %(shop_id)s
   and location.sync_mode <> 'OFF'
 group by location.shop_id, location.shopify_location_id
 order by location.shopify_location_id

-- name: locations_to_empty
-- Locations that have lost their last facility and still offer units of ours, which nobody wants to leave there.
select location.shopify_location_id, location.sync_mode, location.physical_basis,
       location.compared::text as compared, mark.snapshot::text as mark, mark.planned_at
  from oms.shop_location as location
  left join oms.sync_mark as mark using (shop_id, shopify_location_id)
 where location.shop_id = %(shop_id)s
   and location.sync_mode <> 'OFF'
   and not location.leave_units
   and not exists (select from oms.shop_location_facility as mapped
                    where mapped.shop_id = location.shop_id
                      and mapped.shopify_location_id = location.shopify_location_id)
   and exists (select from oms.level_offered as offered
                where offered.shop_id = location.shop_id
                  and offered.shopify_location_id = location.shopify_location_id)
 order by location.shopify_location_id

-- name: locations_showing
-- Where stock of any of these facilities is part of the figure: mapped to it, or a member of its channel today.
select location.shopify_location_id
  from oms.shop_location as location
 where location.shop_id = %(shop_id)s
   and (exists (select from oms.shop_location_facility as mapped
                 where mapped.shop_id = location.shop_id
                   and mapped.shopify_location_id = location.shopify_location_id
                   and mapped.facility_id = any (%(facilities)s))
        or exists (select from oms.facility_group_member as member
                    where member.facility_group_id = location.facility_group_id
                      and member.facility_id = any (%(facilities)s)
                      and member.from_date <= now()
                      and (member.thru_date is null or member.thru_date > now())))

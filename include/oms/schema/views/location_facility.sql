create or replace view oms.location_facility as
select location.shop_id, location.shopify_location_id, member.facility_id
  from oms.shop_location as location
  join oms.facility_group_member as member using (facility_group_id)
 union all
select shop_id, shopify_location_id, facility_id
  from oms.shop_location_facility;
comment on view oms.location_facility is 'Facilities whose stock may be behind the figure of a location: those mapped to it and all that ever were members of its channel.';

create or replace view oms.shop_location_place as
select shop_id, shopify_location_id,
       case when count(*) = 1 and not bool_or(is_virtual) then min(facility_id) end as facility_id,
       bool_or(is_virtual) or count(*) > 1                                          as is_consolidated,
       bool_or(is_virtual) and count(*) filter (where not is_virtual) = 1           as is_contradictory
  from oms.shop_location_facility
  join oms.facility using (facility_id)
  join oms.facility_type using (facility_type_id)
 group by shop_id, shopify_location_id;
comment on view oms.shop_location_place is 'The facility of a physical location; none for a consolidated one, whose figure cannot be split. Contradictory: both at once, which is a mistake in the mapping (inventory.md 2.4).';

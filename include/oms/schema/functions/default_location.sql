create or replace function oms.default_location(at_facility text) returns text language sql stable as $$
    select coalesce(min(place.location_seq_id), 'TLTLTLLL01')
      from oms.facility_location as place
     where place.facility_id = at_facility and place.location_type = 'FLT_PICKLOC'
$$;
comment on function oms.default_location is 'Where stock of a facility lies unless somebody says otherwise: its pick face, else TLTLTLLL01 (inventory.md 1.2).';

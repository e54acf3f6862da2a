create or replace view oms.facility_reference as
select normalize(facility_id, NFC) as reference, facility_id
  from oms.facility
 union all
select normalize(external_id, NFC), facility_id
  from oms.facility as named
 where external_id is not null
   and not exists (select from oms.facility as own
                    where normalize(own.facility_id, NFC) = normalize(named.external_id, NFC));
comment on view oms.facility_reference is 'What a facility may be called: its own id or, where no facility has that id, its id in the ERP or POS (inventory.md 3.5).';

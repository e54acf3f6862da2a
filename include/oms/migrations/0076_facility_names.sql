-- What a facility is called is compared in the one form of Unicode in which identifiers are. Source: spec inventory.md 3.5.

create or replace view oms.facility_reference as
select normalize(facility_id, NFC) as reference, facility_id
  from oms.facility
 union all
select normalize(external_id, NFC), facility_id
  from oms.facility as named
 where external_id is not null
   and not exists (select from oms.facility as own
                    where normalize(own.facility_id, NFC) = normalize(named.external_id, NFC));

create index facility_by_id on oms.facility (normalize(facility_id, NFC));
comment on index oms.facility_by_id is 'A facility by its id, in whatever form of Unicode that was set up.';
create index facility_by_external_id on oms.facility (normalize(external_id, NFC));
comment on index oms.facility_by_external_id is 'A facility by its id in the ERP or POS, in whatever form of Unicode that was set up.';

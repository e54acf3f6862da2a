-- Which later file has set a facility, asked for a repair or an undoing.

create index import_facility_rows_facility on oms.import_facility_rows (facility_id, log_id);
comment on index oms.import_facility_rows_facility is 'The files that have set a facility since some other one.';

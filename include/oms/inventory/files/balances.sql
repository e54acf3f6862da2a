-- Landed rows of files that change balances become resolved rows: ids instead of texts, and a verdict.
-- {landed}, {resolved}, … are names filled in by psycopg.sql. Rules: inventory.md 3.5, 5.4, 5.5.

-- name: places
-- What a row may call a facility, and where its stock lies: at the location that the row names, else that of the
-- parameter, else the pick face. external_id stands once, with the facility's own id.
select reference.id as reference, facility.facility_id, type.is_virtual,
       case when reference.id = normalize(facility.facility_id, NFC) then normalize(facility.external_id, NFC) end
           as external_id,
       coalesce(nullif(%(location)s, 'TLTLTLLL01'), default_location.location_seq_id, 'TLTLTLLL01') as location_seq_id,
       %(location)s = 'TLTLTLLL01'
           or exists (select from oms.facility_location as known
                       where known.facility_id = facility.facility_id
                         and known.location_seq_id = %(location)s) as location_is_known
  from ({facility_references}) as reference
  join oms.facility using (facility_id)
  join oms.facility_type as type using (facility_type_id)
  left join (select facility_id, min(location_seq_id) as location_seq_id
               from oms.facility_location
              where location_type = 'FLT_PICKLOC'
              group by facility_id) as default_location using (facility_id)

-- name: resolve
-- A row whose identifier belongs to several products, or whose facility cannot be told from another, comes out several
-- times; mark_ambiguous sees to that.
-- The planner takes half of a boolean for true, but next to nothing of an unanalysed column for null.
create unlogged table {resolved} with (autovacuum_enabled = false) as
{judged}
select line_number, product_id, position_key, as_of, quantity, remark, by_atp, facility_id, location_seq_id, reason_id,
       comments, group_key, error_code, error_code is null and remark is null as counts
  from judged

-- name: judged
-- The beginning of a statement: rows of {source}, a landed table, with ids and verdicts.
-- Facility: facilityId is an internal id, else an external one. Product: productId, else an identification
-- valid today. A moment after the arrival of the file, by a clock that is ahead, is that arrival.
with place as not materialized (
    {places}
),
spelling as not materialized (
    select id_type, identification_type_id
      from unnest(%(spellings)s::text[], %(spelled_types)s::text[]) as found (id_type, identification_type_id)
),
matched as not materialized (
    select landed.*,
           coalesce(by_reference.facility_id, by_external.facility_id) as own_facility_id,
           coalesce(by_reference.is_virtual, by_external.is_virtual) as at_virtual_facility,
           case when landed.location_seq_id is null
                then coalesce(by_reference.location_seq_id, by_external.location_seq_id)
                else coalesce(location.location_seq_id, landed.location_seq_id) end as own_location_seq_id,
           case when landed.location_seq_id is null
                then coalesce(by_reference.location_is_known, by_external.location_is_known)
                else landed.location_seq_id = 'TLTLTLLL01' or location.facility_id is not null end as location_is_known,
           by_reference.facility_id as referenced_facility_id,
           by_external.facility_id as external_owner_id,
           coalesce(by_id.product_id, by_value.product_id, by_barcode.product_id) as own_product_id,
           coalesce(by_id.is_virtual, by_value.is_virtual, by_barcode.is_virtual) as virtual_product,
           coalesce(by_id.product_type_id, by_value.product_type_id, by_barcode.product_type_id) as product_type_id,
           spelling.identification_type_id as own_id_type,
           reason.reason_id, reason.accepted_on_input, reason.writes_entry,
           case when landed.quantity is null then landed.units
                when abs(oms.whole_number(landed.quantity, %(decimal_separator)s)) <= 1000000000
                then oms.whole_number(landed.quantity, %(decimal_separator)s)::integer
           end as figure,
           oms.moment_of(landed.as_of) as moment,
           case when landed.reset_by_atp is null then null
                when lower(landed.reset_by_atp) in ('true', 't', 'yes', 'y', '1') then true
                when lower(landed.reset_by_atp) in ('false', 'f', 'no', 'n', '0') then false end as by_atp
      from (select line_number, ctid as place_in_table, units, raw, error_code, {columns} from {source}) as landed
      left join place as by_reference on by_reference.reference = landed.facility_id
      {external_join}
      {spelling_join}
      {location_join}
      left join ({products}) as by_value
             on landed.product_id is null
            and by_value.id_value = landed.id_value
            and by_value.identification_type_id
                = case when landed.id_type is null then %(default_id_type)s else spelling.identification_type_id end
      {barcode_join}
      {product_join}
      {reason_join}
),
judged as not materialized (
    select line_number, place_in_table, own_product_id as product_id,
           hashtextextended(own_location_seq_id, hashtextextended(own_facility_id, own_product_id)) as position_key,
           least(moment, case when moment is not null then (select created_at from oms.import_log where log_id = %(log_id)s) end)
               as as_of,
           figure as quantity,
           case when product_type_id = any(%(excluded)s) then 'SKIPPED_EXCLUDED'
                when not writes_entry then 'NO_ENTRY' end as remark,
           coalesce(by_atp, %(by_atp)s) as by_atp,
           own_facility_id as facility_id, own_location_seq_id as location_seq_id, reason_id, comments,
           {group_key} as group_key,
           case when error_code is not null then error_code
                when {known_reject} then 'REJECTED'
                when figure is null and quantity is null then 'ERR_REQUIRED'
                when product_id is null and id_value is null then 'ERR_REQUIRED'
                when own_facility_id is null then 'ERR_FACILITY_NOT_FOUND'
                when facility_id is not null and referenced_facility_id is null then 'ERR_FACILITY_NOT_FOUND'
                when external_facility_id is not null and external_owner_id is null then 'ERR_FACILITY_NOT_FOUND'
                when referenced_facility_id <> external_owner_id then 'ERR_FACILITY_CONFLICT'
                when at_virtual_facility then 'ERR_VIRTUAL_FACILITY'
                when product_id is null and id_type is not null and own_id_type is null then 'ERR_ID_TYPE'
                when own_product_id is null then 'ERR_PRODUCT_NOT_FOUND'
                when virtual_product then 'ERR_VIRTUAL_PRODUCT'
                when not location_is_known then 'ERR_LOCATION_NOT_FOUND'
                when figure is null and oms.whole_number(quantity, %(decimal_separator)s) is not null then 'ERR_RANGE'
                when figure is null then 'ERR_INVALID_NUMBER'
                when reset_by_atp is not null and by_atp is null then 'ERR_INVALID_BOOLEAN'
                when as_of is not null and moment is null then 'ERR_INVALID_TIMESTAMP'
                when moment > now() + interval '5 minutes' then 'ERR_FUTURE_TIMESTAMP'
                when reason is not null and (reason_id is null or not accepted_on_input) then 'ERR_REASON_NOT_FOUND'
                when length(comments) > 255 then 'ERR_TOO_LONG'
           end as error_code
      from matched
)
-- name: external_join
left join place as by_external on by_external.external_id = landed.external_facility_id

-- name: no_external_join
cross join (select null::text as facility_id, null::boolean as is_virtual, null::text as location_seq_id,
                   null::boolean as location_is_known) as by_external

-- name: spelling_join
left join spelling on spelling.id_type = landed.id_type

-- name: no_spelling_join
cross join (select null::text as identification_type_id) as spelling

-- name: barcode_join
-- A barcode that nobody has under the kind that the row names: whose it is under another one.
left join (select known.barcode, product.*
             from oms.known_barcode as known
             join oms.product using (product_id)) as by_barcode
       on by_value.product_id is null
      and landed.product_id is null
      and oms.is_barcode(case when landed.id_type is null then %(default_id_type)s else spelling.identification_type_id end)
      and by_barcode.barcode = oms.barcode_key(landed.id_value)

-- name: no_barcode_join
cross join (select null::bigint as product_id, null::boolean as is_virtual, null::text as product_type_id) as by_barcode

-- name: location_join
left join oms.facility_location as location
       on location.facility_id = coalesce(by_reference.facility_id, by_external.facility_id)
      and normalize(location.location_seq_id, NFC) = landed.location_seq_id

-- name: no_location_join
cross join (select null::text as facility_id, null::text as location_seq_id) as location

-- name: product_join
left join oms.product as by_id
       on by_id.product_id = case when landed.product_id ~ '^[1-9][0-9]{{0,17}}$' then landed.product_id::bigint end

-- name: no_product_join
cross join (select null::bigint as product_id, null::boolean as is_virtual, null::text as product_type_id) as by_id

-- name: reason_join
left join oms.reason on reason.reason_id = landed.reason

-- name: no_reason_join
cross join (select null::text as reason_id, null::boolean as accepted_on_input, null::boolean as writes_entry) as reason

-- name: mark_ambiguous
-- One row stays for each line that means several products or facilities, with that verdict.
with several as (
    select line_number, min(ctid) as kept, count(distinct facility_id) > 1 as of_facilities
      from {resolved}
     group by line_number
    having count(*) > 1
),
gone as (
    delete from {resolved} as row
     using several
     where row.line_number = several.line_number
       and row.ctid <> several.kept
)
update {resolved} as row
   set error_code = case when several.of_facilities then 'ERR_FACILITY_AMBIGUOUS'
                         when row.error_code is null or row.error_code in ('ERR_VIRTUAL_PRODUCT', 'ERR_LOCATION_NOT_FOUND')
                         then 'ERR_PRODUCT_AMBIGUOUS' else row.error_code end,
       counts = false
  from several
 where row.ctid = several.kept

-- name: set_rejects_aside
-- Every bad row once, byte for byte, with what is wrong and what would be right.
insert into oms.import_reject (log_id, line_number, error_column, error_code, error_message, raw, facility)
select coalesce(%(log_id)s::bigint, row.line_number >> 32), row.line_number & 4294967295,
       case row.error_code
            when 'ERR_REQUIRED' then case when landed.quantity is null and landed.units is null then %(quantity_column)s else 'idValue' end
            when 'ERR_FACILITY_NOT_FOUND' then
                case when landed.facility_id is null then 'externalFacilityId' else 'facilityId' end
            when 'ERR_FACILITY_CONFLICT' then 'externalFacilityId'
            when 'ERR_FACILITY_AMBIGUOUS' then
                case when landed.facility_id is null then 'externalFacilityId' else 'facilityId' end
            when 'ERR_VIRTUAL_FACILITY' then
                case when landed.facility_id is null then 'externalFacilityId' else 'facilityId' end
            when 'ERR_ID_TYPE' then 'idType'
            when 'ERR_PRODUCT_NOT_FOUND' then case when landed.product_id is null then 'idValue' else 'productId' end
            when 'ERR_PRODUCT_AMBIGUOUS' then 'idValue'
            when 'ERR_VIRTUAL_PRODUCT' then case when landed.product_id is null then 'idValue' else 'productId' end
            when 'ERR_LOCATION_NOT_FOUND' then 'locationSeqId'
            when 'ERR_RANGE' then %(quantity_column)s
            when 'ERR_INVALID_NUMBER' then %(quantity_column)s
            when 'ERR_INVALID_BOOLEAN' then 'resetByAtp'
            when 'ERR_INVALID_TIMESTAMP' then %(as_of_column)s
            when 'ERR_FUTURE_TIMESTAMP' then %(as_of_column)s
            when 'ERR_REASON_NOT_FOUND' then %(reason_column)s
            when 'ERR_TOO_LONG' then 'comments'
       end,
       row.error_code,
       case row.error_code
            when 'ERR_REQUIRED' then 'the value is blank; every row needs one'
            when 'ERR_FACILITY_NOT_FOUND' then {facility_not_found}
            when 'ERR_FACILITY_CONFLICT' then {facility_conflict}
            when 'ERR_FACILITY_AMBIGUOUS' then {facility_ambiguous}
            when 'ERR_VIRTUAL_FACILITY' then
                format('%%s is a virtual facility, which never holds stock', row.facility_id)
            when 'ERR_ID_TYPE' then {unknown_id_type}
            when 'ERR_PRODUCT_NOT_FOUND' then {product_not_found}
            when 'ERR_PRODUCT_AMBIGUOUS' then {product_ambiguous}
            when 'ERR_VIRTUAL_PRODUCT' then 'a parent product has no stock; name one of its variants'
            when 'ERR_LOCATION_NOT_FOUND' then
                format('facility %%s has no location %%L', row.facility_id, left(row.location_seq_id, 80))
            when 'ERR_RANGE' then
                format('%%s is beyond 1000000000 either way', left(landed.quantity, 80))
            when 'ERR_INVALID_NUMBER' then oms.number_fault(landed.quantity, %(decimal_separator)s)
            when 'ERR_INVALID_BOOLEAN' then format('%%L is neither true nor false', left(landed.reset_by_atp, 80))
            when 'ERR_INVALID_TIMESTAMP' then
                format('%%L is not a moment with a zone, such as 2026-08-01T05:00:00+09:00', left(landed.as_of, 80))
            when 'ERR_FUTURE_TIMESTAMP' then format('%%s lies in the future', landed.as_of)
            when 'ERR_REASON_NOT_FOUND' then
                format('%%L is not a reason that a file may give; use one of %%s', left(landed.reason, 80),
                       (select string_agg(reason_id, ', ' order by reason_id) from oms.reason
                         where accepted_on_input))
            when 'ERR_TOO_LONG' then format('%%s characters; at most 255', length(landed.comments))
            else landed.error_message
       end,
       coalesce(landed.raw, {raw}), coalesce(row.facility_id, landed.facility_id, landed.external_facility_id)
  from {resolved} as row
  join (select line_number, units, raw, error_message, {columns} from {landed}) as landed using (line_number)
 where row.error_code <> 'REJECTED'
on conflict do nothing

-- What rows say of facilities and products, and what they mean. Rules: inventory.md 3.5.
-- The parts of statements below know the row as it came as landed.

-- name: facility_references
-- facilityId is an internal id, else an external one.
select reference as id, facility_id from oms.facility_reference

-- name: named_facilities
-- The same, each name once; several: it is in different forms of Unicode the name of more than one.
select reference as id, min(facility_id) as facility_id, count(*) > 1 as several
  from oms.facility_reference
 group by reference

-- name: outside_facilities
-- Facilities by their external ids, each id once.
select normalize(external_id, NFC) as id, min(facility_id) as facility_id, count(*) > 1 as several
  from oms.facility
 where external_id is not null
 group by normalize(external_id, NFC)

-- name: identified_products
-- Identifications valid today, and whose they are.
select identification.identification_type_id, identification.id_value, product.*
  from oms.product_identification as identification
  join oms.product using (product_id)
 where identification.from_date <= now()
   and (identification.thru_date is null or identification.thru_date > now())

-- name: spelled_id_types
-- The spellings of identifier types in a file that stand for one: compared without case and punctuation.
select spelled.id_type, known.identification_type_id
  from (select distinct id_type from {landed} where id_type is not null) as spelled
  join oms.identification_spelling as known
    on known.match_key = oms.match_key(spelled.id_type)

-- name: default_id_type
select min(identification_type_id)
  from oms.identification_spelling
 where match_key = oms.match_key(%(default_id_type)s)

-- name: facility_not_found
format('no facility has the id %%s; create it or correct the row',
       coalesce(concat_ws(' / ', quote_literal(left(landed.facility_id, 80)),
                          quote_literal(left(landed.external_facility_id, 80))), '(blank)'))

-- name: facility_conflict
format('%%L and %%L are two facilities; give only one', left(landed.facility_id, 80),
       left(landed.external_facility_id, 80))

-- name: facility_ambiguous
format('%%L is the id of several facilities, in different forms of Unicode; change that of all but one',
       left(coalesce(landed.facility_id, landed.external_facility_id), 80))

-- name: known_id_types
select oms.known_id_types()

-- name: unknown_id_type
format('unknown idType %%L; known are %%s', left(landed.id_type, 80), oms.known_id_types())

-- name: product_not_found
case when landed.product_id is not null then format('no product has the id %%L', left(landed.product_id, 80))
     else format('no product has the %%s %%L today', coalesce(landed.id_type, %(default_id_type)s), left(landed.id_value, 80))
          || case when landed.id_value ~ '^[0-9][.,]?[0-9]*[eE][+][0-9]+$'
                  then '; it looks like a number that a spreadsheet has shortened: format the column as text'
                  else '; import the product first or correct the row' end
end

-- name: product_ambiguous
format('several products have the %%s %%L; give productId, or end one of them',
       coalesce(landed.id_type, %(default_id_type)s), left(landed.id_value, 80))

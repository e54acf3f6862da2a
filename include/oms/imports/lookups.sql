-- What rows say of facilities and products, and what they mean. Rules: inventory.md 3.5.
-- The parts of statements below know the row as it came as landed.

-- name: facility_references
-- facilityId is an internal id, else an external one.
select facility_id as id, facility_id
  from oms.facility
 union all
select external_id, facility_id
  from oms.facility as named
 where external_id is not null
   and not exists (select from oms.facility as own where own.facility_id = named.external_id)

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
  join (select match_key, identification_type_id from oms.identification_type
         union all
        select 'SHOPIFYPRODUCTID', 'SHOPIFY_PROD_ID') as known
    on known.match_key = upper(regexp_replace(spelled.id_type, '[^[:alnum:]]', '', 'g'))

-- name: default_id_type
select min(identification_type_id)
  from oms.identification_type
 where match_key = upper(regexp_replace(%(default_id_type)s, '[^[:alnum:]]', '', 'g'))

-- name: facility_not_found
format('no facility has the id %%s; create it or correct the row',
       coalesce(concat_ws(' / ', quote_literal(left(landed.facility_id, 80)),
                          quote_literal(left(landed.external_facility_id, 80))), '(blank)'))

-- name: facility_conflict
format('%%L and %%L are two facilities; give only one', left(landed.facility_id, 80),
       left(landed.external_facility_id, 80))

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

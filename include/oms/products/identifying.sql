-- Identifiers by which other systems know products. Rules: inventory.md 3.5.

-- name: make_given
drop table if exists pg_temp.identifier_given, pg_temp.identifier_named;
create temporary table identifier_given (
    line_number  bigint,
    sku          text collate "C",
    id_type      text,
    id_value     text collate "C"
) on commit drop

-- name: resolve
-- Each row with its product and its type; a SKU that several products have is given to none.
create temporary table identifier_named on commit drop as
select given.line_number, given.sku, given.id_type, given.id_value, known.identification_type_id,
       case when found.owners = 1 then found.product_id end as product_id, coalesce(found.owners, 0) as owners
  from identifier_given as given
  left join oms.identification_spelling as known on known.match_key = oms.match_key(given.id_type)
  left join (select identification.id_value, min(product_id) as product_id, count(distinct product_id) as owners
               from oms.product_identification as identification
              where identification.identification_type_id = 'SKU'
                and identification.from_date <= now()
                and (identification.thru_date is null or identification.thru_date > now())
              group by identification.id_value) as found on found.id_value = given.sku

-- name: freshen
create index on pg_temp.identifier_named (identification_type_id, id_value);
create index on pg_temp.identifier_named (product_id, identification_type_id);
analyze pg_temp.identifier_named

-- name: faults
-- A value belongs to one product: in the file, and among those that the file does not change.
select named.line_number, wrong.fault
  from identifier_named as named
 cross join lateral (values
    (named.sku = '' or named.id_type = '' or named.id_value = '', 'sku, id_type and id_value must all be given'),
    (named.sku <> '' and named.owners = 0, format('no product has the SKU %L', named.sku)),
    (named.owners > 1, format('several products have the SKU %L', named.sku)),
    (named.id_type <> '' and named.identification_type_id is null,
     format('%L is no type of identifiers; there are %s', named.id_type,
            (select string_agg(identification_type_id, ', ' order by identification_type_id)
               from oms.identification_type
              where identification_type_id not in ('SKU', 'UPCA', 'SHOPIFY_PROD_ID', 'SHOPIFY_PROD_SKU')))),
    (named.identification_type_id in ('SKU', 'UPCA', 'SHOPIFY_PROD_ID', 'SHOPIFY_PROD_SKU'),
     format('%s comes from the shop; correct it there', named.identification_type_id)),
    (exists (select from identifier_named as other
              where other.identification_type_id = named.identification_type_id
                and other.id_value = named.id_value
                and other.product_id <> named.product_id),
     format('%s %L stands beside two products', named.identification_type_id, named.id_value)),
    (exists (select from oms.product_identification as held
              where held.identification_type_id = named.identification_type_id
                and held.id_value = named.id_value
                and held.product_id <> named.product_id
                and (held.thru_date is null or held.thru_date > now())
                and not exists (select from identifier_named as other
                                 where other.product_id = held.product_id
                                   and other.identification_type_id = held.identification_type_id)),
     format('%s %L is that of another product; name that one too, with its new value',
            named.identification_type_id, named.id_value))) as wrong (applies, fault)
 where wrong.applies
 order by named.line_number, wrong.fault

-- name: end_others
update oms.product_identification as held
   set thru_date = now()
 where (held.thru_date is null or held.thru_date > now())
   and exists (select from identifier_named as named
                where named.product_id = held.product_id
                  and named.identification_type_id = held.identification_type_id)
   and not exists (select from identifier_named as named
                    where named.product_id = held.product_id
                      and named.identification_type_id = held.identification_type_id
                      and named.id_value = held.id_value)

-- name: add_missing
insert into oms.product_identification (product_id, identification_type_id, id_value)
select distinct named.product_id, named.identification_type_id, named.id_value
  from identifier_named as named
 where not exists (select from oms.product_identification as held
                    where held.product_id = named.product_id
                      and held.identification_type_id = named.identification_type_id
                      and held.id_value = named.id_value
                      and (held.thru_date is null or held.thru_date > now()))

-- Files that set what holds for a product at a facility. {landed}, {resolved}, … are names filled in by
-- psycopg.sql. Rules: inventory.md 3.5, 5.9, 5.10.

-- name: judge
-- Every row with its ids, its settings as values, and what is wrong with it. A fault is {{column, code, message}}.
create unlogged table {resolved} with (autovacuum_enabled = false) as
with spelling as not materialized (
    select id_type, identification_type_id
      from unnest(%(spellings)s::text[], %(spelled_types)s::text[]) as found (id_type, identification_type_id)
),
matched as not materialized (
    select landed.*,
           place.facility_id as own_facility_id, place.facility_type_id, kind.is_virtual as at_virtual_facility,
           by_reference.facility_id as referenced_facility_id, by_external.facility_id as external_owner_id,
           coalesce(by_reference.several, by_external.several) as several_facilities,
           product.product_id as own_product_id, product.is_virtual as virtual_product, by_value.owners,
           spelling.identification_type_id as own_id_type,
           oms.whole_number(landed.minimum_stock, %(decimal_separator)s) as minimum,
           oms.whole_number(landed.reorder_quantity, %(decimal_separator)s) as reorder,
           oms.truth(landed.allow_brokering) as brokering, oms.truth(landed.allow_pickup) as pickup
      from (select line_number, error_code, error_message, {columns} from {landed}) as landed
      left join spelling on spelling.id_type = landed.id_type
      left join ({named_facilities}) as by_reference
             on by_reference.id = case when landed.external_facility_id is null
                                       then coalesce(landed.facility_id, normalize(%(facility)s, NFC)) else landed.facility_id end
      left join ({outside_facilities}) as by_external on by_external.id = landed.external_facility_id
      left join oms.facility as place on place.facility_id = coalesce(by_reference.facility_id, by_external.facility_id)
      left join oms.facility_type as kind on kind.facility_type_id = place.facility_type_id
      left join lateral (select min(known.product_id) as product_id, count(distinct known.product_id) as owners
                           from oms.identified(case when landed.id_type is null then %(default_id_type)s
                                                    else spelling.identification_type_id end, landed.id_value)
                                as known (product_id)) as by_value
             on landed.product_id is null
      left join oms.product as product
             on product.product_id = case when landed.product_id is null then by_value.product_id
                                          when landed.product_id ~ '^[1-9][0-9]{{0,17}}$' then landed.product_id::bigint end
),
judged as not materialized (
    select landed.*, {group_key} as group_key,
           case when error_code is not null then array[null, error_code, error_message]
                when {known_reject} then array[null, 'REJECTED', null]
                when product_id is null and id_value is null then
                     array[%(product_id_column)s, 'ERR_REQUIRED', 'the value is blank; every row needs one']
                when own_facility_id is null
                     or (facility_id is not null and referenced_facility_id is null)
                     or (external_facility_id is not null and external_owner_id is null) then
                     array[case when facility_id is null and external_facility_id is not null
                                then %(external_facility_id_column)s else %(facility_id_column)s end,
                           'ERR_FACILITY_NOT_FOUND',
                           case when coalesce(facility_id, external_facility_id) is null and %(facility)s is not null
                                then format('no facility has the id %%L, which the parameter facilityId names', %(facility)s)
                                else {facility_not_found} end]
                when several_facilities then
                     array[case when facility_id is null and external_facility_id is not null
                                then %(external_facility_id_column)s else %(facility_id_column)s end,
                           'ERR_FACILITY_AMBIGUOUS', {facility_ambiguous}]
                when referenced_facility_id <> external_owner_id then
                     array[%(external_facility_id_column)s, 'ERR_FACILITY_CONFLICT', {facility_conflict}]
                when %(thresholds)s and facility_type_id <> 'CONFIGURATION' then
                     array[%(facility_id_column)s, 'ERR_NOT_CONFIG_FACILITY',
                           format('%%s is a facility of type %%s; a threshold belongs to a CONFIGURATION facility, and '
                                  'safety stock of a place that holds stock to import_product_facility',
                                  own_facility_id, facility_type_id)]
                when at_virtual_facility and facility_type_id <> 'CONFIGURATION' then
                     array[case when facility_id is null then %(external_facility_id_column)s else %(facility_id_column)s end,
                           'ERR_VIRTUAL_FACILITY',
                           format('%%s is a queue of orders; name a place that holds stock, or a CONFIGURATION facility',
                                  own_facility_id)]
                when product_id is null and id_type is not null and own_id_type is null then
                     array[%(id_type_column)s, 'ERR_ID_TYPE', {unknown_id_type}]
                when owners > 1 then array[%(id_value_column)s, 'ERR_PRODUCT_AMBIGUOUS', {product_ambiguous}]
                when own_product_id is null then
                     array[case when product_id is null then %(id_value_column)s else %(product_id_column)s end,
                           'ERR_PRODUCT_NOT_FOUND', {product_not_found}]
                when virtual_product then
                     array[case when product_id is null then %(id_value_column)s else %(product_id_column)s end,
                           'ERR_VIRTUAL_PRODUCT', 'a parent product has no stock; name one of its variants']
                when minimum_stock is not null and minimum is null then
                     array[%(minimum_stock_column)s, 'ERR_INVALID_NUMBER',
                           oms.number_fault(minimum_stock, %(decimal_separator)s)]
                when minimum not between 0 and 1000000000 then
                     array[%(minimum_stock_column)s, 'ERR_RANGE',
                           format('%%s is not between 0 and 1000000000', left(minimum_stock, 80))]
                when reorder_quantity is not null and reorder is null then
                     array[%(reorder_quantity_column)s, 'ERR_INVALID_NUMBER',
                           oms.number_fault(reorder_quantity, %(decimal_separator)s)]
                when reorder not between 0 and 1000000000 then
                     array[%(reorder_quantity_column)s, 'ERR_RANGE',
                           format('%%s is not between 0 and 1000000000', left(reorder_quantity, 80))]
                when allow_brokering is not null and brokering is null then
                     array[%(allow_brokering_column)s, 'ERR_INVALID_BOOLEAN',
                           format('%%L is neither Y nor N', left(allow_brokering, 80))]
                when allow_pickup is not null and pickup is null then
                     array[%(allow_pickup_column)s, 'ERR_INVALID_BOOLEAN',
                           format('%%L is neither Y nor N', left(allow_pickup, 80))]
           end as fault
      from matched as landed
)
select line_number, own_product_id as product_id, own_facility_id as facility_id, group_key,
       case when fault is null then minimum::integer end as minimum_stock, brokering as allow_brokering,
       pickup as allow_pickup, case when fault is null then reorder::integer end as reorder_quantity,
       fault[1] as error_column, fault[2] as error_code, fault[3] as error_message,
       -- next to nothing of an unanalysed column is null to the planner, but half of a boolean is true
       fault is null as counts
  from judged

-- name: gather
-- What the part says of each product at each facility, and which line says so: the last that has a value wins.
create temporary table import_setting on commit drop as
select product_id, facility_id, false as is_new,
       (array_agg(minimum_stock order by line_number desc) filter (where minimum_stock is not null))[1] as minimum_stock,
       max(line_number) filter (where minimum_stock is not null) as minimum_stock_line,
       (array_agg(allow_brokering order by line_number desc) filter (where allow_brokering is not null))[1] as allow_brokering,
       max(line_number) filter (where allow_brokering is not null) as allow_brokering_line,
       (array_agg(allow_pickup order by line_number desc) filter (where allow_pickup is not null))[1] as allow_pickup,
       max(line_number) filter (where allow_pickup is not null) as allow_pickup_line,
       (array_agg(reorder_quantity order by line_number desc) filter (where reorder_quantity is not null))[1] as reorder_quantity,
       max(line_number) filter (where reorder_quantity is not null) as reorder_quantity_line
  from {rows} as row
 where counts
   and {in_part}
 group by product_id, facility_id

-- name: add_missing
-- No row means the defaults, so only what differs from them needs one. Whoever else adds the same row is waited for,
-- and compared with like any row that was there.
with added as (
    insert into oms.product_facility (product_id, facility_id, minimum_stock, allow_brokering, allow_pickup, reorder_quantity)
    select product_id, facility_id, coalesce(minimum_stock, 0), allow_brokering, allow_pickup, reorder_quantity
      from import_setting as setting
     where (minimum_stock <> 0 or allow_brokering is not null or allow_pickup is not null or reorder_quantity is not null)
       and not exists (select from oms.product_facility as kept
                        where kept.product_id = setting.product_id
                          and kept.facility_id = setting.facility_id)
     order by facility_id, product_id
        on conflict do nothing
 returning product_id, facility_id
)
update import_setting as setting
   set is_new = true
  from added
 where added.product_id = setting.product_id
   and added.facility_id = setting.facility_id

-- name: lock
-- One order for everybody, so that nobody waits in a circle.
select count(*)
  from (select
          from oms.product_facility as kept
          join import_setting as setting using (product_id, facility_id)
         where not setting.is_new
         order by kept.facility_id, kept.product_id
           for no key update of kept) as locked

-- name: compare
-- Which lines change something, and which ones are heard at all.
create temporary table import_setting_change on commit drop as
select setting.product_id, setting.facility_id, setting.is_new, setting.minimum_stock, setting.allow_brokering,
       setting.allow_pickup, setting.reorder_quantity,
       array[minimum_stock_line, allow_brokering_line, allow_pickup_line, reorder_quantity_line] as heard,
       array[case when setting.minimum_stock <> coalesce(kept.minimum_stock, 0) then minimum_stock_line end,
             case when setting.allow_brokering is distinct from kept.allow_brokering then allow_brokering_line end,
             case when setting.allow_pickup is distinct from kept.allow_pickup then allow_pickup_line end,
             case when setting.reorder_quantity is distinct from kept.reorder_quantity then reorder_quantity_line end
            ] as changing
  from import_setting as setting
  left join oms.product_facility as kept
         on kept.product_id = setting.product_id
        and kept.facility_id = setting.facility_id
        and not setting.is_new

-- name: change
update oms.product_facility as kept
   set minimum_stock = coalesce(setting.minimum_stock, kept.minimum_stock),
       allow_brokering = coalesce(setting.allow_brokering, kept.allow_brokering),
       allow_pickup = coalesce(setting.allow_pickup, kept.allow_pickup),
       reorder_quantity = coalesce(setting.reorder_quantity, kept.reorder_quantity)
  from import_setting_change as setting
 where kept.product_id = setting.product_id
   and kept.facility_id = setting.facility_id
   and not setting.is_new
   and cardinality(array_remove(setting.changing, null)) > 0

-- name: count_rows
-- All good rows of the part, those with any value, those that are heard, those that change something.
select (select count(*) from {rows} as row where counts and {in_part}),
       (select count(*)
          from {rows} as row
         where counts
           and {in_part}
           and num_nonnulls(minimum_stock, allow_brokering, allow_pickup, reorder_quantity) > 0),
       (select count(distinct line) from import_setting_change, unnest(heard) as line),
       (select count(distinct line) from import_setting_change, unnest(changing) as line)

-- name: forget
drop table if exists pg_temp.import_setting, pg_temp.import_setting_change

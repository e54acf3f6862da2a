-- Files that announce shipments. {landed}, {resolved}, … are names filled in by psycopg.sql. Rules: inventory.md 5.8.

-- name: misshapen
-- The first line that could not be split into columns.
select line_number, error_message
  from {landed}
 where error_code is not null
 order by line_number
 limit 1

-- name: judge
-- Every row with its ids and what is wrong with it; a shipment with a bad row is bad in all its rows, and its head
-- (facilities, status, supplier, date) must be the same in all. A fault is {{column, code, message}}.
create unlogged table {resolved} with (autovacuum_enabled = false) as
with spelling as not materialized (
    select id_type, identification_type_id
      from unnest(%(spellings)s::text[], %(spelled_types)s::text[]) as found (id_type, identification_type_id)
),
matched as not materialized (
    select landed.*,
           coalesce(upper(landed.shipment_type), 'IN_TRANSFER') as own_type, type.is_incoming,
           regexp_replace(coalesce(upper(landed.status), 'SHIPPED'), '^(SHIPMENT_|PURCH_SHIP_)', '') as own_status,
           coalesce(landed.supplier_id, landed.supplier_external_id) as supplier,
           origin.facility_id as own_origin_id, destination.facility_id as own_facility_id,
           origin.several as several_origins, destination.several as several_destinations,
           destination_kind.is_virtual as at_virtual_facility,
           product.product_id as own_product_id, product.is_virtual as virtual_product, by_value.owners,
           spelling.identification_type_id as own_id_type,
           oms.whole_number(landed.quantity, %(decimal_separator)s) as figure,
           case when landed.shipped_date ~ '^(19|20)[0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}}'
                     and pg_input_is_valid(landed.shipped_date, 'timestamptz')
                then landed.shipped_date::timestamptz end as shipped_at
      from (select line_number, {columns} from {landed}) as landed
      left join spelling on spelling.id_type = landed.id_type
      left join oms.shipment_type as type
             on type.shipment_type_id = coalesce(upper(landed.shipment_type), 'IN_TRANSFER')
      left join ({named_facilities}) as origin on origin.id = coalesce(landed.origin_facility_id, normalize(%(origin)s, NFC))
      left join ({named_facilities}) as destination
             on destination.id = coalesce(landed.destination_facility_id, normalize(%(destination)s, NFC))
      left join oms.facility as destination_place on destination_place.facility_id = destination.facility_id
      left join oms.facility_type as destination_kind
             on destination_kind.facility_type_id = destination_place.facility_type_id
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
           case when {known_reject} then array[null, 'REJECTED', null]
                when external_shipment_id is null then
                     array['external-shipment-id', 'ERR_REQUIRED', 'the value is blank; every row needs one']
                when is_incoming is not true then
                     array['shipment-type', 'ERR_SHIPMENT_TYPE',
                           format('%%L is no type of incoming shipments; write IN_TRANSFER, PURCHASE_SHIPMENT, SALES_RETURN '
                                  'or INCOMING_SHIPMENT', left(shipment_type, 80))]
                when own_status not in ('INPUT', 'APPROVED', 'PACKED', 'SHIPPED') then
                     array['shipment-status', 'ERR_SHIPMENT_STATUS',
                           format('%%L is no status that a file may give; write SHIPPED, PACKED, APPROVED or INPUT',
                                  left(status, 80))]
                when destination_facility_id is null and %(destination)s is null then
                     array['destination-facility-id', 'ERR_REQUIRED',
                           'the value is blank; name the facility here or in the parameter destinationFacilityId']
                when own_facility_id is null then
                     array['destination-facility-id', 'ERR_FACILITY_NOT_FOUND',
                           format('no facility has the id %%L; create it or correct the row',
                                  left(coalesce(destination_facility_id, %(destination)s), 80))]
                when several_destinations then
                     array['destination-facility-id', 'ERR_FACILITY_AMBIGUOUS',
                           format('%%L is the id of several facilities, in different forms of Unicode; change that of all but one',
                                  left(coalesce(destination_facility_id, %(destination)s), 80))]
                when at_virtual_facility then
                     array['destination-facility-id', 'ERR_VIRTUAL_FACILITY',
                           format('%%s is a virtual facility, which never holds stock', own_facility_id)]
                when origin_facility_id is null and %(origin)s is null and own_type = 'IN_TRANSFER' then
                     array['origin-facility-id', 'ERR_REQUIRED',
                           'the value is blank; name the facility here or in the parameter originFacilityId']
                when coalesce(origin_facility_id, %(origin)s) is not null and own_origin_id is null then
                     array['origin-facility-id', 'ERR_FACILITY_NOT_FOUND',
                           format('no facility has the id %%L; create it or correct the row',
                                  left(coalesce(origin_facility_id, %(origin)s), 80))]
                when several_origins then
                     array['origin-facility-id', 'ERR_FACILITY_AMBIGUOUS',
                           format('%%L is the id of several facilities, in different forms of Unicode; change that of all but one',
                                  left(coalesce(origin_facility_id, %(origin)s), 80))]
                when product_id is null and id_value is null then
                     array['product-sku', 'ERR_REQUIRED', 'the value is blank; every row needs one']
                when product_id is null and id_type is not null and own_id_type is null then
                     array['id-type', 'ERR_ID_TYPE', {unknown_id_type}]
                when owners > 1 then array['product-sku', 'ERR_PRODUCT_AMBIGUOUS', {product_ambiguous}]
                when own_product_id is null then
                     array[case when product_id is null then 'product-sku' else 'product-id' end,
                           'ERR_PRODUCT_NOT_FOUND', {product_not_found}]
                when virtual_product then
                     array[case when product_id is null then 'product-sku' else 'product-id' end,
                           'ERR_VIRTUAL_PRODUCT', 'a parent product has no stock; name one of its variants']
                when item_external_id is null then
                     array['item-external-id', 'ERR_REQUIRED', 'the value is blank; every row needs one']
                when quantity is null then array['quantity', 'ERR_REQUIRED', 'the value is blank; every row needs one']
                when figure is null then
                     array['quantity', 'ERR_INVALID_NUMBER',
                           oms.number_fault(quantity, %(decimal_separator)s)]
                when figure not between 1 and 1000000000 then
                     array['quantity', 'ERR_RANGE', format('%%s is not between 1 and 1000000000', left(quantity, 80))]
                when long.column_name is not null then
                     array[long.column_name, 'ERR_TOO_LONG', format('%%s characters; at most 255', long.letters)]
                when shipped_date is not null and shipped_at is null then
                     array['shipped-date', 'ERR_INVALID_TIMESTAMP',
                           format('%%L is neither a date nor a moment, such as 2026-08-01 or 2026-08-01T05:00:00+09:00',
                                  left(shipped_date, 80))]
                when exists (select from unnest(string_to_array(attribute, '|')) as one
                              where trim(one) !~ '^[^:]+:.') then
                     array['shipment-attribute', 'ERR_SHIPMENT_ATTRIBUTE',
                           format('%%L is not NAME:value', left(attribute, 80))]
                when (own_type, own_facility_id, own_origin_id, supplier, own_status, shipped_at)
                     is distinct from (first_value(own_type) over shipment, first_value(own_facility_id) over shipment,
                                       first_value(own_origin_id) over shipment, first_value(supplier) over shipment,
                                       first_value(own_status) over shipment, first_value(shipped_at) over shipment) then
                     array['external-shipment-id', 'ERR_SHIPMENT_CONFLICT',
                           format('another type, origin, destination, supplier, status or date than in line %%s of shipment '
                                  '%%s', first_value(line_number) over shipment, external_shipment_id)]
           end as fault
      from matched as landed
      left join lateral (select column_name, length(cell) as letters
                           from (values ('external-shipment-id', external_shipment_id), ('item-external-id', item_external_id),
                                        ('order-id', order_id), ('serial-number', serial_number),
                                        ('supplier-id', supplier)) as known (column_name, cell)
                          where length(cell) > 255
                          union all
                         select 'shipment-attribute', length(split_part(one, ':', 1))
                           from unnest(string_to_array(attribute, '|')) as one
                          where length(split_part(one, ':', 1)) > 255
                          limit 1) as long on true
    window shipment as (partition by external_shipment_id order by line_number)
),
whole as not materialized (
    select judged.*,
           case when external_shipment_id is not null
                then min(line_number) filter (where fault is not null) over (partition by external_shipment_id) end as culprit,
           case when external_shipment_id is not null
                then first_value(fault) over (partition by external_shipment_id
                                                  order by fault is null, line_number) end as reason
      from judged
)
select line_number, own_product_id as product_id, own_facility_id as facility_id, group_key, external_shipment_id,
       own_type as shipment_type_id, own_status as status, own_origin_id as origin_facility_id, supplier as supplier_id,
       coalesce(shipped_at, now()) as shipped_at, shipped_at is not null as is_dated,
       case when fault is null then figure::integer end as quantity, item_external_id, tracking_number, attribute,
       order_id, serial_number, coalesce(fault[1], case when culprit is not null then 'external-shipment-id' end) as error_column,
       coalesce(fault[2], case when culprit is not null then 'ERR_SHIPMENT_REFUSED' end) as error_code,
       coalesce(fault[3], case when culprit is not null
                               then format('shipment %%s is taken as a whole or not at all, and line %%s of it is refused (%%s%%s): '
                                           'correct that line and send all of them again', external_shipment_id, culprit,
                                           reason[2], coalesce(': ' || reason[3], '')) end) as error_message,
       -- next to nothing of an unanalysed column is null to the planner, but half of a boolean is true
       fault is null and culprit is null as counts
  from whole

-- name: gather_lines
-- The lines of the part, each with its place in its shipment.
create temporary table import_shipment_line on commit drop as
select row.*, row_number() over (partition by shipment_type_id, external_shipment_id order by line_number)::integer as seq
  from {rows} as row
 where counts
   and {in_part}

-- name: gather
-- The shipments of the part, and what is said of each.
create temporary table import_shipment on commit drop as
select shipment_type_id, external_shipment_id, null::bigint as shipment_id, null::text as outcome,
       min(line_number) as first_line, min(status) as status, min(origin_facility_id) as origin_facility_id,
       min(facility_id) as destination_facility_id, min(supplier_id) as supplier_id, min(shipped_at) as shipped_at,
       jsonb_build_object(
           'status', min(status), 'origin', min(origin_facility_id), 'destination', min(facility_id),
           'supplier', min(supplier_id), 'shipped', min(shipped_at) filter (where is_dated),
           'items', jsonb_agg(jsonb_build_array(product_id, quantity, item_external_id, order_id, serial_number)
                              order by product_id, item_external_id, order_id, serial_number, quantity),
           'tracking', (select coalesce(jsonb_agg(distinct trim(one) order by trim(one)), '[]')
                          from unnest(string_to_array(string_agg(tracking_number, '|'), '|')) as one
                         where trim(one) <> ''),
           'attributes', (select coalesce(jsonb_agg(distinct trim(one) order by trim(one)), '[]')
                            from unnest(string_to_array(string_agg(attribute, '|'), '|')) as one)) as content
  from import_shipment_line
 group by shipment_type_id, external_shipment_id

-- name: add_new
-- Whoever else adds the same shipment is waited for, and it is compared with like any that was there.
with added as (
    insert into oms.shipment (shipment_type_id, external_id, status, origin_facility_id, destination_facility_id, supplier_id,
                              log_id, packed_at, shipped_at, content)
    select shipment_type_id, external_shipment_id, status, origin_facility_id, destination_facility_id, supplier_id,
           %(log_id)s, case when status = 'PACKED' then now() end, case when status = 'SHIPPED' then shipped_at end, content
      from import_shipment
     order by shipment_type_id, external_shipment_id
        on conflict (shipment_type_id, external_id) do nothing
 returning shipment_id, shipment_type_id, external_id
)
update import_shipment as given
   set shipment_id = added.shipment_id, outcome = 'NEW'
  from added
 where added.shipment_type_id = given.shipment_type_id
   and added.external_id = given.external_shipment_id

-- name: lock
-- One order for everybody; whoever receives a shipment locks it too.
select count(*)
  from (select
          from oms.shipment as kept
          join import_shipment as given
            on given.shipment_type_id = kept.shipment_type_id
           and given.external_shipment_id = kept.external_id
         where given.outcome is null
         order by kept.shipment_type_id, kept.external_id
           for no key update of kept) as locked

-- name: compare
-- The same again; still to be received and different: replaced; otherwise refused.
update import_shipment as given
   set shipment_id = kept.shipment_id,
       outcome = case when kept.content = given.content then 'DUPLICATE'
                      when kept.status = 'CANCELLED' then 'CANCELLED'
                      when kept.status = 'RECEIVED'
                           or exists (select from oms.shipment_receipt as receipt
                                       where receipt.shipment_id = kept.shipment_id) then 'RECEIVED'
                      else 'REPLACED' end
  from oms.shipment as kept
 where given.outcome is null
   and kept.shipment_type_id = given.shipment_type_id
   and kept.external_id = given.external_shipment_id

-- name: clear_items
delete from oms.shipment_item where shipment_id in (select shipment_id from import_shipment where outcome = 'REPLACED')

-- name: clear_packages
delete from oms.shipment_package where shipment_id in (select shipment_id from import_shipment where outcome = 'REPLACED')

-- name: clear_attributes
delete from oms.shipment_attribute where shipment_id in (select shipment_id from import_shipment where outcome = 'REPLACED')

-- name: change
update oms.shipment as kept
   set status = given.status, origin_facility_id = given.origin_facility_id,
       destination_facility_id = given.destination_facility_id, supplier_id = given.supplier_id, log_id = %(log_id)s,
       packed_at = case when given.status = 'PACKED' then coalesce(kept.packed_at, now()) else kept.packed_at end,
       shipped_at = case when given.status = 'SHIPPED' then given.shipped_at end, content = given.content
  from import_shipment as given
 where given.outcome = 'REPLACED'
   and kept.shipment_id = given.shipment_id

-- name: add_items
insert into oms.shipment_item (shipment_id, shipment_item_seq, product_id, quantity, external_id, external_order_id,
                               serial_number)
select given.shipment_id, line.seq, line.product_id, line.quantity, line.item_external_id, line.order_id, line.serial_number
  from import_shipment as given
  join import_shipment_line as line using (shipment_type_id, external_shipment_id)
 where given.outcome in ('NEW', 'REPLACED')

-- name: add_packages
insert into oms.shipment_package (shipment_id, package_seq, tracking_number)
select shipment_id, row_number() over (partition by shipment_id order by first_line, first_place), tracking_number
  from (select given.shipment_id, trim(one) as tracking_number, min(line.line_number) as first_line, min(place) as first_place
          from import_shipment as given
          join import_shipment_line as line using (shipment_type_id, external_shipment_id)
         cross join unnest(string_to_array(line.tracking_number, '|')) with ordinality as part (one, place)
         where given.outcome in ('NEW', 'REPLACED')
           and trim(one) <> ''
         group by given.shipment_id, trim(one)) as parcel

-- name: add_attributes
-- An attribute that stands twice has its last value.
insert into oms.shipment_attribute (shipment_id, attr_name, attr_value)
select distinct on (given.shipment_id, trim(split_part(one, ':', 1)))
       given.shipment_id, trim(split_part(one, ':', 1)), trim(substr(one, strpos(one, ':') + 1))
  from import_shipment as given
  join import_shipment_line as line using (shipment_type_id, external_shipment_id)
 cross join unnest(string_to_array(line.attribute, '|')) with ordinality as part (one, place)
 where given.outcome in ('NEW', 'REPLACED')
 order by given.shipment_id, trim(split_part(one, ':', 1)), line.line_number desc, place desc

-- name: note_duplicates
insert into oms.import_row_note (log_id, line_number, outcome, message)
select %(log_id)s, line.line_number, 'DUPLICATE', format('shipment %%s is known and says the same', given.external_shipment_id)
  from import_shipment as given
  join import_shipment_line as line using (shipment_type_id, external_shipment_id)
 where given.outcome = 'DUPLICATE'

-- name: refuse
create temporary table import_refused on commit drop as
select line.line_number, 'external-shipment-id' as error_column, 'ERR_SHIPMENT_' || given.outcome as error_code,
       case given.outcome
            when 'RECEIVED' then format('shipment %s has been received, at least in part, and cannot be changed any more; '
                                        'book the difference as an inventory variance', given.external_shipment_id)
            else format('shipment %s is cancelled', given.external_shipment_id) end as error_message
  from import_shipment as given
  join import_shipment_line as line using (shipment_type_id, external_shipment_id)
 where given.outcome in ('RECEIVED', 'CANCELLED')

-- name: count_rows
select count(*) from import_shipment_line

-- name: forget
drop table if exists pg_temp.import_shipment, pg_temp.import_shipment_line

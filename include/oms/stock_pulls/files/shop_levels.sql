-- Files of Shopify's stock levels. {landed}, {resolved}, … are names filled in by psycopg.sql.
-- Rules: inventory.md 2.4, 5.14, 5.15.

-- name: owned_by_the_oms
-- A row of a shop whose stock the OMS owns: taking it over would feed our own figures back (INV-33).
select landed.line_number, landed.shop_id
  from {landed} as landed
  join oms.shop using (shop_id)
 where shop.inventory_master = 'OMS'
 order by landed.line_number
 limit 1

-- name: resolve
-- Facility: the one mapped to a physical location; a consolidated one cannot be split, unless the target facility
-- stands for it. Product: the one behind the inventory item. Untracked or without a quantity: skipped, never 0.
-- With a target facility two locations may speak of one position: then rows go by facility.
create unlogged table {resolved} with (autovacuum_enabled = false) as
with default_location as not materialized (
    select facility_id, min(location_seq_id) as location_seq_id
      from oms.facility_location
     where location_type = 'FLT_PICKLOC'
     group by facility_id
), said as not materialized (
    select landed.*, shop.shop_id is not null as shop_is_known,
           case when inventory_item_id ~ '^[1-9][0-9]{{0,17}}$' then inventory_item_id::bigint end as item,
           case when location_id ~ '^[1-9][0-9]{{0,17}}$' then location_id::bigint end as location,
           case when %(by_atp)s then available else on_hand end as figure,
           oms.moment_of(updated_at) as moment
      from (select line_number, error_code, {columns} from {landed}) as landed
      left join oms.shop using (shop_id)
), matched as not materialized (
    select said.*, place.shop_id is not null as is_mapped, place.is_consolidated,
           coalesce(place.facility_id, case when place.is_consolidated then %(target)s::text end) as own_facility_id,
           mapped.product_id, product.product_type_id,
           case when abs(oms.whole_number(said.figure, %(decimal_separator)s)) <= 1000000000
                then oms.whole_number(said.figure, %(decimal_separator)s)::integer end as quantity
      from said
      left join oms.shop_location_place as place
             on place.shop_id = said.shop_id
            and place.shopify_location_id = said.location
      left join oms.shop_product as mapped
             on mapped.shop_id = said.shop_id
            and mapped.shopify_inventory_item_id = said.item
            and mapped.thru_date is null
      left join oms.product on product.product_id = mapped.product_id
), judged as not materialized (
    select line_number, shop_id, location as shopify_location_id, item as shopify_inventory_item_id,
           product_id, coalesce(own_facility_id, '_NA_') as facility_id,
           coalesce(nullif(%(location)s, 'TLTLTLLL01'), default_location.location_seq_id, 'TLTLTLLL01')
               as location_seq_id,
           quantity, %(by_atp)s::boolean as by_atp, moment as updated_at, moment as as_of,
           case when %(group_by)s::text is null then null
                when %(group_by)s in ('location_id', 'locationId') and %(target)s::text is null then location_id
                else coalesce(own_facility_id, '_NA_') end as group_key,
           case when not oms.truth(tracked) or figure is null then 'SKIPPED_UNTRACKED'
                when not is_mapped then 'SKIPPED_UNMAPPED'
                when own_facility_id is null then 'SKIPPED_CONSOLIDATED'
                when product_type_id = any(%(excluded)s) then 'SKIPPED_EXCLUDED' end as remark,
           case when error_code is not null then error_code
                when {known_reject} then 'REJECTED'
                when shop_id is null or inventory_item_id is null or location_id is null or updated_at is null
                then 'ERR_REQUIRED'
                when not shop_is_known then 'ERR_SHOP_NOT_FOUND'
                when item is null or location is null then 'ERR_INVALID_NUMBER'
                when tracked is not null and oms.truth(tracked) is null then 'ERR_INVALID_BOOLEAN'
                when moment is null then 'ERR_INVALID_TIMESTAMP'
                when moment > now() + interval '5 minutes' then 'ERR_FUTURE_TIMESTAMP'
                when product_id is null and is_mapped then 'ERR_PRODUCT_NOT_FOUND'
                when figure is not null and quantity is null then 'ERR_INVALID_NUMBER' end as error_code
      from matched
      left join default_location on default_location.facility_id = matched.own_facility_id
)
select judged.*, error_code is null and remark is null as counts
  from judged

-- name: set_rejects_aside
-- Every bad row once, byte for byte, with what is wrong and what would be right.
insert into oms.import_reject (log_id, line_number, error_column, error_code, error_message, raw, facility)
select %(log_id)s, row.line_number,
       case row.error_code
            when 'ERR_REQUIRED' then
                case when landed.shop_id is null then 'shop_id'
                     when landed.inventory_item_id is null then 'inventory_item_id'
                     when landed.location_id is null then 'location_id'
                     else 'updated_at' end
            when 'ERR_SHOP_NOT_FOUND' then 'shop_id'
            when 'ERR_INVALID_NUMBER' then
                case when row.shopify_inventory_item_id is null then 'inventory_item_id'
                     when row.shopify_location_id is null then 'location_id'
                     else %(figure)s end
            when 'ERR_INVALID_BOOLEAN' then 'tracked'
            when 'ERR_INVALID_TIMESTAMP' then 'updated_at'
            when 'ERR_FUTURE_TIMESTAMP' then 'updated_at'
            when 'ERR_PRODUCT_NOT_FOUND' then 'inventory_item_id'
       end,
       row.error_code,
       case row.error_code
            when 'ERR_REQUIRED' then 'the value is blank; every row needs one'
            when 'ERR_SHOP_NOT_FOUND' then
                format('no shop has the id %%L; give the id of shops.csv', left(landed.shop_id, 80))
            when 'ERR_INVALID_NUMBER' then
                case when row.shopify_inventory_item_id is null or row.shopify_location_id is null then
                          format('%%L is no number of Shopify''s',
                                 left(case when row.shopify_inventory_item_id is null then landed.inventory_item_id
                                           else landed.location_id end, 80))
                     when oms.whole_number(landed.figure, %(decimal_separator)s) is null then
                          oms.number_fault(landed.figure, %(decimal_separator)s)
                     else format('%%s is beyond 1000000000 either way', left(landed.figure, 80)) end
            when 'ERR_INVALID_BOOLEAN' then format('%%L is neither true nor false', left(landed.tracked, 80))
            when 'ERR_INVALID_TIMESTAMP' then
                format('%%L is not a moment with a zone, such as 2026-11-03T09:00:05Z', left(landed.updated_at, 80))
            when 'ERR_FUTURE_TIMESTAMP' then
                format('%%s lies in the future: no later word of the shop would count', left(landed.updated_at, 80))
            when 'ERR_PRODUCT_NOT_FOUND' then
                format('shop %%s has no product of ours with the inventory item %%s: import products first, '
                       'or it was deleted', landed.shop_id, landed.inventory_item_id)
            else landed.error_message
       end,
       coalesce(landed.raw, {raw}), nullif(row.facility_id, '_NA_')
  from {resolved} as row
  join (select *, case when %(figure)s = 'on_hand' then on_hand else available end as figure
          from (select line_number, raw, error_message, {columns} from {landed}) as told) as landed using (line_number)
 where row.error_code <> 'REJECTED'
on conflict do nothing

-- name: stocked
-- Facilities of the part that have a ledger entry already: their stock is no longer unknown.
select coalesce(array_agg(facility_id), '{{}}')
  from (select distinct facility_id from {rows} as row where counts and {in_part}) as named
 where exists (select
                 from oms.inventory_item as item
                 join oms.inventory_ledger as entry using (inventory_item_id)
                where item.facility_id = named.facility_id)

-- name: count_rows
-- Good rows that count, and those that are skipped.
select count(*) filter (where counts and facility_id <> all(%(stocked)s)),
       count(*) filter (where not counts or facility_id = any(%(stocked)s))
  from {rows} as row
 where error_code is null
   and {in_part}

-- name: note_skipped
insert into oms.import_row_note (log_id, line_number, outcome)
select %(log_id)s, line_number, coalesce(remark, 'SKIPPED_HAS_STOCK')
  from {rows} as row
 where error_code is null
   and (not counts or facility_id = any(%(stocked)s))
   and {in_part}

-- name: find_changes
-- The newest word on each position, the later line of two equally new ones.
create temporary table import_change on commit drop as
select newest.*, item.inventory_item_id, null::text as source_key, null::text as comments,
       %(told_at)s::timestamptz as told_at, null::text as verdict
  from (select distinct on (facility_id, product_id, location_seq_id)
               line_number, product_id, facility_id, location_seq_id, quantity, by_atp, shop_id,
               shopify_location_id, shopify_inventory_item_id, updated_at
          from {rows} as row
         where counts
           and facility_id <> all(%(stocked)s)
           and {in_part}
         order by facility_id, product_id, location_seq_id, updated_at desc, line_number desc) as newest
  left join oms.inventory_item as item using (product_id, facility_id, location_seq_id)

-- name: note_stale
insert into oms.import_row_note (log_id, line_number, outcome, message)
select %(log_id)s, change.line_number, 'STALE',
       format('changed in Shopify at %%s; the state of %%s was applied before', change.updated_at, applied.updated_at)
  from import_change as change
  join oms.shop_level_applied as applied using (shop_id, shopify_location_id, shopify_inventory_item_id)
 where change.verdict = 'STALE'

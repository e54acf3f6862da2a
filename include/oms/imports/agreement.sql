-- Rows of large resets that agree with their positions: counted by group, not resolved one by one.

-- name: count_positions
select count(*) from oms.inventory_item

-- name: seen
-- What the comparison sees for certain, and where these transaction numbers were given. Functions that are not
-- parallel safe stay out of the comparison itself.
select pg_current_snapshot()::text, oms.present_identity()

-- name: keep_places
-- The places of a log as they were when it was judged.
create unlogged table {table} with (autovacuum_enabled = false) as
{places}

-- name: keep_products
-- The products of a log as they were when it was judged, without identifiers that stand for several.
create unlogged table {table} with (autovacuum_enabled = false) as
select identification_type_id, id_value, product_id, is_virtual, product_type_id
  from (select *, count(*) over (partition by identification_type_id, id_value) as owners
          from ({products}) as known
         where identification_type_id = any(%(spelled_types)s::text[] || %(default_id_type)s::text)) as known
 where owners = 1

-- name: survey
-- For each group of a file: how many good rows agree with their positions, and where all others are. The full join
-- tells whether a position is named twice: positions named = all less those that no row names.
create unlogged table {agreeing} with (autovacuum_enabled = false) as
{judged}
select group_key, facility_id, %(mark)s::pg_snapshot as mark, %(database)s as database,
       count(*) filter (where agrees) as rows,
       array_agg(place_in_table) filter (where line_number is not null and not agrees) as others,
       count(*) filter (where line_number is not null and at_position) as placed,
       count(*) filter (where line_number is null) as absent
  from (select row.group_key, row.facility_id, row.line_number, row.place_in_table,
               item.product_id is not null as at_position,
               coalesce(row.error_code is null and row.remark is null and row.as_of is null
                        and row.quantity = case when row.by_atp then item.atp else item.qoh end, false) as agrees
          from judged as row
          full join (select product_id, facility_id, location_seq_id, qoh, atp
                       from oms.inventory_item) as item
                 on item.product_id = row.product_id
                and item.facility_id = row.facility_id
                and item.location_seq_id = row.location_seq_id) as compared
 group by group_key, facility_id

-- name: look
-- Whether a position stands in two rows (positions that came after they were counted make it say yes too often), and
-- how many rows are to be resolved.
select sum(placed) > %(positions)s - sum(absent), coalesce(sum(cardinality(others)), 0)::bigint
  from {agreeing}

-- name: forget_agreeing
drop table {agreeing}

-- name: groups
select group_key, facility_id, rows
  from {agreeing}
 where rows > 0

-- name: others
{landed} where ctid in (select unnest(others) from {agreeing})

-- name: exists
select to_regclass(format('oms_staging.%%I', 'agreeing_' || %(log_id)s::bigint)) is not null

-- name: count
-- Rows of the part that agreed, and what the comparison has seen; null in a restored or copied database, where it
-- tells nothing.
select coalesce(sum(rows) filter (where {in_part}), 0)::bigint,
       min(mark::text) filter (where database = oms.present_identity())
  from {agreeing} as row

-- name: find_moved
-- Positions with entries that the comparison has not seen: by the visibility of their transactions, never by time
-- (design 5). What earlier files of this very transaction have written is among them.
create temporary table import_moved on commit drop as
select distinct item.product_id, item.facility_id, item.location_seq_id
  from oms.inventory_ledger as entry
  join oms.inventory_item as item using (inventory_item_id)
 where %(mark)s::pg_snapshot is null
    or (entry.tx >= pg_snapshot_xmin(%(mark)s::pg_snapshot)
        and not pg_visible_in_snapshot(entry.tx, %(mark)s::pg_snapshot))

-- name: moved_products
-- What the file may call the products of moved positions.
select array(select distinct product_id::text from import_moved),
       array(select distinct id_value from {products} where product_id in (select product_id from import_moved))

-- name: find_candidates
-- Rows that name one of these products, at whatever place.
create temporary table import_candidate on commit drop as
select *
  from {landed}
 where {named}

-- name: bring_back
-- Rows that agreed and whose position has moved are resolved like all others. They were good when they were judged
-- and stay so.
insert into {resolved}
       (line_number, product_id, position_key, as_of, quantity, remark, by_atp, facility_id, location_seq_id,
        reason_id, comments, group_key, error_code, counts)
{judged}
select line_number, product_id, position_key, as_of, quantity, null, by_atp, facility_id, location_seq_id,
       reason_id, comments, group_key, null, true
  from judged as row
 where (product_id, facility_id, location_seq_id) in (select product_id, facility_id, location_seq_id from import_moved)
   and not exists (select from {resolved} as known where known.line_number = row.line_number)
   and {in_part}

-- name: forget
drop table if exists pg_temp.import_moved, pg_temp.import_candidate

-- Rows of large resets that agree with their positions: counted by place, not resolved one by one.

-- name: positions_about
-- How many positions there are, as the last analysis saw it, and the highest product.
select greatest(reltuples, 0)::bigint, (select coalesce(max(product_id), 0) from oms.product)
  from pg_class
 where oid = 'oms.inventory_item'::regclass

-- name: seen
-- What a comparison that begins now sees for certain, and where these transaction numbers were given.
select pg_current_snapshot()::text, oms.present_identity()

-- name: places
-- What {name} may be if it is the name of one facility, and where its stock lies.
select {name}, min(facility_id), min(location_seq_id)
  from ({places}) as place
 where {name} is not null
 group by {name}
having count(*) = 1
   and not bool_or(is_virtual)
   and bool_and(location_is_known)

-- name: kinds
-- The identifier types of these spellings: compared without case and punctuation.
select spelling, identification_type_id
  from unnest(%(spellings)s::text[]) as spelled (spelling)
  join oms.identification_spelling as known on known.match_key = oms.match_key(spelling)

-- name: products_by_identifier
-- Identifiers that stand for one product of which a row may tell the balance.
select identification_type_id, id_value, min(product_id)
  from ({products}) as known
 where identification_type_id = any(%(kinds)s)
 group by identification_type_id, id_value
having count(*) = 1
   and not bool_or(is_virtual)
   and bool_or(product_type_id = any(%(excluded)s)) is not true
 limit %(most)s + 1

-- name: products_by_id
select product_id::text, product_id
  from oms.product
 where not is_virtual
   and (product_type_id = any(%(excluded)s)) is not true
 limit %(most)s + 1

-- name: positions
-- Of each place its positions, product and figure in one number, as an array in Postgres' own binary form: seven million
-- rows would take three times as long.
select facility_id, location_seq_id, array_send(array_agg((product_id << 32) | ({figure}::bigint & 4294967295)))
  from oms.inventory_item
 group by facility_id, location_seq_id

-- name: make_agreeing
-- For each place: how many rows agreed, and by product, as numbers of four bytes, the line that did (0: none) and its
-- figure.
create unlogged table {agreeing} (
    group_key        text,
    facility_id      text collate "C" not null,
    location_seq_id  text collate "C" not null,
    rows             bigint not null,
    lines            bytea not null,
    figures          bytea not null,
    mark             pg_snapshot not null,
    database         text
) with (autovacuum_enabled = false);
alter table {agreeing} alter column lines set storage external, alter column figures set storage external;
create unlogged table {products} (product_ids bytea not null) with (autovacuum_enabled = false);

-- name: keep_place
insert into {agreeing} (group_key, facility_id, location_seq_id, rows, lines, figures, mark, database)
values (%(group_key)s, %(facility_id)s, %(location_seq_id)s, %(rows)s, %(lines)s, %(figures)s, %(mark)s, %(database)s)

-- name: keep_products
insert into {products} (product_ids) values (%(product_ids)s)

-- name: good_positions
-- Where those of these lines belong that are good after all.
select facility_id, location_seq_id, product_id
  from {resolved}
 where line_number = any(%(lines)s)
   and error_code is null

-- name: make_back
create temporary table import_back (
    line_number bigint, product_id bigint, quantity integer, facility_id text collate "C",
    location_seq_id text collate "C", group_key text
) on commit drop

-- name: put_back
-- Rows that agreed are resolved like all others. They were good when they were compared and stay so.
insert into {resolved}
       (line_number, product_id, position_key, as_of, quantity, remark, by_atp, facility_id, location_seq_id,
        reason_id, comments, group_key, error_code, counts)
select line_number, product_id, hashtextextended(location_seq_id, hashtextextended(facility_id, product_id)), null, quantity,
       null, %(by_atp)s, facility_id, location_seq_id, null, null, group_key, null, true
  from import_back as row
 where not exists (select from {resolved} as known where known.line_number = row.line_number)

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
-- (architecture.md 5). What earlier files of this very transaction have written is among them.
create temporary table import_moved on commit drop as
select distinct item.product_id, item.facility_id, item.location_seq_id
  from oms.inventory_ledger as entry
  join oms.inventory_item as item using (inventory_item_id)
 where %(mark)s::pg_snapshot is null
    or (entry.tx >= pg_snapshot_xmin(%(mark)s::pg_snapshot)
        and not pg_visible_in_snapshot(entry.tx, %(mark)s::pg_snapshot))

-- name: moved
-- The moved products of each place of the part, with what the comparison has kept of it.
select facility_id, location_seq_id, row.group_key, row.lines, row.figures, array_send(moved.product_ids)
  from (select facility_id, location_seq_id, array_agg(product_id) as product_ids
          from import_moved
         group by facility_id, location_seq_id) as moved
  join {agreeing} as row using (facility_id, location_seq_id)
 where {in_part}

-- name: agreed
-- What the comparison has kept of each place of the part.
select facility_id, location_seq_id, lines
  from {agreeing} as row
 where {in_part}

-- name: kept_products
select product_ids from {products}

-- name: forget
drop table if exists pg_temp.import_moved, pg_temp.import_back

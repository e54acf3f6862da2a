-- The positions that the rows in import_change (a temporary table of the transaction) are about to move.

-- name: missing
select exists (select from import_change where inventory_item_id is null)

-- name: add_missing
-- A position is created at its first use, in the order in which positions are locked.
insert into oms.inventory_item (product_id, facility_id, location_seq_id)
select distinct product_id, facility_id, location_seq_id
  from import_change
 where inventory_item_id is null
 order by facility_id, product_id, location_seq_id
on conflict do nothing

-- name: fill_in
update import_change as change
   set inventory_item_id = item.inventory_item_id
  from oms.inventory_item as item
 where change.inventory_item_id is null
   and item.product_id = change.product_id
   and item.facility_id = change.facility_id
   and item.location_seq_id = change.location_seq_id

-- name: lock
-- One order for everybody who locks positions, so that nobody waits in a circle.
select count(*)
  from (select
          from oms.inventory_item as item
         where inventory_item_id in (select inventory_item_id from import_change)
         order by facility_id, product_id, location_seq_id
           for no key update of item) as locked

-- name: note_skipped
-- Rows of kits and other excluded product types (inventory.md 5.4).
insert into oms.import_row_note (log_id, line_number, outcome)
select coalesce(%(log_id)s::bigint, line_number >> 32), line_number & 4294967295, remark
  from {rows} as row
 where error_code is null
   and remark = 'SKIPPED_EXCLUDED'
   and {in_part}

-- name: in_part
row.group_key in (select group_key from oms.import_group where load_id = {load_id} and chunk_no = {chunk_no})

-- name: in_files
row.line_number >> 32 = any({log_ids})

-- name: forget
drop table if exists pg_temp.import_change, pg_temp.import_movement, pg_temp.import_document, pg_temp.import_repeated

-- name: read_header
select header from oms.import_log where log_id = %(log_id)s

-- The levels of a shop as a file of our own. Rules: inventory.md 5.14, 6.2 (pulls).

-- name: places
select shopify_location_id, is_consolidated, is_contradictory
  from oms.shop_location_place
 where shop_id = %(shop_id)s
 order by shopify_location_id

-- name: locations
select shopify_location_id
  from oms.shop_location
 where shop_id = %(shop_id)s

-- name: open_chunks
select chunk.load_id, chunk.chunk_no
  from oms.import_log as log
  join oms.import_chunk as chunk using (load_id)
 where log.log_id = %(log_id)s
   and chunk.applied_at is null

-- name: left_behind
-- Open logs of the shop, oldest first. Ready: landed to the last row. Applied: nothing is left but to close it.
select log.log_id, log.params, log.status = any('{DmlsPending,DmlsQueued,DmlsRunning,DmlsCrashed}') as is_ready,
       not exists (select from oms.import_chunk as chunk
                    where chunk.load_id = log.load_id
                      and chunk.applied_at is null) as is_applied
  from oms.import_log as log
 where log.config_id = %(config)s
   and log.connection_id = %(connection_id)s
   and starts_with(log.remote_path, %(prefix)s)
   and log.closed_at is null
 order by log.log_id

-- name: without_reject_file
-- Closed logs of the shop whose rejects nobody has been given yet; those of before there were such files name no server.
select log_id, file_name, status, error_code, header, params, rejected_count
  from oms.import_log
 where config_id = %(config)s
   and connection_id = %(connection_id)s
   and starts_with(remote_path, %(prefix)s)
   and closed_at is not null
   and status = 'DmlsFinished'
   and rejected_count > 0
   and reject_file is null
   and contents_removed_at is null
   and params ->> 'reject_connection_id' is not null
 order by log_id

-- name: note_reject_file
update oms.import_log
   set reject_file = %(reject_file)s
 where log_id = %(log_id)s

-- name: first_rejects
select error_code, error_message
  from oms.import_reject
 where log_id = %(log_id)s
 order by line_number
 limit %(limit)s

-- name: account
-- What became of the rows, whether or not the log is closed yet.
select log.total_count as total, counted.*, log.rejected_count as rejected
  from oms.import_log as log
 cross join (select coalesce(sum(applied), 0)::bigint as applied, coalesce(sum(unchanged), 0)::bigint as unchanged,
                    coalesce(sum(superseded), 0)::bigint as superseded, coalesce(sum(skipped), 0)::bigint as skipped
               from oms.import_chunk_count
              where log_id = %(log_id)s) as counted
 where log.log_id = %(log_id)s

-- name: facilities_to_tell_of
-- Facilities whose balances this log has set, and those where a location in DELTA mode has not been compared since any
-- log of the shop has set them: the run that did so may have died before it could call for a hard sync.
with place as (
    select location.shop_id, location.shopify_location_id, location.facility_group_id, location.compared
      from oms.shop_location as location
      join oms.shop using (shop_id)
     where location.sync_mode = 'DELTA'
       and location.compared is not null
       and shop.push_enabled
       and shop.inventory_master = 'OMS'
), shown as (
    select place.compared, mapped.facility_id
      from place
      join oms.shop_location_facility as mapped using (shop_id, shopify_location_id)
     union all
    select place.compared, member.facility_id
      from place
      join oms.facility_group_member as member using (facility_group_id)
), written as materialized (
    select distinct item.facility_id, entry.tx
      from oms.inventory_ledger as entry
      join oms.inventory_item as item using (inventory_item_id)
      join oms.import_log as log using (log_id)
     where entry.tx >= (select min(pg_snapshot_xmin(compared)::text::numeric)::text::xid8 from place)
       and log.config_id = %(config)s
       and log.connection_id = %(connection_id)s
       and starts_with(log.remote_path, %(prefix)s)
)
select item.facility_id
  from oms.inventory_ledger as entry
  join oms.inventory_item as item using (inventory_item_id)
 where entry.log_id = %(log_id)s
 union
select shown.facility_id
  from shown
  join written
    on written.facility_id = shown.facility_id
   and not pg_visible_in_snapshot(written.tx, shown.compared)
 order by facility_id

-- name: notes
select lower(outcome), count(*)
  from oms.import_row_note
 where log_id = %(log_id)s
 group by outcome

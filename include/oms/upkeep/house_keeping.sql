-- What each rule may remove: the ctids of the rows, older than %(before)s. Rules: inventory.md 3.5, 3.6, 6.7.

-- name: forget_contents
-- A closed file loses its contents. The log itself stays for ever: it is the cause of ledger entries, and its
-- hash and name are what a file that comes twice is recognised by (inventory.md 3.6).
update oms.import_log
   set contents_removed_at = now()
 where log_id in (select log_id
                    from oms.import_log
                   where closed_at < %(before)s
                     and contents_removed_at is null
                   order by closed_at
                   limit %(limit)s)

-- name: contents_due
select count(*)
  from oms.import_log
 where closed_at < %(before)s
   and contents_removed_at is null

-- name: import_reject
select row.ctid
  from oms.import_reject as row
  join oms.import_log as log using (log_id)
 where log.closed_at < %(before)s

-- name: import_row_note
select row.ctid
  from oms.import_row_note as row
  join oms.import_log as log using (log_id)
 where log.closed_at < %(before)s

-- name: import_chunk_count
-- Of loads all of whose files are closed for so long.
select row.ctid
  from oms.import_chunk_count as row
 where not exists (select from oms.import_log as log
                    where log.load_id = row.load_id
                      and (log.closed_at is null or log.closed_at >= %(before)s))

-- name: import_group
select row.ctid
  from oms.import_group as row
 where exists (select from oms.import_log as log where log.load_id = row.load_id)
   and not exists (select from oms.import_log as log
                    where log.load_id = row.load_id
                      and (log.closed_at is null or log.closed_at >= %(before)s))

-- name: import_chunk
select row.ctid
  from oms.import_chunk as row
 where exists (select from oms.import_log as log where log.load_id = row.load_id)
   and not exists (select from oms.import_log as log
                    where log.load_id = row.load_id
                      and (log.closed_at is null or log.closed_at >= %(before)s))
   and not exists (select from oms.import_chunk_count as counted
                    where counted.load_id = row.load_id and counted.chunk_no = row.chunk_no)

-- name: product_import_reject
-- The newest import of a shop keeps its rejects: somebody may still be correcting them.
select row.ctid
  from oms.product_import_reject as row
  join oms.product_import as import using (import_id)
 where import.finished_at < %(before)s
   and exists (select from oms.product_import as newer
                where newer.shop_id = import.shop_id
                  and newer.status = 'FINISHED'
                  and newer.import_id > import.import_id)

-- name: catalogue_line
-- Lines of product imports that ended without clearing them; the table is unlogged.
select row.ctid
  from oms_staging.catalogue_line as row
 where not exists (select from oms.product_import as import
                    where import.import_id = row.import_id
                      and (import.status = 'STARTED' or import.finished_at >= %(before)s))

-- name: webhook_inbox
-- Worked off. What waits or has failed stays until somebody takes it.
select row.ctid
  from oms.webhook_inbox as row
 where row.status in ('DONE', 'STALE', 'IGNORED')
   and row.received_at < %(before)s
   and row.processed_at < %(before)s

-- name: api_call
-- A key is promised to be known for 30 days (inventory.md 5.17).
select row.ctid
  from oms.api_call as row
 where row.called_at < least(%(before)s, now() - interval '30 days')

-- name: confirmed_balance
-- Later resets have named the positions again, or nobody sends any.
select row.ctid
  from oms.confirmed_balance as row
 where row.stated_at < %(before)s

-- name: product_change
-- Seen by every mark: a plan never asks for it again (architecture.md 5).
select row.ctid
  from oms.product_change as row
 where row.recorded_at < %(before)s
   and row.tx < coalesce((select oldest.tx from oms.oldest_mark as oldest), '9223372036854775807')

-- name: order_import
-- A drift waits for an import that began after it was seen: the newest one of its kind serves for all before it.
select row.ctid
  from oms.order_import as row
 where row.ended_at < %(before)s
   and exists (select from oms.order_import as newer
                where newer.shop_id = row.shop_id
                  and newer.parts @> row.parts
                  and newer.ended_at is not null
                  and newer.began_tx > row.began_tx
                  and (newer.covers_to is null or newer.covers_to >= row.covers_to))

-- name: pull_reject
-- An open one stays: its levels are guarded by it.
select row.ctid
  from oms.pull_reject as row
 where row.resolved_at < %(before)s

-- name: upload_product
select row.ctid
  from oms.upload_product as row
 where row.taken_at < %(before)s

-- name: feed_alert
-- check_feeds looks back 60 days at most, and would tell of older times again if it looked further.
select row.ctid
  from oms.feed_alert as row
 where row.expected_at < %(before)s
   and row.told_at is not null
   and (row.cleared_at is null or row.clearing_told_at is not null)

-- name: export_file
-- Files, written or given up, that no line names as the file it was told in; the file is whose it was made for.
select row.ctid
  from oms.export_file as row
 where coalesce(row.written_at, row.discarded_at) < %(before)s
   and not exists (select from oms.depletion_line as told where told.export_id = row.export_id)

-- name: outbox_message
-- What was refused stays until a person has decided.
select row.ctid
  from oms.outbox_message as row
 where row.answered_at < %(before)s
   and row.status <> 'REJECTED'

-- name: import_hold
-- Of files that are closed: nobody can be asked about them any more.
select row.ctid
  from oms.import_hold as row
  join oms.import_log as log using (log_id)
 where log.closed_at < %(before)s

-- name: import_facility_rows
-- The guard compares a file with the last three that were accepted of its feed. A repair and an undoing ask whether a
-- later file has set the facility: some later one stays, also when the newest of them are undone.
select row.ctid
  from oms.import_facility_rows as row
  join oms.import_log as log using (log_id)
 where log.closed_at < %(before)s
   and (log.status <> 'DmlsFinished'
        or (3 = (select count(*)
                   from (select
                           from oms.import_log as newer
                          where newer.connection_id = log.connection_id
                            and newer.feed = log.feed
                            and newer.log_id > log.log_id
                            and newer.status = 'DmlsFinished'
                            and newer.duplicate_of_log_id is null
                          limit 3) as last_three)
            and 10 = (select count(*)
                        from (select
                                from oms.import_facility_rows as later
                                join oms.import_log as setter using (log_id)
                               where later.facility_id = row.facility_id
                                 and later.log_id > row.log_id
                                 and setter.status = 'DmlsFinished'
                                 and not exists (select from oms.import_undo as undone
                                                  where undone.log_id = later.log_id)
                               limit 10) as last_ten)))

-- name: drift_report
-- With its lines.
select row.ctid
  from oms.drift_report as row
 where row.finished_at < %(before)s

-- name: sync_batch
-- Batches whose lines all went on in other batches. A line stays as long as the book names it as a cause, that
-- is for ever, and its batch with it.
select row.ctid
  from oms.sync_batch as row
 where row.status in ('REJECTED', 'SUPERSEDED')
   and row.answered_at < %(before)s
   and not exists (select from oms.sync_line as line where line.batch_id = row.batch_id)
   and not exists (select from oms.sync_batch as other where other.replaces_batch_id = row.batch_id)

-- name: payloads_due
select count(*)
  from oms.sync_batch
 where payload <> ''
   and status in ('APPLIED', 'REJECTED', 'SUPERSEDED')
   and answered_at < %(before)s

-- name: forget_payloads
-- The bytes of answered batches; what they said is in their lines, the answer stays.
update oms.sync_batch
   set payload = ''
 where batch_id in (select batch_id
                      from oms.sync_batch
                     where payload <> ''
                       and status in ('APPLIED', 'REJECTED', 'SUPERSEDED')
                       and answered_at < %(before)s
                     order by answered_at
                     limit %(limit)s)

-- name: staging_left
-- Staging tables of files that are closed, or of claims that were dropped.
select place.tablename
  from pg_tables as place
  left join oms.import_log as log on log.log_id = substring(place.tablename from '_([0-9]+)$')::bigint
 where place.schemaname = 'oms_staging'
   and (place.tablename ~ '^(file|rows|agreeing|products)_[0-9]+$' and (log.log_id is null or log.closed_at is not null)
        or place.tablename ~ '^(file|rows)_[0-9]+_joint$'
           and not exists (select from oms.import_log as member
                            where member.staged_with = substring(place.tablename from '_([0-9]+)_joint$')::bigint
                              and member.closed_at is null))
 order by place.tablename

-- name: files_due
-- Files in archive/ and error/ that are ours by their log: nothing else there is touched. What Shopify told has its
-- reject file on another server than itself.
select log_id, coalesce(params ->> 'reject_connection_id', connection_id) as server, moved_to, reject_file
  from oms.import_log
 where closed_at < %(before)s
   and files_removed_at is null
   and (moved_to is not null or reject_file is not null)
 order by server, log_id

-- name: note_files_removed
update oms.import_log
   set files_removed_at = now()
 where log_id = %(log_id)s

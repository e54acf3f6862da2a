-- Which chunk may be applied when, and what is recorded of it. Rules: inventory.md 3.4, architecture.md 4.4, 4.5.

-- name: chunk
select chunk.load_id, chunk.chunk_no, chunk.scopes || chunk.facility_ids as scopes, chunk.applied_at, load.run_id,
       min(log.log_id) as oldest_log_id, bool_and(log.schedule_now) as schedule_now, bool_and(log.force) as force,
       min(log.domain) as domain, min(log.connection_id) as connection_id
  from oms.import_chunk as chunk
  join oms.import_load as load using (load_id)
  join oms.import_log as log using (load_id)
 where chunk.load_id = %(load_id)s
   and chunk.chunk_no = %(chunk_no)s
 group by chunk.load_id, chunk.chunk_no, load.run_id

-- name: older_landing
-- Files that came before and have not landed: what they will change is not known yet. A run ahead of the queue only
-- minds files that say how things are (resets, settings), not those that say what has changed (`changes`).
select log_id, remote_path,
       finished_at < now() - case error_code when 'BROKEN_OFF' then %(patience)s
                                             when 'ABANDONED' then %(patience_with_dead)s end
                             * interval '1 second' as is_broken,
       coalesce(lander, log_id) as lander
  from oms.import_log
 where domain = %(domain)s
   and log_id < %(oldest_log_id)s
   and closed_at is null
   and status = 'DmlsLanding'
   and error_code is distinct from 'GAVE_WAY'
   and (not %(schedule_now)s or kind <> all(%(changes)s))
 order by log_id
 limit 1

-- name: older_chunks
-- Chunks that must be applied first: all of older loads in the domain; for a run ahead of the queue only those of files
-- that say how things are for the same facilities, or whatever else the rows of the domain are about (INV-18).
-- A chunk that the release before this one has landed has no scopes but its facilities.
select distinct chunk.load_id, chunk.chunk_no
  from oms.import_chunk as chunk
  join oms.import_log as log using (load_id)
 where chunk.applied_at is null
   and chunk.load_id <> %(load_id)s
   and log.domain = %(domain)s
   and log.log_id < %(oldest_log_id)s
   and log.closed_at is null
   and log.status in ('DmlsPending', 'DmlsQueued', 'DmlsRunning', 'DmlsCrashed')
   and (not %(schedule_now)s
        or (log.kind <> all(%(changes)s) and not %(force)s
            and (chunk.scopes || chunk.facility_ids) && %(scopes)s::text[]))
 order by chunk.load_id, chunk.chunk_no

-- name: lock_chunk
select applied_at is not null
  from oms.import_chunk
 where load_id = %(load_id)s
   and chunk_no = %(chunk_no)s
   for update

-- name: is_grouped
select exists (select from oms.import_group where load_id = %(load_id)s)

-- name: logs_of_load
-- The files of a load, oldest first; only those with good rows have staged rows. One that failed after all is left
-- out of the chunks that are open.
select log_id, remote_path, file_name, file_size, file_mtime, content_sha256, kind, params, connection_id,
       total_count > rejected_count as has_rows, staged_with
  from oms.import_log
 where load_id = %(load_id)s
   and status not in ('DmlsFailed', 'DmlsCancelled')
 order by log_id

-- name: start_logs
update oms.import_log
   set status = 'DmlsRunning', started_at = coalesce(started_at, now())
 where load_id = %(load_id)s
   and status in ('DmlsPending', 'DmlsQueued', 'DmlsCrashed')

-- name: record_counts
insert into oms.import_chunk_count
       (load_id, chunk_no, log_id, applied, unchanged, superseded, duplicate, skipped, rejected)
values (%(load_id)s, %(chunk_no)s, %(log_id)s, %(applied)s, %(unchanged)s, %(superseded)s, %(duplicate)s,
        %(skipped)s, %(rejected)s)

-- name: mark_applied
update oms.import_chunk
   set applied_at = now()
 where load_id = %(load_id)s
   and chunk_no = %(chunk_no)s

-- name: counts_of_chunk
select coalesce(sum(applied), 0)::bigint as applied, coalesce(sum(unchanged), 0)::bigint as unchanged,
       coalesce(sum(superseded), 0)::bigint as superseded, coalesce(sum(duplicate), 0)::bigint as duplicate,
       coalesce(sum(skipped), 0)::bigint as skipped, coalesce(sum(rejected), 0)::bigint as rejected
  from oms.import_chunk_count
 where load_id = %(load_id)s
   and chunk_no = %(chunk_no)s

-- name: partly_applied
select exists (select from oms.import_chunk_count where log_id = %(log_id)s)

-- name: record_joint_counts
insert into oms.import_chunk_count
       (load_id, chunk_no, log_id, applied, unchanged, superseded, duplicate, skipped, rejected)
select %(load_id)s, %(chunk_no)s, log_id, applied, unchanged, superseded, duplicate, skipped, rejected
  from unnest(%(log_ids)s::bigint[], %(applied)s::bigint[], %(unchanged)s::bigint[], %(superseded)s::bigint[],
              %(duplicate)s::bigint[], %(skipped)s::bigint[], %(rejected)s::bigint[])
       as counted (log_id, applied, unchanged, superseded, duplicate, skipped, rejected)

-- name: stage_alone
-- A file whose shared rows are lost is landed into tables of its own.
update oms.import_log
   set staged_with = null
 where log_id = %(log_id)s

-- name: restamp
-- The file that was landed again is the one that close may move away; with nulls it moves none.
update oms.import_log
   set file_size = %(size)s, file_mtime = %(mtime)s
 where log_id = %(log_id)s

-- Closing files whose rows are all accounted for. Rules: inventory.md 3.5, architecture.md 4.6.

-- name: closable
-- Files of this job and server that came with or before this run and are not closed: refused, duplicate, rejected by a person,
-- or with all chunks applied. A duplicate stays while the landing of the first one may still be broken off.
select log.log_id
  from oms.import_log as log
 where log.dag_id = %(dag_id)s
   and log.connection_id = %(connection_id)s
   and (log.server is null or log.server = any(%(servers)s))
   and log.closed_at is null
   and not exists (select from oms.import_log as original
                    where original.log_id = log.duplicate_of_log_id
                      and original.status = 'DmlsLanding')
   and (log.status in ('DmlsFinished', 'DmlsFailed', 'DmlsCancelled')
        or (log.status in ('DmlsPending', 'DmlsQueued', 'DmlsRunning', 'DmlsCrashed')
            and log.load_id is not null
            and not exists (select from oms.import_chunk as chunk
                             where chunk.load_id = log.load_id
                               and chunk.applied_at is null)))
 order by log.log_id

-- name: finish
-- The account of files; a check of the table refuses one that does not add up.
update oms.import_log as log
   set status = 'DmlsFinished', finished_at = now(),
       applied_count = counted.applied, unchanged_count = counted.unchanged, superseded_count = counted.superseded,
       duplicate_count = counted.duplicate + (select count(*) from oms.import_row_note as note
                                              where note.log_id = log.log_id and note.outcome = 'ALREADY_REPAIRED'),
       skipped_count = counted.skipped,
       rejected_count = (select count(*) from oms.import_reject as reject where reject.log_id = log.log_id)
  from (select file.log_id, coalesce(sum(applied), 0) as applied, coalesce(sum(unchanged), 0) as unchanged,
               coalesce(sum(superseded), 0) as superseded, coalesce(sum(duplicate), 0) as duplicate,
               coalesce(sum(skipped), 0) as skipped
          from unnest(%(log_ids)s::bigint[]) as file (log_id)
          left join oms.import_chunk_count using (log_id)
         group by file.log_id) as counted
 where log.log_id = counted.log_id
   and log.status in ('DmlsPending', 'DmlsQueued', 'DmlsRunning', 'DmlsCrashed')
returning log.log_id

-- name: rejects
-- Lines refused, each with the line it stands for if the file repairs others.
select reject.line_number, reject.raw, coalesce(repair.origin_line, reject.line_number),
       coalesce(reject.error_column, ''), reject.error_code, reject.error_message,
       coalesce(repair.origin_log_id, reject.log_id)
  from oms.import_reject as reject
  left join oms.import_repair as repair using (log_id, line_number)
 where reject.log_id = %(log_id)s
   and reject.line_number > %(after)s
 order by reject.line_number
 limit 10000

-- name: first_rejects
-- What the log quotes of the refused lines of a file.
select line_number, coalesce(error_column, ''), error_code, error_message
  from oms.import_reject
 where log_id = %(log_id)s
 order by line_number
 limit %(most)s

-- name: logs_to_close
-- Those of these files that are finished and that nobody has closed meanwhile.
select log_id, remote_path, file_name, file_size, file_mtime, status, error_code, header, params, rejected_count,
       staged_with
  from oms.import_log
 where log_id = any(%(log_ids)s)
   and closed_at is null
   and status in ('DmlsFinished', 'DmlsFailed', 'DmlsCancelled')
 order by log_id

-- name: mark_closed
update oms.import_log as log
   set closed_at = now(), moved_to = done.moved_to, reject_file = done.reject_file
  from unnest(%(log_ids)s::bigint[], %(moved_to)s::text[], %(reject_files)s::text[])
       as done (log_id, moved_to, reject_file)
 where log.log_id = done.log_id

-- name: joint_tables_left
-- Tables that these files shared and that no open file needs any more.
select distinct staged_with
  from oms.import_log as log
 where log_id = any(%(log_ids)s)
   and staged_with is not null
   and not exists (select from oms.import_log as other
                    where other.staged_with = log.staged_with
                      and other.closed_at is null)

-- name: account
-- What this run is answerable for: its own files, those whose chunks it had to apply, and those it closed.
select log_id, file_name, status, total_count, applied_count, unchanged_count, superseded_count, duplicate_count,
       skipped_count, rejected_count, error_code, error_message, closed_at, reject_file, remote_path
  from oms.import_log as log
 where log.dag_id = %(dag_id)s
   and (log.run_id = %(run_id)s
        or log.log_id = any(%(closed)s)
        or log.load_id = any(%(loads)s::bigint[]))
 order by log_id

-- name: facilities_of
-- The facilities of files, as the chunks of their loads have them.
select array(select distinct unnest(chunk.facility_ids)
               from oms.import_log as log
               join oms.import_chunk as chunk using (load_id)
              where log.log_id = any(%(log_ids)s)
              order by 1)

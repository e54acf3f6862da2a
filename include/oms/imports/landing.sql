-- Claiming files and recording how they landed. Rules: inventory.md 3.4-3.6.

-- name: folders_of_open_files
select distinct regexp_replace(remote_path, '/[^/]*$', '')
  from oms.import_log
 where connection_id = %(connection_id)s
   and closed_at is null

-- name: respell
-- The logs of one folder, found by the index of feeds ('0' follows '/'). Of an open file there is one log.
update oms.import_log as log
   set remote_path = %(new)s || file_name
 where connection_id = %(connection_id)s
   and feed >= regexp_replace(%(old)s, '[0-9]+', '#', 'g')
   and feed < regexp_replace(rtrim(%(old)s, '/'), '[0-9]+', '#', 'g') || '0'
   and remote_path = %(old)s || file_name
   and not (closed_at is null
            and exists (select from oms.import_log as other
                         where other.connection_id = log.connection_id
                           and other.remote_path = %(new)s || log.file_name
                           and other.closed_at is null))

-- name: claim
-- A file is claimed while its log is open; nothing comes back if another run has it.
insert into oms.import_log (config_id, dag_id, run_id, connection_id, remote_path, file_name, file_size, file_mtime,
                            domain, kind, schedule_now, force, params, created_by_job_id, server)
select %(config_id)s, %(dag_id)s, %(run_id)s, %(connection_id)s, path, name, size, mtime,
       %(domain)s, %(kind)s, %(schedule_now)s, %(force)s, %(params)s, %(created_by_job_id)s, %(server)s
  from unnest(%(paths)s::text[], %(names)s::text[], %(sizes)s::bigint[], %(mtimes)s::bigint[])
       with ordinality as file (path, name, size, mtime, place)
 order by place
on conflict (connection_id, remote_path) where closed_at is null do nothing
returning remote_path, log_id

-- name: set_lander
-- One lock stands for all files that are landed together.
update oms.import_log
   set lander = %(lander)s, staged_with = null
 where log_id = any(%(log_ids)s)

-- name: taken
-- Of these files those that some run has already.
select remote_path
  from oms.import_log
 where connection_id = %(connection_id)s
   and remote_path = any(%(paths)s)
   and closed_at is null

-- name: was_taken
-- Whether a run has the file as it was seen, or was done with it while another waited for its turn.
select exists (select from oms.import_log
                where connection_id = %(connection_id)s
                  and feed = regexp_replace(%(path)s, '[0-9]+', '#', 'g')
                  and remote_path = %(path)s
                  and file_size = %(size)s
                  and file_mtime = %(mtime)s
                  and error_code is distinct from 'LEFT'
                  and error_code is distinct from 'ERR_NOT_TAKEN'
                  and (closed_at is null or closed_at > now() - interval '1 day'))

-- name: release_held
-- A person lets a held file pass by naming it with force; it is landed as it is now.
update oms.import_log
   set status = 'DmlsLanding', force = true, params = %(params)s, run_id = %(run_id)s,
       file_size = %(size)s, file_mtime = %(mtime)s, server = %(server)s, error_code = null, error_message = null
 where connection_id = %(connection_id)s
   and remote_path = %(path)s
   and closed_at is null
   and status = 'DmlsHeld'
   and not exists (select from oms.import_chunk_count as counted where counted.log_id = import_log.log_id)
returning log_id

-- name: resume_held
-- One of which a part is applied goes on where it stopped, with its file as somebody has put it back.
update oms.import_log
   set status = 'DmlsPending', file_size = %(size)s, file_mtime = %(mtime)s, error_code = null, error_message = null
 where connection_id = %(connection_id)s
   and remote_path = %(path)s
   and closed_at is null
   and status = 'DmlsHeld'

-- name: abandoned
-- Logs of this job and server whose landing was begun and not finished; whoever gets the lock of one goes on with it.
select log_id
  from oms.import_log
 where dag_id = %(dag_id)s
   and connection_id = %(connection_id)s
   and (server is null or server = any(%(servers)s))
   and status = 'DmlsLanding'
   and closed_at is null
 order by log_id
 limit %(most)s

-- name: read_log
select log_id, load_id, config_id, dag_id, run_id, connection_id, remote_path, file_name, file_size, file_mtime,
       content_sha256, kind, status, schedule_now, params, header, total_count, rejected_count, duplicate_of_log_id,
       coalesce(lander, log_id) as lander, staged_with, error_code, error_message
  from oms.import_log
 where log_id = %(log_id)s

-- name: note_broken
-- Since when the server of files that are being landed has failed, and how.
update oms.import_log
   set error_code = 'BROKEN_OFF', error_message = %(message)s, finished_at = coalesce(finished_at, now())
 where log_id = any(%(log_ids)s)
   and status = 'DmlsLanding'

-- name: note_abandoned
-- Since when it is known that the lander of a file has ended without a word.
update oms.import_log
   set error_code = 'ABANDONED', error_message = 'its lander ended', finished_at = now()
 where log_id = %(log_id)s
   and status = 'DmlsLanding'
   and error_code is null

-- name: give_way
update oms.import_log
   set error_code = 'GAVE_WAY', error_message = format('%%s, and newer files went ahead', error_message)
 where log_id = %(log_id)s
   and status = 'DmlsLanding'

-- name: take_over
update oms.import_log
   set run_id = %(run_id)s, file_size = %(size)s, file_mtime = %(mtime)s, server = %(server)s, staged_with = null
 where log_id = %(log_id)s

-- name: forget_rejects
-- What an earlier, unfinished landing of the log has set aside.
delete from oms.import_reject
 where log_id = %(log_id)s

-- name: forget_hold
delete from oms.import_hold
 where log_id = %(log_id)s

-- name: leave_copies
-- Files that were taken for copies of one that is landed anew, or not at all, are arrivals like others.
update oms.import_log
   set status = 'DmlsCancelled', error_code = 'LEFT', closed_at = now(),
       error_message = format('%%s: it was taken for a copy of log %%s, which did not land; it is a new arrival', file_name,
                              duplicate_of_log_id)
 where duplicate_of_log_id = %(log_id)s
   and closed_at is null

-- name: left_before
-- Whether the file under this path was not taken the last time either.
select coalesce((select before.error_code in ('LEFT', 'ERR_NOT_TAKEN')
                   from oms.import_log as before
                  where before.connection_id = %(connection_id)s
                    and before.feed = regexp_replace(%(remote_path)s, '[0-9]+', '#', 'g')
                    and before.remote_path = %(remote_path)s
                    and before.log_id < %(log_id)s
                    and before.duplicate_of_log_id is null
                  order by before.log_id desc
                  limit 1), false)

-- name: leave
-- The file went away or changed before it had landed: what is under that name later is a new arrival.
update oms.import_log
   set status = %(status)s, error_code = %(code)s, error_message = %(message)s, run_id = %(run_id)s,
       finished_at = now(), closed_at = now()
 where log_id = %(log_id)s
   and status = 'DmlsLanding'

-- name: give_up
-- Nothing of it was applied, and nothing will be.
update oms.import_log
   set status = 'DmlsCancelled', finished_at = now(), closed_at = now(),
       error_code = 'GIVEN_UP', error_message = 'its run ended before anything was applied; a later one asks anew'
 where log_id = %(log_id)s
   and status <> 'DmlsFinished'

-- name: fail_log
update oms.import_log
   set status = 'DmlsFailed', error_code = %(code)s, error_message = %(message)s, landed_at = now(), finished_at = now()
 where log_id = %(log_id)s

-- name: end_log
-- Nothing of it is applied: the good rows that were read before its end count as skipped.
update oms.import_log
   set status = 'DmlsFailed', error_code = %(code)s, error_message = %(message)s, landed_at = now(), finished_at = now(),
       header = %(header)s, total_count = %(total)s, rejected_count = refused.lines, skipped_count = %(total)s - refused.lines
  from (select count(*) as lines from oms.import_reject where log_id = %(log_id)s) as refused
 where log_id = %(log_id)s

-- name: hold_log
update oms.import_log
   set status = 'DmlsHeld', error_code = %(code)s, error_message = %(message)s, landed_at = now()
 where log_id = %(log_id)s

-- name: earlier_same_content
-- Delta files: the same name (if one is given) at any time, any name within 72 hours. A file that was
-- undone may come again.
select coalesce(duplicate_of_log_id, log_id), file_name, created_at
  from oms.import_log as log
 where content_sha256 = %(sha256)s
   and config_id = %(config_id)s
   and log_id <> %(log_id)s
   and status not in ('DmlsFailed', 'DmlsCancelled')
   and not exists (select from oms.import_undo as undone
                    where undone.log_id = coalesce(log.duplicate_of_log_id, log.log_id))
   and (file_name = %(name)s or created_at > now() - interval '72 hours')
 order by log_id
 limit 1

-- name: record_content
update oms.import_log
   set content_sha256 = %(sha256)s, header = %(header)s, total_count = %(total)s, rejected_count = %(rejected)s
 where log_id = %(log_id)s

-- name: finish_duplicate
update oms.import_log
   set status = 'DmlsFinished', error_code = null, error_message = null, duplicate_of_log_id = %(original)s, total_count = %(total)s,
       duplicate_count = %(total)s, rejected_count = 0, landed_at = now(), finished_at = now()
 where log_id = %(log_id)s

-- name: add_load
insert into oms.import_load (dag_id, run_id)
values (%(dag_id)s, %(run_id)s)
returning load_id

-- name: add_chunk
insert into oms.import_chunk (load_id, chunk_no, label, row_count, scopes, facility_ids)
values (%(load_id)s, %(chunk_no)s, %(label)s, %(row_count)s, %(scopes)s, %(facility_ids)s)

-- name: add_groups
insert into oms.import_group (load_id, group_key, chunk_no)
select %(load_id)s, group_key, chunk_no
  from unnest(%(group_keys)s::text[], %(chunk_nos)s::integer[]) as packed (group_key, chunk_no)

-- name: mark_landed
update oms.import_log
   set status = 'DmlsPending', load_id = %(load_id)s, landed_at = now(),
       finished_at = null, error_code = null, error_message = null
 where log_id = any(%(log_ids)s)

-- name: open_chunks
-- The chunks of this job's landed files on this server that are not applied yet, oldest load first; as many as Airflow
-- maps in one run ([core] max_map_length), the rest is the next run's.
select chunk.load_id, chunk.chunk_no, chunk.label, chunk.row_count
  from oms.import_chunk as chunk
 where chunk.applied_at is null
   and chunk.load_id in (select load_id
                           from oms.import_log
                          where dag_id = %(dag_id)s
                            and connection_id = %(connection_id)s
                            and closed_at is null
                            and status in ('DmlsPending', 'DmlsQueued', 'DmlsRunning', 'DmlsCrashed'))
 order by chunk.load_id, chunk.chunk_no
 limit 1000

-- Which run has which file. Rules: inventory.md 3.5, architecture.md 4.2.

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

-- name: take_over
update oms.import_log
   set run_id = %(run_id)s, file_size = %(size)s, file_mtime = %(mtime)s, server = %(server)s, staged_with = null
 where log_id = %(log_id)s

-- Loads and their chunks. Rules: architecture.md 4.3.

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

-- Small files of one header land in tables that they share, where a line is numbered log id << 32 | line.
-- Rules: inventory.md 3.4-3.6.

-- name: alike
-- Files of this run's settings: those that another run has begun may have others.
select log_id
  from oms.import_log
 where log_id = any(%(log_ids)s)
   and params = %(params)s::jsonb

-- name: repeated
-- Files whose content came before (earlier_same_content in one_file.sql), or comes in an earlier one of these.
select own.log_id
  from unnest(%(log_ids)s::bigint[], %(names)s::text[], %(contents)s::bytea[]) as own (log_id, name, sha256)
 where exists (select from oms.import_log as log
                where log.content_sha256 = own.sha256
                  and log.config_id = %(config_id)s
                  and log.log_id <> own.log_id
                  and log.status not in ('DmlsFailed', 'DmlsCancelled')
                  and (log.file_name = own.name or log.created_at > now() - interval '72 hours'))
    or exists (select from unnest(%(log_ids)s::bigint[], %(contents)s::bytea[]) as other (log_id, sha256)
                where other.sha256 = own.sha256
                  and other.log_id < own.log_id)

-- name: forget
-- What an unfinished landing of these files has left.
delete from oms.import_reject
 where log_id = any(%(log_ids)s)

-- name: count_groups
-- The groups of each file with their good rows.
select line_number >> 32, group_key, {scope}, count(*)
  from {resolved}
 where error_code is null
 group by line_number >> 32, group_key, {scope}

-- name: record
update oms.import_log as log
   set content_sha256 = landed.sha256, header = %(header)s, total_count = landed.rows,
       rejected_count = landed.rows - landed.good, staged_with = %(staged_with)s
  from unnest(%(log_ids)s::bigint[], %(contents)s::bytea[], %(rows)s::bigint[], %(good)s::bigint[])
       as landed (log_id, sha256, rows, good)
 where log.log_id = landed.log_id

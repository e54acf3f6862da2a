-- The files that came for feeds. Which of a configuration's files are a feed's, its folder and pattern say.

-- name: files
-- Oldest first; without those that were left for the next look: they have not come yet.
select log_id, file_name, remote_path, status, total_count, rejected_count, duplicate_of_log_id is not null as is_duplicate,
       closed_at is not null as is_closed, error_code, error_message, reject_file, header, coalesce(params ->> 'delimiter', ',') as delimiter,
       dag_id || '/' || run_id as run, created_at
  from oms.import_log
 where config_id = %(config_id)s
   and connection_id = %(connection_id)s
   and created_at >= %(since)s
   and error_code is distinct from 'LEFT'
 order by created_at, log_id

-- name: files_before
-- Newest first.
select log_id, file_name, remote_path, status, total_count, rejected_count, duplicate_of_log_id is not null as is_duplicate,
       closed_at is not null as is_closed, error_code, error_message, reject_file, header, coalesce(params ->> 'delimiter', ',') as delimiter,
       dag_id || '/' || run_id as run, created_at
  from oms.import_log
 where config_id = %(config_id)s
   and connection_id = %(connection_id)s
   and status = 'DmlsFinished'
   and created_at < %(before)s
 order by created_at desc, log_id desc

-- What is recorded of a file that is staged. Rules: inventory.md 3.5, 3.6.

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

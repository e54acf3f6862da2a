-- What is told of feeds, and to whom it was told.

-- name: to_tell
-- What nobody was told yet, and what was cleared since it was told; found_at is the look that found it.
select alert.alert_id, alert.feed_id, feed.feed_name, feed.contact, alert.kind, alert.expected_at, feed.time_zone,
       alert.message, alert.log_id, is_clearing, found_at, log.file_name, log.reject_file,
       log.rejected_count, coalesce(log.params ->> 'encoding', 'utf-8') as encoding,
       coming.file_name as came, coming.created_at as came_at,
       coalesce(log.dag_id || '/' || log.run_id, coming.dag_id || '/' || coming.run_id) as run
  from oms.feed_alert as alert
  join oms.feed using (feed_id)
  left join oms.import_log as log using (log_id)
  left join oms.import_log as coming on coming.log_id = alert.cleared_by_log_id
 cross join lateral (values (false, alert.raised_at, alert.told_at), (true, alert.cleared_at, alert.clearing_told_at))
                    as told (is_clearing, found_at, told_at)
 where told.found_at is not null
   and told.told_at is null
   and (not is_clearing or alert.told_at is not null)
   and (alert.told_at is null or alert.clearing_told_at is null)
 order by found_at, alert.feed_id, is_clearing, alert.alert_id

-- name: first_rejects
select line_number, error_column, error_code, error_message, raw
  from oms.import_reject
 where log_id = %(log_id)s
 order by line_number
 limit %(lines)s


-- name: note_told
update oms.feed_alert
   set told_at = case when alert_id = any (%(raised)s) then %(now)s else told_at end,
       told_to = case when alert_id = any (%(raised)s) then %(told_to)s::text[] else told_to end,
       clearing_told_at = case when alert_id = any (%(cleared)s) then %(now)s else clearing_told_at end
 where alert_id = any (%(raised)s)
    or alert_id = any (%(cleared)s)

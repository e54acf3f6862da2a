-- What came of the files that were expected. Rules: inventory.md 3.5, 3.6.

-- name: one_at_a_time
select pg_try_advisory_lock(hashtextextended('oms.check_feeds', 0))

-- name: let_others
select pg_advisory_unlock(hashtextextended('oms.check_feeds', 0))

-- name: feeds
select feed_id, feed_name, config_id, connection_id, path, file_pattern, expected, time_zone, early_minutes,
       grace_minutes, minimal_rows, contact, watched_from
  from oms.feed
 where is_active
 order by feed_id

-- name: pass_over
-- While a feed is switched off nothing is expected.
update oms.feed
   set watched_from = %(now)s
 where not is_active

-- name: files
-- Files of a feed's configuration since then, oldest first; which of them are the feed's, its pattern says.
select log_id, file_name, remote_path, status, total_count, rejected_count, duplicate_of_log_id is not null as is_duplicate,
       closed_at is not null as is_closed, error_message, reject_file, header, coalesce(params ->> 'delimiter', ',') as delimiter,
       dag_id || '/' || run_id as run, created_at
  from oms.import_log
 where config_id = %(config_id)s
   and connection_id = %(connection_id)s
   and created_at >= %(since)s
 order by created_at, log_id

-- name: last_files
-- Those with rows enough that came before, newest first.
select log_id, file_name, remote_path, status, total_count, rejected_count, duplicate_of_log_id is not null as is_duplicate,
       closed_at is not null as is_closed, error_message, reject_file, header, coalesce(params ->> 'delimiter', ',') as delimiter,
       dag_id || '/' || run_id as run, created_at
  from oms.import_log
 where config_id = %(config_id)s
   and connection_id = %(connection_id)s
   and status = 'DmlsFinished'
   and total_count >= %(minimal_rows)s
   and created_at < %(before)s
 order by created_at desc, log_id desc

-- name: raised
select kind, log_id
  from oms.feed_alert
 where feed_id = %(feed_id)s
   and expected_at = %(expected_at)s

-- name: raise_alert
insert into oms.feed_alert (feed_id, expected_at, kind, log_id, message, raised_at)
values (%(feed_id)s, %(expected_at)s, %(kind)s, %(log_id)s, %(message)s, %(now)s)
on conflict do nothing

-- name: clear_alerts
-- The file has come after all; one that was bad is mended by one that came after it.
update oms.feed_alert
   set cleared_at = %(now)s, cleared_by_log_id = %(log_id)s
 where feed_id = %(feed_id)s
   and expected_at = %(expected_at)s
   and kind = any (%(kinds)s)
   and (log_id is null or log_id = any (%(mended)s::bigint[]))
   and cleared_at is null

-- name: to_tell
-- What nobody was told yet, oldest first; then what was cleared since it was told.
select alert.alert_id, alert.feed_id, feed.feed_name, feed.contact, alert.kind, alert.expected_at, feed.time_zone,
       alert.message, alert.log_id, alert.told_at is not null as is_clearing, log.file_name, log.reject_file,
       log.rejected_count, coalesce(log.params ->> 'encoding', 'utf-8') as encoding,
       coming.file_name as came, coming.created_at as came_at,
       coalesce(log.dag_id || '/' || log.run_id, coming.dag_id || '/' || coming.run_id) as run
  from oms.feed_alert as alert
  join oms.feed using (feed_id)
  left join oms.import_log as log using (log_id)
  left join oms.import_log as coming on coming.log_id = alert.cleared_by_log_id
 where alert.told_at is null
    or (alert.cleared_at is not null and alert.clearing_told_at is null)
 order by alert.alert_id

-- name: first_rejects
select line_number, error_column, error_code, error_message, raw
  from oms.import_reject
 where log_id = %(log_id)s
 order by line_number
 limit %(lines)s

-- name: note_told
update oms.feed_alert
   set told_at = coalesce(told_at, %(now)s), told_to = coalesce(told_to, %(told_to)s::text[]),
       clearing_told_at = case when %(is_clearing)s then %(now)s end
 where alert_id = %(alert_id)s

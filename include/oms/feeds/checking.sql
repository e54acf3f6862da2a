-- What came of the files that were expected. Rules: inventory.md 3.5, 3.6.

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

-- name: raised
-- The alerts of expected times since then; is_open: the file that would clear it has not come yet.
select feed_id, expected_at, kind, log_id, cleared_at is null as is_open
  from oms.feed_alert
 where expected_at >= %(since)s

-- name: raise_alerts
insert into oms.feed_alert (feed_id, expected_at, kind, log_id, message, raised_at)
select feed_id, expected_at, kind, log_id, message, %(now)s
  from jsonb_to_recordset(%(alerts)s)
         as found (feed_id text, expected_at timestamptz, kind text, log_id bigint, message text)
on conflict do nothing

-- name: clear_alerts
-- The file has come after all; one that was bad is mended by one that came after it.
update oms.feed_alert as alert
   set cleared_at = %(now)s, cleared_by_log_id = mended.cleared_by
  from jsonb_to_recordset(%(alerts)s)
         as mended (feed_id text, expected_at timestamptz, kind text, log_id bigint, cleared_by bigint)
 where alert.feed_id = mended.feed_id
   and alert.expected_at = mended.expected_at
   and alert.kind = mended.kind
   and alert.log_id is not distinct from mended.log_id
   and alert.cleared_at is null

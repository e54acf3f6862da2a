-- What becomes of the log of a file. Rules: inventory.md 3.2.

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

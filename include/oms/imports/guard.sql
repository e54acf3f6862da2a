-- Files that look wrong wait for a person. Rules: inventory.md 3.2, 5.4 (maxDropPct).

-- name: forget_rows
delete from oms.import_facility_rows
 where log_id = %(log_id)s

-- name: note_rows
insert into oms.import_facility_rows (log_id, facility_id, row_count)
select %(log_id)s, facility_id, row_count
  from unnest(%(facilities)s::text[], %(rows)s::bigint[]) as counted (facility_id, row_count)

-- name: missing_facilities
-- Facilities that stood in each of the last three accepted files of the feed, and do not in this one.
with earlier as (
    select log_id
      from oms.import_log
     where connection_id = %(connection_id)s
       and feed = (select feed from oms.import_log where log_id = %(log_id)s)
       and log_id < %(log_id)s
       and status = 'DmlsFinished'
       and duplicate_of_log_id is null
     order by log_id desc
     limit 3
)
select facility_id
  from oms.import_facility_rows
 where log_id in (select log_id from earlier)
   and facility_id not in (select facility_id from oms.import_facility_rows where log_id = %(log_id)s)
 group by facility_id
having count(*) = 3
 order by facility_id

-- name: usual_rows
-- The median of the rows of the feed's last ten accepted files, and how many there were.
select percentile_cont(0.5) within group (order by total_count)::bigint, count(*)
  from (select total_count
          from oms.import_log
         where connection_id = %(connection_id)s
           and feed = (select feed from oms.import_log where log_id = %(log_id)s)
           and log_id < %(log_id)s
           and status = 'DmlsFinished'
           and duplicate_of_log_id is null
         order by log_id desc
         limit 10) as earlier

-- name: hold
update oms.import_log
   set status = 'DmlsHeld', error_code = %(code)s, error_message = %(message)s
 where log_id = %(log_id)s

-- name: note_hold
-- A file that is landed once more because somebody asked for it by name is judged anew.
insert into oms.import_hold as kept (log_id, reasons)
values (%(log_id)s, %(reasons)s)
on conflict (log_id) do update
   set reasons = excluded.reasons, held_at = now(), asked_by = null,
       decision = null, decided_at = null, decided_by = null, remark = null

-- name: is_approved
select exists (select from oms.import_hold where log_id = %(log_id)s and decision = 'APPROVED')

-- name: waiting
-- Held files that nobody decided on; with a log only that one, without only those nobody was asked about yet
-- (or this very run was); as many as Airflow maps in one run ([core] max_map_length), the rest is the next run's.
update oms.import_hold as hold
   set asked_by = %(run_name)s
  from oms.import_log as log
 where log.log_id = hold.log_id
   and log.status = 'DmlsHeld'
   and hold.decision is null
   and (hold.log_id = %(log_id)s
        or (%(log_id)s::bigint is null
            and (hold.asked_by is null or hold.asked_by = %(run_name)s)
            and hold.log_id in (select open.log_id
                                  from oms.import_hold as open
                                  join oms.import_log as landed using (log_id)
                                 where landed.status = 'DmlsHeld'
                                   and open.decision is null
                                   and (open.asked_by is null or open.asked_by = %(run_name)s)
                                 order by open.asked_by nulls last, open.log_id
                                 limit 1000)))
returning log.log_id, log.file_name, log.remote_path, log.dag_id, log.total_count, log.rejected_count, hold.held_at,
          hold.reasons

-- name: unasked
select count(*)
  from oms.import_hold as hold
  join oms.import_log as log using (log_id)
 where log.status = 'DmlsHeld'
   and hold.decision is null
   and hold.asked_by is null

-- name: later_files
-- Files that came after a held one and have changed balances of its facilities since.
select distinct later.log_id, later.file_name
  from oms.import_facility_rows as held
  join oms.import_log as later
    on later.log_id > held.log_id
   and later.domain = 'BALANCE'
   and later.applied_count > 0
  join oms.import_chunk as chunk
    on chunk.load_id = later.load_id
   and held.facility_id = any(chunk.facility_ids)
 where held.log_id = %(log_id)s
 order by later.log_id
 limit 20

-- name: lock_hold
select log.status, hold.decision, hold.decided_by, log.file_name, log.dag_id
  from oms.import_hold as hold
  join oms.import_log as log using (log_id)
 where log_id = %(log_id)s
   for update of hold, log

-- name: decide
update oms.import_hold
   set decision = %(decision)s, decided_at = now(), decided_by = %(person)s, remark = %(remark)s
 where log_id = %(log_id)s

-- name: release
-- Approved: the file takes its place in the queue. Rejected: close moves it to error/.
update oms.import_log
   set status = case %(decision)s when 'APPROVED' then 'DmlsPending' else 'DmlsCancelled' end,
       error_code = case %(decision)s when 'APPROVED' then null else error_code end,
       error_message = case %(decision)s when 'APPROVED' then null
                            else format('rejected by %%s: %%s', %(person)s::text, error_message) end,
       finished_at = case %(decision)s when 'APPROVED' then null else now() end
 where log_id = %(log_id)s

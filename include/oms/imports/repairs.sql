-- Reject files that come back corrected: each refused line is booked once, however often and in whatever pieces it
-- comes. Rules: inventory.md 3.1 (5), 3.5 (error file), 3.6.

-- name: find_origins
-- The line that each row stands for, as the columns error_log and error_line name it.
create temporary table import_origin on commit drop as
select line_number, coalesce(log, line) is not null as is_given,
       case when log ~ '^[0-9]{{1,15}}([.]0{{1,2}})?$' then split_part(log, '.', 1)::bigint end as origin_log_id,
       case when line ~ '^[0-9]{{1,15}}([.]0{{1,2}})?$' then split_part(line, '.', 1)::bigint end as origin_line,
       content
  from (select line_number, nullif(btrim({log_field}, %(blanks)s), '') as log,
               nullif(btrim({line_field}, %(blanks)s), '') as line, {content} as content
          from {landed}) as landed

-- name: misshapen
-- Lines that could not be split into columns still name their origin.
select line_number, raw
  from {landed}
 where error_code is not null
   and raw is not null

-- name: add_origin
update import_origin
   set is_given = true, origin_log_id = %(origin_log_id)s, origin_line = %(origin_line)s
 where line_number = %(line_number)s

-- name: count_origins
select count(*) from import_origin where is_given

-- name: origins
-- Files of which lines are repaired.
select distinct origin_log_id
  from import_origin
 where origin_log_id is not null

-- name: free_void
-- A file that was refused or cancelled after all has repaired nothing.
update oms.import_repair as void
   set holds = false
  from oms.import_log as log
 where log.log_id = void.log_id
   and log.status in ('DmlsFailed', 'DmlsCancelled')
   and void.holds
   and void.origin_log_id in (select origin_log_id from import_origin)

-- name: judge_origins
-- A row whose line was repaired before is dropped, unless it says something else now: that a person must see.
create temporary table import_returned on commit drop as
select line_number, origin_log_id, origin_line, content, is_known, is_good, holder_log_id, holder_line, holder_name,
       case when holder_log_id is not null and (not is_good or is_same) then 'ALREADY_REPAIRED'
            when not is_good then null
            when is_ended or not is_known or config_id <> %(config_id)s then 'ERR_ORIGIN'
            when is_undone then 'ERR_ORIGIN_UNDONE'
            when holder_log_id is not null then 'ERR_REPAIRED'
            when place > 1 then 'ERR_ORIGIN_TWICE'
            when newer_log_id is not null then 'ERR_FIGURE_OLD' end as verdict,
       case when holder_log_id is not null and (not is_good or is_same)
            then format('line %%s of log %%s was repaired by %%s (log %%s) line %%s', origin_line, origin_log_id,
                        holder_name, holder_log_id, holder_line)
            when is_ended
            then format('%%s (log %%s) was refused as a whole, and nothing of it was applied: correct and send all of it, not its '
                        'reject file', file_name, origin_log_id)
            when not is_known
            then format('error_log and error_line (%%s, %%s) name no refused line that is still kept; leave both blank to book the row as a '
                        'new one', coalesce(origin_log_id::text, 'no number'), coalesce(origin_line::text, 'no number'))
            when config_id <> %(config_id)s
            then format('line %%s of log %%s was refused by %%s (%%s); drop it into the folder of that import', origin_line,
                        origin_log_id, config_id, file_name)
            when is_undone
            then format('%%s (log %%s) was undone: repair the line where the file was imported again', file_name,
                        origin_log_id)
            when holder_log_id is not null
            then format('line %%s of log %%s was repaired with other values by %%s (log %%s) line %%s; book the difference '
                        'as a row of its own, or undo that file first', origin_line, origin_log_id, holder_name,
                        holder_log_id, holder_line)
            when place > 1
            then format('another row stands for line %%s of log %%s already; leave error_log and error_line blank to book '
                        'this one beside it', origin_line, origin_log_id)
            when newer_log_id is not null
            then format('the figure is of log %%s, and log %%s has set %%s since; give asOf or count again, or set force to '
                        'apply it as a figure of today', origin_log_id, newer_log_id, facility_id) end as message
  from (select origin.*, refused.log_id is not null as is_known,
               coalesce(home.status = 'DmlsFailed', false) as is_ended, home.config_id, home.file_name, row.facility_id,
               row.error_code is null as is_good, undone.log_id is not null as is_undone, holder.log_id as holder_log_id, holder.line_number as holder_line,
               holder.content = origin.content as is_same, holding.file_name as holder_name, newer.log_id as newer_log_id,
               row_number() over (partition by origin.origin_log_id, origin.origin_line, row.error_code is null
                                      order by origin.line_number) as place
          from import_origin as origin
          join {rows} as row using (line_number)
          left join oms.import_reject as refused
                 on refused.log_id = origin.origin_log_id and refused.line_number = origin.origin_line
          left join oms.import_log as home on home.log_id = refused.log_id
          left join oms.import_undo as undone on undone.log_id = refused.log_id
          left join oms.import_repair as holder
                 on holder.origin_log_id = origin.origin_log_id and holder.origin_line = origin.origin_line and holder.holds
          left join oms.import_log as holding on holding.log_id = holder.log_id
          left join lateral ({newer}) as newer on true
         where origin.is_given) as found

-- name: newer_reset
-- A figure without asOf is one of the time its file was applied; a file that has set the facility since knows better.
select max(log.log_id) as log_id
  from oms.import_facility_rows as later
  join oms.import_log as log using (log_id)
 where row.as_of is null
   and later.facility_id = row.facility_id
   and later.log_id > origin.origin_log_id
   and later.log_id <> {log_id}
   and log.status not in ('DmlsFailed', 'DmlsCancelled', 'DmlsHeld')

-- name: nothing_newer
select null::bigint as log_id

-- name: note_origins
insert into oms.import_repair (log_id, line_number, origin_log_id, origin_line, holds, content)
select %(log_id)s, line_number, origin_log_id, origin_line, is_good and verdict is null, content
  from import_returned
 where is_known

-- name: note_repaired
insert into oms.import_row_note (log_id, line_number, outcome, message)
select %(log_id)s, line_number, verdict, message
  from import_returned
 where verdict = 'ALREADY_REPAIRED'

-- name: refuse
create temporary table import_refused on commit drop as
select line_number, 'error_line' as error_column, verdict as error_code, message as error_message
  from import_returned
 where verdict like 'ERR_%%'

-- name: drop_returned
delete from {rows} as row
 using import_returned as returned
 where returned.line_number = row.line_number
   and returned.verdict is not null

-- name: drop_known
-- Landed once more: what had been repaired before does not count now either.
delete from {rows} as row
 using oms.import_row_note as note
 where note.log_id = %(log_id)s
   and note.line_number = row.line_number
   and note.outcome = 'ALREADY_REPAIRED'

-- name: date_figures
-- Movements since the file was applied stay on top of the figure, as with asOf (INV-17).
update {rows} as row
   set as_of = coalesce(home.started_at, home.landed_at)
  from oms.import_repair as repair
  join oms.import_log as home on home.log_id = repair.origin_log_id
 where repair.log_id = %(log_id)s
   and repair.line_number = row.line_number
   and repair.holds
   and row.as_of is null

-- name: limit_moments
-- A clock that was ahead when the line came first is not right because time has passed: what is later than the arrival
-- of the file that was refused is that arrival.
update {rows} as row
   set as_of = home.created_at
  from oms.import_repair as repair
  join oms.import_log as home on home.log_id = repair.origin_log_id
 where repair.log_id = %(log_id)s
   and repair.line_number = row.line_number
   and repair.holds
   and row.as_of > home.created_at

-- name: release
-- A row that is refused while it is applied has repaired nothing.
update oms.import_repair as repair
   set holds = false
  from import_refused as refused
 where repair.log_id = %(log_id)s
   and repair.line_number = refused.line_number

-- name: forget
-- What an earlier, unfinished landing of the log has noted.
with forgotten as (
    delete from oms.import_row_note
     where log_id = %(log_id)s
       and outcome = 'ALREADY_REPAIRED'
)
delete from oms.import_repair
 where log_id = %(log_id)s

-- Tables of landed files. {landed}, … are names filled in by psycopg.sql. Rules: inventory.md 3.5.

-- name: create_landed
-- The columns of a contract as they came, blank cells null; the figure of a plain line as a number in units, any
-- other as text in its own column. Unlogged: a crash empties it, and the file is landed again.
create unlogged table {landed} (
    line_number bigint not null,
    units integer,
    {columns}
    raw bytea,
    error_code text,
    error_message text
) with (autovacuum_enabled = false)

-- name: make_misshapen
create temporary table import_misshapen (line_number bigint, cells integer, raw bytea) on commit drop

-- name: add_misshapen
-- Lines with another number of columns than the header.
insert into {landed} (line_number, raw, error_code, error_message)
select line_number, raw,
       case when is_row_count then %(row_count)s when cells < %(columns)s then %(too_few)s else %(too_many)s end,
       case when is_row_count then %(row_count_message)s
            else format('%%s columns where the header has %%s', cells, %(columns)s) end
  from (select *, cells < %(columns)s and encode(raw, 'escape') ~ %(row_count_pattern)s as is_row_count
          from import_misshapen) as misshapen

-- name: forget_misshapen
drop table pg_temp.import_misshapen

-- name: repeated_column_differs
select line_number, {first}, {second}
  from {landed}
 where error_code is null
   and {first} is distinct from {second}
 order by line_number
 limit 1

-- name: session_settings
-- Room for hash joins over whole files, for this transaction only.
select set_config('work_mem', '128MB', true), set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true),
       set_config('parallel_setup_cost', '100', true),
       set_config('parallel_tuple_cost', '0.01', true), set_config('min_parallel_table_scan_size', '1MB', true)

-- name: known_reject
exists (select from oms.import_reject as known where known.log_id = {log_id} and known.line_number = {row}.line_number)

-- name: count_groups
-- The groups of a file with their good rows, and its bad ones.
select group_key, {scope}, count(*) filter (where error_code is null) as good,
       count(*) filter (where error_code is not null) as bad
  from {resolved}
 group by group_key, {scope}

-- name: set_faults_aside
-- Every bad row once, byte for byte, with the fault that its verdict names.
insert into oms.import_reject (log_id, line_number, error_column, error_code, error_message, raw)
select %(log_id)s, row.line_number, row.error_column, row.error_code, row.error_message, coalesce(landed.raw, {raw})
  from {resolved} as row
  join {landed} as landed using (line_number)
 where row.error_code <> 'REJECTED'
on conflict do nothing

-- name: staging_exists
select to_regclass(format('oms_staging.%%I', %(table)s::text)) is not null

-- name: has_staged_rows
select exists (select from {rows})

-- name: set_misshapen_aside
insert into oms.import_reject (log_id, line_number, error_code, error_message, raw)
select %(log_id)s, line_number, error_code,
       error_message || case when place = %(most)s
                             then format('; reading ended here, at %%s such lines (maxRejects): the lines that follow are not in '
                                         'this file, and nothing of the whole file is applied', place) else '' end,
       raw
  from (select line_number, error_code, error_message, raw, row_number() over (order by line_number) as place
          from {landed}
         where error_code is not null
         order by line_number
         limit %(most)s) as misshapen

-- name: set_refused_aside
-- Rows refused beside those that their file type judged, byte for byte.
insert into oms.import_reject (log_id, line_number, error_column, error_code, error_message, raw)
select coalesce(%(log_id)s::bigint, line_number >> 32), line_number & 4294967295, refused.error_column,
       refused.error_code, refused.error_message,
       coalesce(landed.raw, {raw})
  from import_refused as refused
  join {landed} as landed using (line_number)

-- name: forget_refused
drop table pg_temp.import_refused

-- name: trim
-- Letters that can be written in two ways, and blanks that nobody sees; the line itself is kept for the reject file.
update {landed} as landed
   set raw = coalesce(raw, {raw}), {trimmed}
 where {suspects}

-- name: trimmed
{name} = nullif(normalize(btrim({name}, %(blanks)s), NFC), '')

-- name: suspect
(octet_length({name}) <> length({name}) and {name} <> normalize(btrim({name}, %(blanks)s), NFC))

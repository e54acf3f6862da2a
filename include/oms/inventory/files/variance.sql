-- Files that state changes. Rules: inventory.md 5.5, 6.8 (movements from before a count).

-- name: count_rows
-- Rows of the part: all good ones, and those of excluded product types.
select count(*), count(*) filter (where remark = 'SKIPPED_EXCLUDED')
  from {rows} as row
 where error_code is null
   and {in_part}

-- name: count_by_file
-- What became of the rows of files that share their tables: all good ones, those skipped, moving and refused.
select log_id, rows, skipped, coalesce(moving, 0), coalesce(refused, 0)
  from (select line_number >> 32 as log_id, count(*) as rows,
               count(*) filter (where remark = 'SKIPPED_EXCLUDED') as skipped
          from {rows} as row
         where error_code is null
           and {in_part}
         group by 1) as good
  left join (select line_number >> 32 as log_id, count(*) as moving,
                    count(*) filter (where out_of_range or (recorded <> asked and %(policy)s = 'reject')) as refused
               from import_movement
              group by 1) as moved using (log_id)

-- name: find_changes
-- Rows that move their position; 0 units and reasons that write nothing change nothing.
create temporary table import_change on commit drop as
select row.line_number, row.product_id, row.facility_id, row.location_seq_id, row.quantity, row.as_of,
       row.reason_id, row.comments, item.inventory_item_id
  from {rows} as row
  left join oms.inventory_item as item
         on item.product_id = row.product_id
        and item.facility_id = row.facility_id
        and item.location_seq_id = row.location_seq_id
 where row.counts
   and {in_part}
   and {is_new}
   and row.quantity <> 0

-- name: work_out
-- What each row records, in file order: 0 for a movement from before a count of its position, else its units as far
-- as the negative policy and the range of figures let them pass. Positions are locked already.
create temporary table import_movement on commit drop as
select moved.*, recorded <> asked and (asked > 0 or %(policy)s = 'allow') as out_of_range
  from (select line_number, inventory_item_id, reason_id, comments, as_of, counted_by_entry, already_counted,
               quantity, asked, after - lag(after, 1, qoh) over position as recorded
          from (select change.*, oms.running_level(qoh, asked, %(policy)s) over position as after
                  from (select change.*, item.qoh,
                               oms.is_counted(change.as_of, item.counted_as_of) as already_counted,
                               case when oms.is_counted(change.as_of, item.counted_as_of) then 0
                                    else change.quantity end as asked,
                               case when oms.is_counted(change.as_of, item.counted_as_of)
                                    then oms.counting_entry(item.inventory_item_id, item.counted_as_of) end
                                   as counted_by_entry
                          from import_change as change
                          join oms.inventory_item as item using (inventory_item_id)) as change
                window position as (partition by inventory_item_id order by line_number)) as running
        window position as (partition by inventory_item_id order by line_number)) as moved

-- name: entries
select inventory_item_id, recorded, recorded, coalesce(reason_id, %(default_reason)s), coalesce(as_of, now()),
       coalesce(%(log_id)s::bigint, line_number >> 32), line_number & 4294967295, %(run_id)s, comments, counted_by_entry
  from import_movement
 where recorded = asked
    or (%(policy)s <> 'reject' and not out_of_range)
 order by inventory_item_id, line_number

-- name: note_remarks
-- Rows of which not all units were recorded, and why.
insert into oms.import_row_note (log_id, line_number, outcome, message)
select coalesce(%(log_id)s::bigint, movement.line_number >> 32), movement.line_number & 4294967295,
       case when already_counted then 'ALREADY_COUNTED' else 'FLOORED' end,
       case when already_counted
            then format('happened at %%s; the count of %%s already contains it', movement.as_of, item.counted_as_of)
            else format('%%s of %%s units recorded, %%s more would bring QOH below 0', abs(recorded), abs(asked),
                        abs(asked - recorded)) end
  from import_movement as movement
  join oms.inventory_item as item using (inventory_item_id)
 where already_counted
    or (recorded <> asked and %(policy)s = 'floor' and not out_of_range)

-- name: refuse
-- Rows that would bring QOH out of the range of figures or, with negativePolicy reject, below 0.
create temporary table import_refused on commit drop as
select line_number, 'availableDelta' as error_column,
       case when out_of_range then 'ERR_RANGE' else 'ERR_NEGATIVE' end as error_code,
       case when out_of_range then format('%%s units would bring QOH beyond 1000000000; correct the row', asked)
            else format('%%s units would bring QOH below 0; correct the row, or count the position', asked) end
           as error_message
  from import_movement
 where out_of_range
    or (recorded <> asked and %(policy)s = 'reject')

-- name: is_new
not exists (select from import_repeated as repeated where repeated.line_number = row.line_number)

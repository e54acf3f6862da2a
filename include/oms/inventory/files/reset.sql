-- Files that state balances. Rules: inventory.md 1.3, 5.4, 6.8 (asOf).

-- name: count_rows
-- Rows of the part: all good ones, those of excluded product types, how many positions the rest names, and how many
-- rows have an asOf.
select count(*),
       count(*) filter (where remark = 'SKIPPED_EXCLUDED'),
       count(distinct position_key) filter (where remark is distinct from 'SKIPPED_EXCLUDED'),
       count(as_of)
  from {rows} as row
 where error_code is null
   and {in_part}

-- name: last_rows
-- The last good row of each position wins (INV-21).
(select distinct on (position_key, product_id, facility_id, location_seq_id) *
   from {rows} as row
  where error_code is null
    and remark is distinct from 'SKIPPED_EXCLUDED'
    and {in_part}
  order by position_key, product_id, facility_id, location_seq_id, line_number desc)

-- name: find_changes
-- Rows that may move their position: a first look without locks. Rows with an asOf always count as such, because
-- their moment is kept even if nothing moves.
create temporary table import_change on commit drop as
select row.line_number, row.product_id, row.facility_id, row.location_seq_id, row.quantity, row.by_atp, row.as_of,
       row.reason_id, row.comments, item.inventory_item_id
  from {source} as row
  left join oms.inventory_item as item
         on item.product_id = row.product_id
        and item.facility_id = row.facility_id
        and item.location_seq_id = row.location_seq_id
 where row.counts
   and {in_part}
   and (row.as_of is not null or row.quantity <> coalesce(case when row.by_atp then item.atp else item.qoh end, 0))

-- name: find_counts
-- Like find_changes, for counts: QOH becomes the count, ATP the count less open reservations.
create temporary table import_change on commit drop as
select row.line_number, row.product_id, row.facility_id, row.location_seq_id, row.quantity, row.by_atp, row.as_of,
       row.reason_id, row.comments, item.inventory_item_id
  from {source} as row
  left join oms.inventory_item as item
         on item.product_id = row.product_id
        and item.facility_id = row.facility_id
        and item.location_seq_id = row.location_seq_id
  left join (select inventory_item_id, sum(quantity) as units
               from oms.inventory_reservation
              group by inventory_item_id) as reserved using (inventory_item_id)
 where row.counts
   and {in_part}
   and (row.as_of is not null
        or row.quantity <> coalesce(item.qoh, 0)
        or row.quantity - coalesce(reserved.units, 0) <> coalesce(item.atp, 0))

-- name: entries
-- Balances without asOf: positions are locked in one order, the difference comes from the locked rows.
with locked as materialized (
    select change.line_number, change.reason_id, change.comments, item.inventory_item_id,
           change.quantity - case when change.by_atp then item.atp else item.qoh end as diff
      from import_change as change
      join oms.inventory_item as item using (inventory_item_id)
     order by item.facility_id, item.product_id, item.location_seq_id
       for no key update of item
)
select inventory_item_id, diff, diff, coalesce(reason_id, %(default_reason)s), %(log_id)s, line_number, %(run_id)s, comments
  from locked
 where diff <> 0

-- name: set_stale_aside
-- A count older than what was last accepted says nothing about today (INV-52 b): an asOf, or a balance without one,
-- which counts as taken when it was processed. That one may have left an entry or, where it found nothing to change,
-- a bit. A line that was refused by its file is of one moment with the others of that file.
with dated as materialized (
    select change.*, item.counted_as_of, repair.origin_log_id
      from import_change as change
      join oms.inventory_item as item using (inventory_item_id)
      left join oms.import_repair as repair
             on repair.log_id = %(log_id)s
            and repair.line_number = change.line_number
            and repair.holds
     where change.as_of is not null
),
stale as materialized (
    select dated.line_number,
           case when dated.as_of < dated.counted_as_of
                then format('counted at %%s, and the position was counted again at %%s', dated.as_of, dated.counted_as_of)
                else format('counted at %%s, and the position was set without asOf at %%s', dated.as_of,
                            greatest(changed.stated_at, confirmed.stated_at)) end as message
      from dated
     cross join lateral (
           select max(entry.effective_at) as stated_at
             from oms.inventory_ledger as entry
             left join oms.import_log as log using (log_id)
            where entry.inventory_item_id = dated.inventory_item_id
              and entry.effective_at > dated.as_of
              and (entry.qoh_diff <> 0 or entry.atp_diff <> 0)
              and entry.undoes_entry is null
              and oms.states_balance(log.kind, entry.reason_id)
              and (entry.log_id = dated.origin_log_id) is not true
              and not exists (select from oms.import_undo as undone where undone.log_id = entry.log_id)) as changed
     cross join lateral (
           select max(block.stated_at) as stated_at
             from oms.confirmed_balance as block
            where block.facility_id = dated.facility_id
              and block.location_seq_id = dated.location_seq_id
              and block.block = dated.product_id >> 15
              and block.stated_at > dated.as_of
              and oms.names_product(block.products, dated.product_id)
              and (block.log_id = dated.origin_log_id) is not true
              and not exists (select from oms.import_undo as undone where undone.log_id = block.log_id)) as confirmed
     where dated.as_of < dated.counted_as_of
        or changed.stated_at is not null
        or confirmed.stated_at is not null
),
gone as (
    delete from import_change as change
     using stale
     where change.line_number = stale.line_number
)
insert into oms.import_row_note (log_id, line_number, outcome, message)
select %(log_id)s, line_number, 'STALE', message
  from stale

-- name: counts
-- Balances with asOf, and counts; their positions are locked already. The balance at that moment is the present one
-- less what goods have done later (INV-17); the entry is dated at the count, so the same file finds nothing to do.
-- A balance that was stated later makes the count stale, and one that was undone cancels out with its undoing: what is
-- left to leave out are those of the file whose refused line comes back here.
select inventory_item_id, qoh_diff, atp_diff, coalesce(reason_id, %(default_reason)s), coalesce(as_of, now()),
       %(log_id)s, line_number, %(run_id)s, comments
  from (select change.*,
               case when %(counting)s or not change.by_atp then change.quantity - (item.qoh - later.qoh)
                    else change.quantity - (item.atp - later.atp) end as qoh_diff,
               case when %(counting)s then change.quantity + later.qoh - reserved.units - item.atp
                    when change.by_atp then change.quantity - (item.atp - later.atp)
                    else change.quantity - (item.qoh - later.qoh) end as atp_diff
          from import_change as change
          join oms.inventory_item as item using (inventory_item_id)
         cross join lateral (
               select coalesce(sum(qoh_diff), 0)::integer as qoh, coalesce(sum(atp_diff), 0)::integer as atp
                 from oms.inventory_ledger as entry
                where entry.inventory_item_id = change.inventory_item_id
                  and entry.effective_at > change.as_of
                  and (entry.log_id = (select origin_log_id
                                         from oms.import_repair as repair
                                        where repair.log_id = %(log_id)s
                                          and repair.line_number = change.line_number
                                          and repair.holds)) is not true) as later
         cross join lateral (
               select coalesce(sum(quantity), 0)::integer as units
                 from oms.inventory_reservation as reservation
                where reservation.inventory_item_id = change.inventory_item_id) as reserved) as difference
 where qoh_diff <> 0
    or atp_diff <> 0

-- name: keep_moments
-- The asOf of an accepted count is kept even when nothing moved (inventory.md 6.8), with the one before for an undoing.
update oms.inventory_item as item
   set counted_as_of = change.as_of, counted_before = item.counted_as_of, counted_by = %(log_id)s
  from import_change as change
 where item.inventory_item_id = change.inventory_item_id
   and change.as_of is not null
   and (item.counted_as_of is null or change.as_of > item.counted_as_of)

-- name: undated
-- Rows of the part that state a balance of now.
counts and as_of is null and {in_part}

-- name: drops
-- Facilities whose QOH the file would cut by more than the limit: the last good row of a position counts. Products
-- that the file cannot change, such as kits, are not part of what a facility has.
with last as (
    select distinct on (position_key, product_id, facility_id, location_seq_id)
           product_id, facility_id, location_seq_id, quantity, by_atp
      from {resolved} as row
     where counts
     order by position_key, product_id, facility_id, location_seq_id, line_number desc
),
change as (
    select last.facility_id,
           sum(last.quantity - coalesce(case when last.by_atp and not %(counting)s then item.atp else item.qoh end, 0)) as units
      from last
      left join oms.inventory_item as item using (product_id, facility_id, location_seq_id)
     group by last.facility_id
),
before as (
    select facility_id, sum(qoh) as units
      from oms.inventory_item
      join oms.product using (product_id)
     where facility_id in (select facility_id from change)
       and product_type_id <> all (%(excluded)s)
     group by facility_id
)
select facility_id, before.units::bigint, (before.units + change.units)::bigint
  from change
  join before using (facility_id)
 where before.units > 0
   and -change.units * 100 > before.units * %(max_drop_pct)s::numeric
 order by facility_id

-- Taking back what a file has booked. Rules: inventory.md 1.2 (3), 5.4, 6.8; architecture.md 8.2.

-- name: lock_log
select log.log_id, log.file_name, log.config_id, log.domain, log.kind, log.status, log.closed_at, log.params,
       log.duplicate_of_log_id, log.started_at, undo.undone_at, undo.undone_by, undo.entry_count, undo.units, undo.position_count
  from oms.import_log as log
  left join oms.import_undo as undo using (log_id)
 where log.log_id = %(log_id)s
   for no key update of log

-- name: repaired_by
-- Files that repaired lines of this one and still hold them.
select distinct by.log_id, by.file_name
  from oms.import_repair as repair
  join oms.import_log as by using (log_id)
 where repair.origin_log_id = %(log_id)s
   and repair.holds
   and by.status not in ('DmlsFailed', 'DmlsCancelled')
 order by by.log_id

-- name: gather
create temporary table undo_entry on commit drop as
select entry_id, inventory_item_id, qoh_diff, atp_diff, reason_id, effective_at
  from oms.inventory_ledger
 where log_id = %(log_id)s
   and (qoh_diff <> 0 or atp_diff <> 0)

-- name: lock_positions
-- In the order of everybody who locks positions; also those that the file has counted and found right.
select count(*)
  from (select
          from oms.inventory_item as item
         where inventory_item_id in (select inventory_item_id from undo_entry)
            or counted_by = %(log_id)s
         order by facility_id, product_id, location_seq_id
           for no key update of item) as locked

-- name: objections
-- Positions that do not let their entries be taken back. A balance stated later already contains or has overridden
-- them: in the ledger, by its moment (counted_as_of), or unseen, where a later file has set the facility and found
-- nothing to change (files of one run begin at one moment and are applied in the order of their logs). A count of the
-- file itself is no objection, unless a movement from before it has come since and was recorded with 0: moments only
-- grow, so that one after the count before was judged by this one.
with position as (
    select inventory_item_id, sum(qoh_diff) as qoh, min(entry_id) as first_entry, min(effective_at) as since
      from undo_entry
     group by inventory_item_id
     union all
    select inventory_item_id, 0, null, null
      from oms.inventory_item
     where counted_by = %(log_id)s
       and inventory_item_id not in (select inventory_item_id from undo_entry)
),
place as materialized (
    select distinct facility_id
      from oms.inventory_item
     where inventory_item_id in (select inventory_item_id from position)
),
covering as materialized (
    select distinct on (place.facility_id) place.facility_id, log.log_id, log.file_name
      from place
      join oms.import_facility_rows as later using (facility_id)
      join oms.import_log as log using (log_id)
     where (log.started_at, log.log_id) > (%(started_at)s, %(log_id)s)
       and log.status in ('DmlsRunning', 'DmlsFinished')
       and not exists (select from oms.import_undo as undone where undone.log_id = log.log_id)
     order by place.facility_id, log.log_id
)
select item.facility_id, item.location_seq_id, product.internal_name,
       case when product.product_type_id = 'MARKETING_PKG_PICK'
            then 'is a kit, whose balance follows its components'
            when stated.entry_id is not null
            then format('was set by %%s, which contains or has overridden it; count the position again',
                        coalesce(format('%%s (log %%s)', stated.file_name, stated.log_id), 'entry ' || stated.entry_id))
            when late.entry_id is not null
            then format('has entry %%s of %%s, which the count of %%s was taken to contain; count the position again',
                        late.entry_id, late.effective_at, item.counted_as_of)
            when item.counted_as_of >= position.since and item.counted_by is distinct from %(log_id)s
            then format('was counted for %%s; count the position again', item.counted_as_of)
            when covering.log_id is not null
            then format('stands at a facility that %%s (log %%s) has set since; count the position again',
                        covering.file_name, covering.log_id)
            else format('would fall to %%s units on hand', item.qoh - position.qoh) end as objection
  from position
  join oms.inventory_item as item using (inventory_item_id)
  join oms.product using (product_id)
  left join lateral (
       select other.entry_id, log.log_id, log.file_name
         from oms.inventory_ledger as other
         left join oms.import_log as log on log.log_id = other.log_id
        where other.inventory_item_id = position.inventory_item_id
          and other.entry_id > position.first_entry
          and other.undoes_entry is null
          and other.log_id is distinct from %(log_id)s
          and (oms.states_balance(log.kind, other.reason_id)
               or (other.order_id is not null and other.reason_id = 'NOT_IN_STOCK'))
          and not exists (select from oms.import_undo as undone where undone.log_id = other.log_id)
        order by other.entry_id
        limit 1) as stated on true
  left join lateral (
       select zero.entry_id, zero.effective_at
         from oms.inventory_ledger as zero
        where item.counted_by = %(log_id)s
          and zero.inventory_item_id = position.inventory_item_id
          and zero.qoh_diff = 0
          and zero.atp_diff = 0
          and zero.effective_at <= item.counted_as_of
          and (zero.effective_at <= item.counted_before) is not true
          and not exists (select from oms.import_undo as undone where undone.log_id = zero.log_id)
        order by zero.entry_id
        limit 1) as late on true
  left join covering on covering.facility_id = item.facility_id
 where product.product_type_id = 'MARKETING_PKG_PICK'
    or stated.entry_id is not null
    or late.entry_id is not null
    or (item.counted_as_of >= position.since and item.counted_by is distinct from %(log_id)s)
    or covering.log_id is not null
    or (not %(may_be_negative)s and position.qoh > 0 and item.qoh - position.qoh < 0)
 order by item.facility_id, product.internal_name, item.location_seq_id

-- name: entries
-- The moment of an entry is that of the one it takes back, so that the two cancel out at every past moment. Its reason
-- too, so that both take the same way to the shops; what an upload brought is sent at once, and so is its undoing.
select inventory_item_id, -qoh_diff, -atp_diff,
       case when %(config_id)s = 'IMP_INV_VAR_SHOPIFY' then 'VAR_MANUAL' else reason_id end, effective_at,
       'undo:' || entry_id, %(run_name)s, %(comments)s, entry_id
  from undo_entry
 order by inventory_item_id, entry_id

-- name: restore_moments
-- What was counted before counts again; of the time before that nothing is known.
update oms.inventory_item
   set counted_as_of = counted_before, counted_before = null, counted_by = null
 where counted_by = %(log_id)s

-- name: held_back_at
-- Where the entries of the file, and so those that take them back, are none that mode DELTA sends.
select distinct item.facility_id
  from oms.inventory_ledger as entry
  join oms.inventory_item as item using (inventory_item_id)
 where entry.log_id = %(log_id)s
   and (entry.qoh_diff <> 0 or entry.atp_diff <> 0)
   and entry.reason_id not in (select sent.reason_id
                                 from oms.reason_group_member as sent
                                where sent.reason_group_id = 'SHPFY_INV_DLT_REASON')
 order by item.facility_id

-- name: count_units
select count(*), coalesce(sum(abs(qoh_diff)), 0)::bigint, count(distinct inventory_item_id)
  from undo_entry

-- name: note_undo
insert into oms.import_undo (log_id, undone_by, reason, entry_count, units, position_count)
values (%(log_id)s, %(run_name)s, %(reason)s, %(entries)s, %(units)s, %(positions)s)

-- name: free_documents
delete from oms.import_document_line
 where log_id = %(log_id)s

-- name: free_repairs
update oms.import_repair
   set holds = false
 where log_id = %(log_id)s
   and holds

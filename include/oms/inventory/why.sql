-- name: products
-- The products of an identifier, as an import file looks them up (inventory.md 3.5); PRODUCTID is our own number.
select known.product_id, product.internal_name
  from oms.identification_spelling as kind
 cross join lateral oms.identified(kind.identification_type_id, %(value)s) as known (product_id)
  join oms.product using (product_id)
 where kind.match_key = %(match_key)s
 union
select product_id, internal_name
  from oms.product
 where %(match_key)s = 'PRODUCTID'
   and product_id = case when %(value)s ~ '^[1-9][0-9]{0,17}$' then %(value)s::bigint end
 order by product_id

-- name: facility
-- Our own id wins over the id in the ERP or POS.
select facility_id, facility_name
  from oms.facility
 where %(facility)s in (facility_id, external_id)
 order by facility_id = %(facility)s desc
 limit 1

-- name: chain
-- The last entries of a product at a facility, and the sums of all of them beside what the positions say:
-- one statement, so that all of it is of one snapshot. With a time, an entry counts once its transaction was
-- committed: until then nobody saw it, whenever it had begun.
with place as materialized (
    select inventory_item_id, location_seq_id, qoh, atp
      from oms.inventory_item
     where product_id = %(product_id)s
       and facility_id = %(facility_id)s
       and (%(storage)s::text is null or location_seq_id = %(storage)s)
), under_way as materialized (
    select tx
      from oms.ledger_commit
     where tstzrange(began_at, committed_at) @> %(at)s::timestamptz
), history as materialized (
    select entry.entry_id, inventory_item_id, place.location_seq_id, entry.qoh_diff, entry.atp_diff,
           %(at)s::timestamptz is null
           or (entry.recorded_at <= %(at)s and entry.tx not in (select under_way.tx from under_way)) as counts
      from place
      join oms.inventory_ledger as entry using (inventory_item_id)
), added as (
    select inventory_item_id, sum(qoh_diff) as qoh, sum(atp_diff) as atp
      from history
     group by inventory_item_id
), total as (
    select sum(place.qoh) as position_qoh, sum(place.atp) as position_atp,
           coalesce(sum(added.qoh), 0) as ledger_qoh, coalesce(sum(added.atp), 0) as ledger_atp,
           coalesce(array_agg(location_seq_id order by location_seq_id)
                    filter (where (place.qoh, place.atp)
                                  is distinct from (coalesce(added.qoh, 0), coalesce(added.atp, 0))), '{}') as wrong,
           count(*) as places
      from place
      left join added using (inventory_item_id)
), counted as (
    select count(*) as entries, coalesce(sum(qoh_diff), 0) as qoh, coalesce(sum(atp_diff), 0) as atp
      from history
     where counts
), shown as (
    select entry_id, location_seq_id
      from history
     where counts
     order by entry_id desc
     limit %(last)s
), detail as (
    select entry.entry_id, shown.location_seq_id, entry.qoh_diff, entry.atp_diff,
           sum(entry.qoh_diff) over backwards as qoh_from_here, sum(entry.atp_diff) over backwards as atp_from_here,
           entry.reason_id, reason.description as reason, entry.effective_at, entry.recorded_at,
           coalesce(done.committed_at, entry.recorded_at) as visible_at,
           entry.log_id, log.file_name, entry.line_number,
           repair.origin_line as repaired_line, repair.origin_log_id as repaired_log_id,
           coalesce(log.dag_id || '/', '') || coalesce(entry.run_id, log.run_id) as run,
           entry.order_id, coalesce(header.order_name, header.external_id) as order_name, entry.order_item_seq,
           entry.shipment_id, entry.source_key, entry.comments, entry.counted_by_entry,
           entry.undoes_entry, undoing.entry_id as undone_by_entry
      from shown
      join oms.inventory_ledger as entry using (entry_id)
      left join oms.reason using (reason_id)
      left join oms.import_log as log on log.log_id = entry.log_id
      left join oms.import_repair as repair on repair.log_id = entry.log_id and repair.line_number = entry.line_number
      left join oms.order_header as header on header.order_id = entry.order_id
      left join oms.inventory_ledger as undoing on undoing.undoes_entry = entry.entry_id
      left join oms.ledger_commit as done on done.tx = entry.tx
    window backwards as (order by entry.entry_id desc)
)
select total.places, total.wrong, total.position_qoh, total.position_atp, total.ledger_qoh, total.ledger_atp,
       counted.entries, counted.qoh, counted.atp,
       detail.entry_id, detail.location_seq_id, detail.qoh_diff, detail.atp_diff,
       counted.qoh - detail.qoh_from_here + detail.qoh_diff as running_qoh,
       counted.atp - detail.atp_from_here + detail.atp_diff as running_atp,
       detail.reason_id, detail.reason, detail.effective_at, detail.recorded_at, detail.visible_at,
       detail.log_id, detail.file_name, detail.line_number, detail.repaired_line, detail.repaired_log_id, detail.run, detail.order_id, detail.order_name,
       detail.order_item_seq, detail.shipment_id, detail.source_key, detail.comments, detail.counted_by_entry,
       detail.undoes_entry, detail.undone_by_entry
  from total
 cross join counted
  left join detail on true
 order by detail.entry_id

-- name: levels
-- The levels in shops that show stock of this facility: mapped to it, or to a channel it belongs to.
select place.shop_id, place.shopify_location_id, place.location_name, place.sync_mode,
       mapped.shopify_inventory_item_id, level.book, level.opened_at, level.set_aside_code,
       look.drift, look.looked_at
  from oms.shop_product as mapped
  join oms.shop_location as place using (shop_id)
  left join oms.sync_level as level using (shop_id, shopify_location_id, shopify_inventory_item_id)
  left join oms.sync_look as look using (shop_id, shopify_location_id, shopify_inventory_item_id)
 where mapped.product_id = %(product_id)s
   and mapped.thru_date is null
   and mapped.shopify_inventory_item_id is not null
   and (%(shop_id)s::text is null or place.shop_id = %(shop_id)s)
   and (%(location)s::bigint is null or place.shopify_location_id = %(location)s)
   and (exists (select from oms.shop_location_facility as link
                 where link.shop_id = place.shop_id
                   and link.shopify_location_id = place.shopify_location_id
                   and link.facility_id = %(facility_id)s)
        or exists (select from oms.facility_group_member as member
                    where member.facility_group_id = place.facility_group_id
                      and member.facility_id = %(facility_id)s))
 order by place.shop_id, place.shopify_location_id

-- name: lines
-- The last lines of one level with their batches; with a time, those planned by then, in their state of now.
select line.line_id, line.created_at, batch.mode, line.delta, line.compared_with, line.desired, line.guarded,
       line.status, line.error_code, line.error_message, batch.batch_id::text, batch.status as batch_status,
       batch.attempts, batch.first_sent_at, batch.answered_at, batch.adjustment_group_id,
       batch.bulk_operation_id, batch.run_id
  from (select newest.*
          from oms.sync_line as newest
         where newest.shop_id = %(shop_id)s
           and newest.shopify_location_id = %(location)s
           and newest.shopify_inventory_item_id = %(item)s
           and (%(at)s::timestamptz is null or newest.created_at <= %(at)s)
         order by newest.line_id desc
         limit %(last)s) as line
  join oms.sync_batch as batch using (batch_id)
 order by line.line_id

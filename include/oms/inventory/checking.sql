-- name: positions_off
with ledger as (
    select inventory_item_id, sum(qoh_diff) as qoh, sum(atp_diff) as atp
      from oms.inventory_ledger
     group by inventory_item_id
)
select format('product %s at %s %s', item.product_id, item.facility_id, item.location_seq_id),
       format('%s/%s', item.qoh, item.atp), format('%s/%s', coalesce(ledger.qoh, 0), coalesce(ledger.atp, 0))
  from oms.inventory_item as item
  left join ledger using (inventory_item_id)
 where (item.qoh, item.atp) is distinct from (coalesce(ledger.qoh, 0), coalesce(ledger.atp, 0))
 order by 1;

-- name: books_off
with entries as (
    select shop_id, shopify_location_id, shopify_inventory_item_id, sum(amount) as book
      from oms.sync_book
     group by shop_id, shopify_location_id, shopify_inventory_item_id
)
select format('level of item %s at location %s of shop %s',
              shopify_inventory_item_id, shopify_location_id, shop_id),
       coalesce(level.book, 0)::text, coalesce(entries.book, 0)::text
  from oms.sync_level as level
  full join entries using (shop_id, shopify_location_id, shopify_inventory_item_id)
 where coalesce(level.book, 0) <> coalesce(entries.book, 0)
 order by 1;

-- name: reservations_off
-- Of a kit its components are reserved beside it.
with reserved as (
    select reservation.order_id, reservation.order_item_seq,
           coalesce(sum(reservation.quantity) filter (where held.product_id = item.product_id), 0) as own,
           sum(reservation.quantity) as quantity,
           case when item.status in ('CREATED', 'APPROVED') then item.quantity - item.cancel_quantity else 0 end as most,
           item.status
      from oms.inventory_reservation as reservation
      join oms.inventory_item as held using (inventory_item_id)
      join oms.order_item as item using (order_id, order_item_seq)
     group by item.order_id, item.order_item_seq, reservation.order_id, reservation.order_item_seq
)
select format('order %s item %s', order_id, order_item_seq), format('%s reserved', case when own > 0 then own else quantity end),
       format('at most %s (%s)', case when own > 0 then most else 0 end, status)
  from reserved
 where own > most
    or own = 0
 order by 1;

-- name: rejects_off
-- The constraint guards the sum of the account; here: the rejected lines are kept, each once,
-- until house-keeping removes them.
select format('file %s (log %s)', log.file_name, log.log_id),
       format('%s rejected lines kept', count(reject.log_id)), log.rejected_count::text
  from oms.import_log as log
  left join oms.import_reject as reject using (log_id)
 where log.status = 'DmlsFinished'
   and log.contents_removed_at is null
 group by log.log_id
having count(reject.log_id) <> log.rejected_count
 order by 1;

-- name: receipts_off
-- Each receipt of a shipment has its entry, and no entry has another amount.
select format('receipt %s of shipment %s item %s', receipt.receipt_no, receipt.shipment_id, receipt.shipment_item_seq),
       format('%s/%s in the ledger', coalesce(entry.qoh_diff, 0), coalesce(entry.atp_diff, 0)),
       format('%s accepted', receipt.quantity_accepted)
  from oms.shipment_receipt as receipt
  left join oms.inventory_ledger as entry
         on entry.source_key = concat_ws(':', receipt.shipment_id, receipt.shipment_item_seq, receipt.receipt_no)
        and entry.shipment_id = receipt.shipment_id
 where (coalesce(entry.qoh_diff, 0), coalesce(entry.atp_diff, 0))
       is distinct from (receipt.quantity_accepted, receipt.quantity_accepted)
 order by 1;

-- Restocks that are due. Rules: inventory.md 5.13.

-- name: due
-- What is due by the clock and not being put off after a failure; or the one that is named, whenever it is due.
select restock.shipment_id, restock.restock_name, restock.shop_id, shipment.destination_facility_id as facility_id,
       restock.run_at, restock.status
  from oms.scheduled_restock as restock
  join oms.shipment using (shipment_id)
 where restock.status in ('PENDING', 'RECEIVED')
   and case when %(shipment_id)s::bigint is not null then restock.shipment_id = %(shipment_id)s
            else restock.run_at <= now() and coalesce(restock.next_attempt_at <= now(), true) end
 order by restock.run_at, restock.shipment_id

-- name: ask_for_runs
-- What is due by the clock gets a run of its own, the longest due first, and is not due again until nothing seems to
-- come of that.
with waiting as (
    select shipment_id
      from oms.scheduled_restock
     where status in ('PENDING', 'RECEIVED')
       and run_at <= now()
       and coalesce(next_attempt_at <= now(), true)
     order by run_at, shipment_id
     limit %(at_once)s
       for update skip locked
)
update oms.scheduled_restock as restock
   set next_attempt_at = now() + %(patience)s
  from waiting
 where restock.shipment_id = waiting.shipment_id
returning restock.shipment_id, now()

-- name: status
select status
  from oms.scheduled_restock
 where shipment_id = %(shipment_id)s

-- name: lock
-- The restock, the number of the next receipt, and whether any unit is still to be received.
select restock.status, restock.run_at, restock.run_at <= now(),
       (select coalesce(max(receipt_no), 0) + 1 from oms.shipment_receipt as receipt
         where receipt.shipment_id = restock.shipment_id),
       exists (select from oms.shipment_item as item
                where item.shipment_id = restock.shipment_id
                  and item.quantity > (select coalesce(sum(quantity_accepted + quantity_rejected), 0)
                                         from oms.shipment_receipt as receipt
                                        where receipt.shipment_id = item.shipment_id
                                          and receipt.shipment_item_seq = item.shipment_item_seq))
  from oms.scheduled_restock as restock
 where restock.shipment_id = %(shipment_id)s
   for update of restock

-- name: mark_received
update oms.scheduled_restock
   set status = 'RECEIVED', received_at = now(), received_by = %(run_name)s
 where shipment_id = %(shipment_id)s

-- name: products
select distinct product_id
  from oms.shipment_item
 where shipment_id = %(shipment_id)s

-- name: finish
update oms.scheduled_restock
   set status = 'DONE', finished_at = now(), error = null, next_attempt_at = null
 where shipment_id = %(shipment_id)s
   and status = 'RECEIVED'

-- name: note_failure
-- The next attempt comes a minute later, then later and later, an hour at most.
update oms.scheduled_restock
   set attempts = attempts + 1, error = %(error)s,
       next_attempt_at = now() + least(power(2, attempts), 60) * interval '1 minute'
 where shipment_id = %(shipment_id)s
   and status in ('PENDING', 'RECEIVED')

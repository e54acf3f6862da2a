-- Receipts of incoming shipments. Rules: inventory.md 1.3, 3.6, 5.8.

-- name: lock_shipment
-- Receipts of one shipment come one after the other.
select shipment.status, type.is_incoming, shipment.destination_facility_id, kind.is_virtual,
       coalesce((select min(location_seq_id)
                   from oms.facility_location as storage
                  where storage.facility_id = shipment.destination_facility_id
                    and storage.location_type = 'FLT_PICKLOC'), 'TLTLTLLL01')
  from oms.shipment
  join oms.shipment_type as type using (shipment_type_id)
  left join oms.facility as place on place.facility_id = shipment.destination_facility_id
  left join oms.facility_type as kind using (facility_type_id)
 where shipment.shipment_id = %(shipment_id)s
   for update of shipment

-- name: find_shipment
select shipment_id, shipment_type_id
  from oms.shipment
  join oms.shipment_type as type using (shipment_type_id)
 where type.is_incoming
   and (%(type)s::text is null or shipment_type_id = %(type)s)
   and (shipment_id = case when %(name)s ~ '^[1-9][0-9]{0,17}$' then %(name)s::bigint end
        or (external_id = %(name)s
            and not exists (select from oms.shipment as own
                             where own.shipment_id = case when %(name)s ~ '^[1-9][0-9]{0,17}$' then %(name)s::bigint end)))
 order by shipment_type_id

-- name: receipt
select shipment_item_seq, quantity_accepted, quantity_rejected
  from oms.shipment_receipt
 where shipment_id = %(shipment_id)s
   and receipt_no = %(receipt_no)s

-- name: outstanding
select item.shipment_item_seq,
       (item.quantity - coalesce(sum(receipt.quantity_accepted + receipt.quantity_rejected), 0))::integer
  from oms.shipment_item as item
  left join oms.shipment_receipt as receipt using (shipment_id, shipment_item_seq)
 where item.shipment_id = %(shipment_id)s
 group by item.shipment_id, item.shipment_item_seq

-- name: write_receipt
insert into oms.shipment_receipt (shipment_id, shipment_item_seq, receipt_no, quantity_accepted, quantity_rejected,
                                  reason_id, received_by)
select %(shipment_id)s, seq, %(receipt_no)s, accepted, rejected, %(reason)s, %(received_by)s
  from unnest(%(items)s::integer[], %(accepted)s::integer[], %(rejected)s::integer[]) as given (seq, accepted, rejected)

-- name: add_positions
-- A position is created at its first use, in the order in which positions are locked.
insert into oms.inventory_item (product_id, facility_id, location_seq_id)
select distinct item.product_id, %(facility_id)s, %(location_seq_id)s
  from oms.shipment_receipt as receipt
  join oms.shipment_item as item using (shipment_id, shipment_item_seq)
 where receipt.shipment_id = %(shipment_id)s
   and receipt.receipt_no = %(receipt_no)s
   and receipt.quantity_accepted > 0
 order by item.product_id
    on conflict do nothing

-- name: entries
-- Accepted units join QOH and ATP; the key lets no unit in twice. Positions are locked in their one order.
with locked as materialized (
    select inventory_item_id, product_id
      from oms.inventory_item
     where facility_id = %(facility_id)s
       and location_seq_id = %(location_seq_id)s
       and product_id in (select product_id from oms.shipment_item where shipment_id = %(shipment_id)s)
     order by product_id
       for no key update
)
select locked.inventory_item_id, receipt.quantity_accepted, receipt.quantity_accepted, receipt.reason_id,
       receipt.shipment_id, concat_ws(':', receipt.shipment_id, receipt.shipment_item_seq, receipt.receipt_no),
       receipt.received_by
  from oms.shipment_receipt as receipt
  join oms.shipment_item as item using (shipment_id, shipment_item_seq)
  join locked using (product_id)
 where receipt.shipment_id = %(shipment_id)s
   and receipt.receipt_no = %(receipt_no)s
   and receipt.quantity_accepted > 0
 order by item.product_id, receipt.shipment_item_seq

-- name: finish_shipment
update oms.shipment
   set status = 'RECEIVED', received_at = now()
 where shipment_id = %(shipment_id)s
   and not exists (select
                     from oms.shipment_item as item
                    where item.shipment_id = %(shipment_id)s
                      and item.quantity > (select coalesce(sum(quantity_accepted + quantity_rejected), 0)
                                             from oms.shipment_receipt as receipt
                                            where receipt.shipment_id = item.shipment_id
                                              and receipt.shipment_item_seq = item.shipment_item_seq))

-- name: told
select item.shipment_item_seq, item.product_id, product.internal_name as sku, item.quantity,
       receipt.quantity_accepted as accepted, receipt.quantity_rejected as rejected,
       (item.quantity - (select sum(quantity_accepted + quantity_rejected)
                           from oms.shipment_receipt as every
                          where every.shipment_id = item.shipment_id
                            and every.shipment_item_seq = item.shipment_item_seq))::integer as outstanding
  from oms.shipment_receipt as receipt
  join oms.shipment_item as item using (shipment_id, shipment_item_seq)
  join oms.product using (product_id)
 where receipt.shipment_id = %(shipment_id)s
   and receipt.receipt_no = %(receipt_no)s
 order by item.shipment_item_seq

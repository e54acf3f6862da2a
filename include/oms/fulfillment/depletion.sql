-- What the POS is told of packed orders. Rules: inventory.md 5.19.

-- name: lines
-- Packed items that no file has named, and those that were unpacked by force after a file had named them; a kit as the
-- components that left the shelf. The time is that of the store.
select line.event, coalesce(facility.external_id, facility.facility_id), coalesce(header.order_name, header.external_id),
       line.shipment_id, lpad(line.shipment_item_seq::text, 5, '0'),
       coalesce(sku.id_value, product.internal_name), coalesce(upc.id_value, ''),
       case line.event when 'PACKED' then -line.quantity else line.quantity end,
       line.packed_at, store.time_zone
  from (select item.shipment_id, item.shipment_item_seq, part.product_id, part.quantity, shipment.packed_at,
               shipment.origin_facility_id, shipment.order_id,
               case when shipment.status = 'CANCELLED' then 'UNPACKED' else 'PACKED' end as event
          from oms.shipment
          join oms.shipment_item as item using (shipment_id)
         cross join lateral (select product_id, quantity
                               from oms.shipment_item_part as made_of
                              where made_of.shipment_id = item.shipment_id
                                and made_of.shipment_item_seq = item.shipment_item_seq
                              union all
                             select item.product_id, item.quantity
                              where not exists (select from oms.shipment_item_part as made_of
                                                 where made_of.shipment_id = item.shipment_id
                                                   and made_of.shipment_item_seq = item.shipment_item_seq)) as part
         where shipment.shipment_type_id = 'SALES_SHIPMENT'
           and shipment.packed_at is not null
           and not exists (select from oms.depletion_line as told
                            where told.shipment_id = item.shipment_id
                              and told.shipment_item_seq = item.shipment_item_seq
                              and told.event = case when shipment.status = 'CANCELLED' then 'UNPACKED' else 'PACKED' end)
           and (shipment.status <> 'CANCELLED'
                or exists (select from oms.depletion_line as told
                            where told.shipment_id = item.shipment_id
                              and told.shipment_item_seq = item.shipment_item_seq
                              and told.event = 'PACKED'))) as line
  join oms.facility on facility.facility_id = line.origin_facility_id
  join oms.order_header as header using (order_id)
  join oms.product_store as store using (product_store_id)
  join oms.product on product.product_id = line.product_id
  left join lateral (select id_value
                       from oms.product_identification as named
                      where named.product_id = line.product_id
                        and named.identification_type_id = 'SKU'
                        and named.from_date <= now()
                        and (named.thru_date is null or named.thru_date > now())
                      order by named.from_date desc, id_value
                      limit 1) as sku on true
  left join lateral (select id_value
                       from oms.product_identification as named
                      where named.product_id = line.product_id
                        and named.identification_type_id = 'UPCA'
                        and named.from_date <= now()
                        and (named.thru_date is null or named.thru_date > now())
                      order by named.from_date desc, id_value
                      limit 1) as upc on true
 where facility.facility_id = any(coalesce(%(facilities)s::text[], array[facility.facility_id]))
   and (%(facilities)s::text[] is not null or facility.facility_type_id = any(%(types)s::text[]))
 order by line.packed_at, line.shipment_id, line.shipment_item_seq, product.product_id

-- name: mark
insert into oms.depletion_line (shipment_id, shipment_item_seq, event, export_id)
select distinct told.shipment_id, told.item_seq, told.event, file.export_id
  from unnest(%(shipments)s::bigint[], %(items)s::integer[], %(events)s::text[]) as told (shipment_id, item_seq, event)
 cross join oms.export_file as file
 where file.property_resource = %(property_resource)s
   and file.path = %(path)s

-- name: forget
delete from oms.depletion_line where export_id = %(export_id)s

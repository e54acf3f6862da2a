-- Restocks that wait for their time. Rules: inventory.md 5.13.

-- name: find_facility
-- By id, else by the id in the ERP, else by name.
select facility_id, is_virtual
  from oms.facility
  join oms.facility_type using (facility_type_id)
 where normalize(facility_id, NFC) = %(said)s
    or (not exists (select from oms.facility where normalize(facility_id, NFC) = %(said)s)
        and (normalize(external_id, NFC) = %(said)s
             or (lower(normalize(facility_name, NFC)) = lower(%(said)s)
                 and not exists (select from oms.facility where normalize(external_id, NFC) = %(said)s))))

-- name: find_store
select product_store_id, time_zone
  from oms.product_store
 where normalize(product_store_id, NFC) = %(said)s
    or (lower(normalize(store_name, NFC)) = lower(%(said)s)
        and not exists (select from oms.product_store where normalize(product_store_id, NFC) = %(said)s))

-- name: find_shop
select shop_id, product_store_id
  from oms.shop
 where normalize(shop_id, NFC) = %(said)s
    or (lower(normalize(shop_name, NFC)) = lower(%(said)s)
        and not exists (select from oms.shop where normalize(shop_id, NFC) = %(said)s))

-- name: find_products
-- What each SKU stands for today; the SKU as Shopify shows it is the second choice.
select wanted.sku, min(known.product_id), count(distinct known.product_id),
       coalesce(bool_or(product.product_type_id = 'MARKETING_PKG_PICK'), false)
  from unnest(%(skus)s::text[]) as wanted (sku)
  left join lateral (select product_id
                       from oms.product_identification as identification
                      where identification.id_value = wanted.sku
                        and identification.identification_type_id in ('SKU', 'SHOPIFY_PROD_SKU')
                        and identification.from_date <= now()
                        and (identification.thru_date is null or identification.thru_date > now())
                        and (identification.identification_type_id = 'SKU'
                             or not exists (select from oms.product_identification as better
                                             where better.id_value = wanted.sku
                                               and better.identification_type_id = 'SKU'
                                               and better.from_date <= now()
                                               and (better.thru_date is null or better.thru_date > now())))) as known
         on true
  left join oms.product on product.product_id = known.product_id
 group by wanted.sku
 order by wanted.sku

-- name: find_source
-- What was prepared from this very file, or from one of the same content for the same time.
select shipment_id
  from oms.scheduled_restock
 where (source_key = %(source_key)s or file_key = %(file_key)s)
   and status <> 'CANCELLED'
 order by shipment_id
 limit 1

-- name: note_moved
update oms.scheduled_restock
   set file_key = null
 where shipment_id = any(%(shipments)s)
   and file_key is not null

-- name: add_shipment
insert into oms.shipment (shipment_type_id, status, destination_facility_id)
values ('INCOMING_SHIPMENT', 'APPROVED', %(facility_id)s)
returning shipment_id

-- name: add_restock
insert into oms.scheduled_restock (shipment_id, restock_name, shop_id, product_store_id, run_at, source_key, file_key,
                                   prepared_by)
values (%(shipment_id)s, %(name)s, %(shop_id)s, %(product_store_id)s, %(run_at)s, %(source_key)s, %(file_key)s, %(by)s)

-- name: drop_items
-- Products that are taken out.
delete from oms.shipment_item as item
 using unnest(%(products)s::bigint[], %(units)s::integer[]) as wanted (product_id, quantity)
 where item.shipment_id = %(shipment_id)s
   and item.product_id = wanted.product_id
   and wanted.quantity = 0

-- name: change_items
update oms.shipment_item as item
   set quantity = wanted.quantity
  from unnest(%(products)s::bigint[], %(units)s::integer[]) as wanted (product_id, quantity)
 where item.shipment_id = %(shipment_id)s
   and item.product_id = wanted.product_id
   and wanted.quantity > 0

-- name: add_items
insert into oms.shipment_item (shipment_id, shipment_item_seq, product_id, quantity)
select %(shipment_id)s,
       (select coalesce(max(shipment_item_seq), 0) from oms.shipment_item where shipment_id = %(shipment_id)s)
       + row_number() over (order by wanted.product_id),
       wanted.product_id, wanted.quantity
  from unnest(%(products)s::bigint[], %(units)s::integer[]) as wanted (product_id, quantity)
 where wanted.quantity > 0
   and not exists (select from oms.shipment_item as item
                    where item.shipment_id = %(shipment_id)s
                      and item.product_id = wanted.product_id)

-- name: lock_restock
select restock.status, store.time_zone
  from oms.scheduled_restock as restock
  join oms.product_store as store using (product_store_id)
 where restock.shipment_id = %(shipment_id)s
   for update of restock

-- name: reschedule
update oms.scheduled_restock
   set run_at = %(run_at)s, next_attempt_at = null, attempts = 0, error = null
 where shipment_id = %(shipment_id)s

-- name: cancel
with given_up as (
    update oms.scheduled_restock
       set status = 'CANCELLED', finished_at = now()
     where shipment_id = %(shipment_id)s
 returning shipment_id
)
update oms.shipment
   set status = 'CANCELLED'
  from given_up
 where shipment.shipment_id = given_up.shipment_id

-- name: restocks
select restock.shipment_id, restock.restock_name as name, restock.status, restock.run_at, store.time_zone,
       shipment.destination_facility_id as facility_id, restock.shop_id, restock.error, %(is_new)s::boolean as is_new,
       count(item.shipment_item_seq) as items, coalesce(sum(item.quantity), 0)::bigint as units
  from oms.scheduled_restock as restock
  join oms.shipment using (shipment_id)
  join oms.product_store as store using (product_store_id)
  left join oms.shipment_item as item using (shipment_id)
 where (%(shipment_id)s::bigint is null or restock.shipment_id = %(shipment_id)s)
   and (%(status)s::text[] is null or restock.status = any(%(status)s))
 group by restock.shipment_id, store.time_zone, shipment.destination_facility_id
 order by restock.run_at, restock.shipment_id

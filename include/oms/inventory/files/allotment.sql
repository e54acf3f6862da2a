-- Stock of a warehouse that people upload for a shop. Rules: inventory.md 5.20, 6.3, 6.8 (INV-47).

-- name: refuse_unknown_shops
update {rows} as row
   set error_code = 'ERR_SHOP_NOT_FOUND', counts = false
  from {landed} as landed
 where landed.line_number = row.line_number
   and landed.shop_id is not null
   and row.error_code is null
   and not exists (select from oms.shop where shop.shop_id = landed.shop_id)

-- name: tell_unknown_shops
create temporary table import_refused on commit drop as
select line_number, 'shopId' as error_column, row.error_code,
       format('no shop has the id %%L; leave it blank for every shop that shows the stock', left(landed.shop_id, 80))
           as error_message
  from {rows} as row
  join {landed} as landed using (line_number)
 where row.error_code = 'ERR_SHOP_NOT_FOUND'

-- name: count_told
update {rows}
   set error_code = 'REJECTED'
 where error_code = 'ERR_SHOP_NOT_FOUND'

-- name: floor_figures
-- An allotment is never below 0 (5.20, negative result).
with floored as (
    update {rows} as row
       set quantity = 0
     where error_code is null
       and quantity < 0
       and {in_part}
 returning line_number
)
insert into oms.import_row_note (log_id, line_number, outcome, message)
select %(log_id)s, line_number, 'FLOORED', format('%%s is below 0: taken as 0', coalesce(units::text, quantity))
  from floored
  join {landed} as landed using (line_number)

-- name: note_uploads
-- What the shops that show a facility are to be told of at once: the products that the file moved there.
insert into oms.upload_product (log_id, shop_id, product_id, facility_id)
select distinct entry.log_id, shop.shop_id, item.product_id, item.facility_id
  from oms.inventory_ledger as entry
  join oms.inventory_item as item using (inventory_item_id)
  join {landed} as landed using (line_number)
  join oms.shop on shop.shop_id = coalesce(landed.shop_id, shop.shop_id)
 where entry.log_id = %(log_id)s
   and (entry.qoh_diff <> 0 or entry.atp_diff <> 0)
   and exists (select from oms.shop_location as location
                where location.shop_id = shop.shop_id
                  and (exists (select from oms.shop_location_facility as mapped
                                where mapped.shop_id = location.shop_id
                                  and mapped.shopify_location_id = location.shopify_location_id
                                  and mapped.facility_id = item.facility_id)
                       or exists (select from oms.facility_group_member as member
                                   where member.facility_group_id = location.facility_group_id
                                     and member.facility_id = item.facility_id
                                     and member.from_date <= now()
                                     and (member.thru_date is null or member.thru_date > now()))))
on conflict do nothing

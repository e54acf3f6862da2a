-- What waits for the next import of orders. Rules: inventory.md 6.7, 6.8.

-- name: long_unimported
-- Units of these locations that nobody has taken in for more than a day (inventory.md 6.8).
select waiting.shopify_location_id, waiting.shopify_inventory_item_id, product.product_id, product.internal_name,
       waiting.units, waiting.since,
       coalesce((select min(spelled.id_value)
                   from oms.product_identification as spelled
                  where spelled.product_id = product.product_id
                    and spelled.identification_type_id = 'SHOPIFY_PROD_SKU'
                    and spelled.from_date <= now()
                    and (spelled.thru_date is null or spelled.thru_date > now())), product.internal_name)
  from oms.sync_untaken as waiting
  join oms.shop_product as mapped using (shop_id, shopify_inventory_item_id)
  join oms.product using (product_id)
 where waiting.shop_id = %(shop_id)s
   and waiting.shopify_location_id = any (%(locations)s)
   and waiting.since < now() - interval '1 day'
   and mapped.thru_date is null
 order by waiting.since, product.product_id

-- name: open_looks
-- Looks at these locations: how many, how many of them imports have made due, and whether imports of orders and
-- of their changes are known for the shop at all.
select count(*), count(*) filter (where oms.is_due(look)),
       exists (select from oms.order_import as run where run.shop_id = %(shop_id)s and 'orders' = any (run.parts))
       and exists (select from oms.order_import as run where run.shop_id = %(shop_id)s and 'changes' = any (run.parts))
  from oms.sync_look as look
 where look.shop_id = %(shop_id)s
   and look.shopify_location_id = any (%(locations)s)

-- name: into_book
insert into oms.sync_book (shop_id, shopify_location_id, shopify_inventory_item_id, kind, amount, cause_key)

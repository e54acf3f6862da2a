-- name: shops_to_serve
-- Shops with pushes switched on and a location that is served in one of the modes.
-- Shops that were named are served even if they have nothing to serve: the run then says so.
select shop.shop_id
  from oms.shop
 where case when %(named)s::text[] is not null then shop.shop_id = any(%(named)s)
            else shop.push_enabled
                 and shop.inventory_master = 'OMS'
                 and exists (select
                               from oms.shop_location as place
                              where place.shop_id = shop.shop_id
                                and place.sync_mode = any(%(modes)s))
       end
 order by shop.shop_id

-- name: all_shops
select shop_id from oms.shop order by shop_id

-- name: shop
select shop_id, shop_name, connection_id, product_store_id, inventory_master, product_identifier, push_enabled
  from oms.shop
 where shop_id = %(shop_id)s

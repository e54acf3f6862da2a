-- name: shops_to_serve
-- Shops with pushes switched on and a location that is served in one of the modes.
-- Shops that were named are served even if they have nothing to serve: the run then says so.
-- With facilities: only locations that show stock of one of them (inventory.md 2.4), and those never planned
-- for, whose first comparison may have waited for a file of another facility.
select shop.shop_id
  from oms.shop
 where case when %(named)s::text[] is not null then shop.shop_id = any(%(named)s)
            else shop.push_enabled
                 and shop.inventory_master = 'OMS'
                 and exists (select
                               from oms.shop_location as place
                              where place.shop_id = shop.shop_id
                                and place.sync_mode = any(%(modes)s)
                                and (%(facilities)s::text[] is null
                                     or not exists (select
                                                      from oms.sync_mark as mark
                                                     where mark.shop_id = place.shop_id
                                                       and mark.shopify_location_id
                                                           = place.shopify_location_id)
                                     or exists (select
                                                  from oms.shop_location_facility as mapped
                                                 where mapped.shop_id = place.shop_id
                                                   and mapped.shopify_location_id = place.shopify_location_id
                                                   and mapped.facility_id = any(%(facilities)s))
                                     or exists (select
                                                  from oms.facility_group_member as member
                                                 where member.facility_group_id = place.facility_group_id
                                                   and member.facility_id = any(%(facilities)s))))
       end
 order by shop.shop_id

-- name: all_shops
select shop_id from oms.shop order by shop_id

-- name: mastered_by
select shop_id from oms.shop where %(master)s::text is null or inventory_master = %(master)s
 order by shop_id

-- name: shop
select shop_id, shop_name, connection_id, product_store_id, inventory_master, product_identifier, push_enabled
  from oms.shop
 where shop_id = %(shop_id)s

-- name: facility_groups
-- Every group of facilities, channels among them.
select facility_group_id from oms.facility_group order by facility_group_id

-- name: reason_groups
-- Every group of reasons that has a member.
select distinct reason_group_id from oms.reason_group_member order by reason_group_id

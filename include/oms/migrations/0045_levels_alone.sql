-- Levels that no push served: one that was never compared at a location that was, and those of a location that
-- has lost its last facility. Source: spec inventory.md 6.3, 6.7.

alter table oms.sync_level add column waits boolean not null default false;
comment on column oms.sync_level.waits is 'Its first comparison was put off: nobody knew its stock yet, a file was coming in, or too many levels would have gone to 0. The next push in mode DELTA takes it up.';
create index sync_level_waits on oms.sync_level (shop_id, shopify_location_id) where waits;

alter table oms.shop_location add column leave_units boolean not null default false;
comment on column oms.shop_location.leave_units is 'Without a facility: what it offers of ours stays in the shop; false: the next push takes it off.';
-- of locations that lost their facility before, nobody was told that anything would be taken off
update oms.shop_location as location
   set leave_units = true
 where not exists (select from oms.shop_location_facility as mapped
                    where mapped.shop_id = location.shop_id
                      and mapped.shopify_location_id = location.shopify_location_id);

create view oms.location_facility as
select location.shop_id, location.shopify_location_id, member.facility_id
  from oms.shop_location as location
  join oms.facility_group_member as member using (facility_group_id)
 union all
select shop_id, shopify_location_id, facility_id
  from oms.shop_location_facility;
comment on view oms.location_facility is 'Facilities whose stock may be behind the figure of a location: those mapped to it and all that ever were members of its channel.';

create view oms.level_offered as
select level.shop_id, level.shopify_location_id, level.shopify_inventory_item_id, mapped.product_id, level.book as units
  from oms.sync_level as level
  join oms.shop_product as mapped using (shop_id, shopify_inventory_item_id)
 where level.opened_at is not null
   and level.book > 0
   and level.set_aside_code is null
   and mapped.thru_date is null;
comment on view oms.level_offered is 'Units of ours that Shopify offers at a level, by its book.';

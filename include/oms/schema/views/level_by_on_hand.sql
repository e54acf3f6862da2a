create or replace view oms.level_by_on_hand as
select shop_id, shopify_location_id
  from oms.shop_location
 where facility_group_id is null
   and physical_basis = 'QOH';
comment on view oms.level_by_on_hand is 'Locations whose books count on_hand: fulfilment and restock move it, an order does not (inventory.md 6.3, INV-50).';

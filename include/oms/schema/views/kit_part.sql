create or replace view oms.kit_part as
select part.kit_product_id, part.component_product_id, part.quantity
  from oms.limiting_component as part
 where not exists (select from oms.product_assoc as inner_kit
                    where inner_kit.product_id = part.component_product_id
                      and inner_kit.from_date <= now()
                      and (inner_kit.thru_date is null or inner_kit.thru_date > now()))
   and part.kit_product_id not in (select kit_product_id from oms.kit_in_cycle);
comment on view oms.kit_part is 'Units of each component that limits a kit: physical and tracked ones; kits inside a kit by their own parts (inventory.md 2.5).';

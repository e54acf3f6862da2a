create or replace function oms.note_mapping_change() returns trigger language plpgsql as $$
begin
    insert into oms.product_change (product_id, cause)
    select distinct new_row.product_id, 'mapping'
      from new_rows as new_row
      left join old_rows as old_row using (shop_id, shopify_variant_id)
     where new_row.thru_date is null
       and (new_row.shopify_inventory_item_id, new_row.product_id, new_row.tracked, new_row.thru_date)
           is distinct from (old_row.shopify_inventory_item_id, old_row.product_id, old_row.tracked, old_row.thru_date);
    update oms.sync_level as level
       set set_aside_code = null, set_aside_at = null
      from new_rows as new_row
      join old_rows as old_row using (shop_id, shopify_variant_id)
     where level.set_aside_code is not null
       and level.shop_id = new_row.shop_id
       and level.shopify_inventory_item_id = new_row.shopify_inventory_item_id
       and (new_row.shopify_inventory_item_id, new_row.product_id, new_row.tracked, new_row.thru_date)
           is distinct from (old_row.shopify_inventory_item_id, old_row.product_id, old_row.tracked, old_row.thru_date);
    return null;
end $$;
comment on function oms.note_mapping_change is 'A mended mapping makes the product a recent change and gives its levels another try (INV-54).';

create or replace trigger note_mapping_change after update on oms.shop_product
    referencing old table as old_rows new table as new_rows
    for each statement execute function oms.note_mapping_change();

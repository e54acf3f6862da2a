create or replace function oms.internal_name_of(line oms_staging.catalogue_line) returns text language sql immutable as $$
    select case line.kind when 'PRODUCT' then line.handle
                else coalesce(line.sku, line.handle || ' / ' || line.shopify_id)
           end
$$;
comment on function oms.internal_name_of is 'SKU of a variant, handle of a parent; a variant without SKU goes by its number.';

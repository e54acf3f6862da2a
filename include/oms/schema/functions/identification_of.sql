create or replace function oms.identification_of(product_identifier text) returns text language sql immutable as $$
    select case product_identifier when 'SKU' then 'SKU' when 'BARCODE' then 'UPCA' else 'SHOPIFY_PROD_ID' end
$$;
comment on function oms.identification_of is 'The kind of identifier that shop.product_identifier means.';

create or replace function oms.names_product(products bytea, product_id bigint) returns boolean language sql immutable parallel safe
    return case when (product_id & 32767) / 8 < length(products)
                then get_bit(products, product_id & 32767) = 1 else false end;
comment on function oms.names_product is 'Whether a block of oms.confirmed_balance names a product.';

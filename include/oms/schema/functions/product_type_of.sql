create or replace function oms.product_type_of(line oms_staging.catalogue_line) returns text language sql immutable as $$
    select case when line.requires_components then 'MARKETING_PKG_PICK'
                when line.is_gift_card then 'GIFT_CARD'
                when not line.requires_shipping then 'DIGITAL_GOOD'
                else 'FINISHED_GOOD'
           end
$$;
comment on function oms.product_type_of is 'A bundle is a kit; what needs no shipping is digital (orders.md 3.1).';

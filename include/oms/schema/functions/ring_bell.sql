create or replace function oms.ring_bell() returns trigger language plpgsql as $$
begin
    perform pg_notify('oms_stock_changed', '');
    return null;
end $$;
comment on function oms.ring_bell is 'Wakes the push jobs (design 5, seconds not quarter hours).';

create or replace trigger ring_bell after insert on oms.product_change
    for each statement execute function oms.ring_bell();

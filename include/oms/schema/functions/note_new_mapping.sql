create or replace function oms.note_new_mapping() returns trigger language plpgsql as $$
begin
    insert into oms.product_change (product_id, cause)
    select distinct product_id, 'mapping' from new_rows where thru_date is null;
    return null;
end $$;
comment on function oms.note_new_mapping is 'A product new to a shop is a recent change.';

create or replace trigger note_new_mapping after insert on oms.shop_product
    referencing new table as new_rows
    for each statement execute function oms.note_new_mapping();

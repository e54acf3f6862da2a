create or replace function oms.note_setting_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        insert into oms.product_change (product_id, cause) values (old.product_id, 'setting');
    elsif tg_op = 'INSERT'
          or (new.minimum_stock, new.allow_brokering) is distinct from (old.minimum_stock, old.allow_brokering) then
        insert into oms.product_change (product_id, cause) values (new.product_id, 'setting');
    end if;
    return null;
end $$;
comment on function oms.note_setting_change is 'A change of safety stock, threshold or allow_brokering makes the product a recent change.';

create or replace trigger note_setting_change after insert or update or delete on oms.product_facility
    for each row execute function oms.note_setting_change();

create or replace function oms.note_kit_change() returns trigger language plpgsql as $$
begin
    insert into oms.product_change (product_id, cause)
    select distinct product_id, 'kit definition'
      from (select (case tg_op when 'DELETE' then old else new end).product_id as product_id
             union all
            select (case tg_op when 'DELETE' then old else new end).component_product_id) as concerned;
    return null;
end $$;
comment on function oms.note_kit_change is 'A kit whose definition changes is a recent change, and so are its components.';

create or replace trigger note_kit_change after insert or update or delete on oms.product_assoc
    for each row execute function oms.note_kit_change();

create or replace function oms.note_rule_change() returns trigger language plpgsql as $$
begin
    if (to_jsonb(old) - 'exported_at') is distinct from (to_jsonb(new) - 'exported_at') then
        new.changed_at := now();
    end if;
    return new;
end $$;
comment on function oms.note_rule_change is 'A changed rule is due for all its products.';

create or replace trigger note_rule_change before update on oms.search_preference
    for each row execute function oms.note_rule_change();

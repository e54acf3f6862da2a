create or replace function oms.keep_what_entries_name() returns trigger language plpgsql as $$
declare
    named boolean;
begin
    if tg_table_name = 'import_log' then
        named := exists (select from oms.inventory_ledger where log_id = old.log_id);
    else
        named := exists (select from oms.inventory_ledger where reason_id = old.reason_id);
    end if;
    if named then
        raise exception 'ledger entries name this row of %.%: % refused', tg_table_schema, tg_table_name, tg_op
              using errcode = 'foreign_key_violation';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end $$;
comment on function oms.keep_what_entries_name is 'Files and reasons that stand in the ledger are neither deleted nor renamed.';

create or replace trigger keep_what_entries_name before delete on oms.import_log
    for each row execute function oms.keep_what_entries_name();

create or replace trigger keep_what_entries_name before delete or update of reason_id on oms.reason
    for each row execute function oms.keep_what_entries_name();

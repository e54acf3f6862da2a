create or replace function oms.note_ledger_transaction() returns trigger language plpgsql as $$
begin
    if exists (select from new_entries) then
        insert into oms.ledger_commit default values on conflict (tx) do nothing;
        if not exists (select from oms.database_identity) then
            insert into oms.database_identity (identity) values (oms.present_identity()) on conflict do nothing;
        end if;
    end if;
    return null;
end $$;
comment on function oms.note_ledger_transaction is 'One row for each transaction that writes to the ledger, however many entries it writes.';

create or replace trigger note_ledger_transaction after insert on oms.inventory_ledger
    referencing new table as new_entries for each statement execute function oms.note_ledger_transaction();

-- What `why` needs: one index that sums a position without its rows, and when each transaction became visible.
-- Sources: design sections 5, 8.2; spec inventory.md 6.2 (late commits).

drop index oms.inventory_ledger_item;
create index inventory_ledger_item on oms.inventory_ledger (inventory_item_id, effective_at, entry_id)
    include (qoh_diff, atp_diff);
comment on index oms.inventory_ledger_item is 'The history of a position: summed from the index alone, and by the time it happened.';

create table oms.ledger_commit (
    tx            xid8 primary key default pg_current_xact_id(),
    committed_at  timestamptz
) with (fillfactor = 70);
comment on table oms.ledger_commit is 'When a transaction that wrote ledger entries was committed: recorded_at is when it began, and until its end nobody saw its entries.';
comment on column oms.ledger_commit.committed_at is 'Set by the transaction''s last act; null only while it is under way.';

create function oms.note_ledger_transaction() returns trigger language plpgsql as $$
begin
    if exists (select from new_entries) then
        insert into oms.ledger_commit default values on conflict (tx) do nothing;
    end if;
    return null;
end $$;
comment on function oms.note_ledger_transaction is 'One row for each transaction that writes to the ledger, however many entries it writes.';
create trigger note_ledger_transaction after insert on oms.inventory_ledger
    referencing new table as new_entries for each statement execute function oms.note_ledger_transaction();

create function oms.note_commit_time() returns trigger language plpgsql as $$
begin
    update oms.ledger_commit set committed_at = clock_timestamp() where tx = new.tx;
    return null;
end $$;
comment on function oms.note_commit_time is 'Runs at the end of the transaction, some milliseconds at most before others see it.';
create constraint trigger note_commit_time after insert on oms.ledger_commit
    deferrable initially deferred for each row execute function oms.note_commit_time();

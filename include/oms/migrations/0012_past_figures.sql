-- Figures of a past instant without a look at each entry's transaction: only those under way then are left out.

alter table oms.ledger_commit add column began_at timestamptz;
update oms.ledger_commit set began_at = committed_at;
alter table oms.ledger_commit
    alter column began_at set default now(),
    alter column began_at set not null,
    add check (committed_at >= began_at);
comment on column oms.ledger_commit.began_at is 'recorded_at of its entries.';

create or replace function oms.note_commit_time() returns trigger language plpgsql as $$
begin
    update oms.ledger_commit set committed_at = greatest(clock_timestamp(), began_at) where tx = new.tx;
    return null;
end $$;
comment on function oms.note_commit_time is 'Runs at the end of the transaction, some milliseconds at most before others see it. A clock that was set back must not fail it.';

create index ledger_commit_under_way on oms.ledger_commit using gist (tstzrange(began_at, committed_at));
comment on index oms.ledger_commit_under_way is 'Which transactions were under way at an instant.';

drop index oms.inventory_ledger_item;
create index inventory_ledger_item on oms.inventory_ledger (inventory_item_id, effective_at, entry_id)
    include (qoh_diff, atp_diff, recorded_at, tx);
comment on index oms.inventory_ledger_item is 'The history of a position: summed from the index alone, now or at an instant, and by the time it happened.';

create or replace function oms.note_commit_time() returns trigger language plpgsql as $$
begin
    update oms.ledger_commit set committed_at = greatest(clock_timestamp(), began_at) where tx = new.tx;
    return null;
end $$;
comment on function oms.note_commit_time is 'Runs at the end of the transaction, some milliseconds at most before others see it. A clock that was set back must not fail it.';

drop trigger if exists note_commit_time on oms.ledger_commit;
create constraint trigger note_commit_time after insert on oms.ledger_commit
    deferrable initially deferred for each row execute function oms.note_commit_time();

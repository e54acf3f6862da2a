create or replace function oms.refuse_after_restore() returns trigger language plpgsql as $$
begin
    if oms.is_restored() then
        raise exception 'this database was restored or copied: its marks and books are another one''s'
              using errcode = 'object_not_in_prerequisite_state',
                    hint = 'run `python -m oms after-restore` here, then the order imports and a hard sync';
    end if;
    return null;
end $$;
comment on function oms.refuse_after_restore is 'A copy must not push: neither one made for tests, nor a restored one before its marks start over.';

create or replace trigger refuse_after_restore before insert or update of status on oms.sync_batch
    for each statement execute function oms.refuse_after_restore();

create or replace trigger refuse_after_restore before update of status on oms.outbox_message
    for each statement execute function oms.refuse_after_restore();

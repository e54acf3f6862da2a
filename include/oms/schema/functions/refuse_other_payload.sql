create or replace function oms.refuse_other_payload() returns trigger language plpgsql as $$
begin
    if new.payload = '' and old.status in ('APPLIED', 'REJECTED', 'SUPERSEDED') and old.answered_at is not null then
        return new;
    end if;
    raise exception 'the payload of batch % is frozen: another payload is another batch', old.batch_id
          using errcode = 'restrict_violation';
end $$;
comment on function oms.refuse_other_payload is 'A retry sends the same bytes with the same key; only an answered batch may lose its payload as a whole.';

create or replace trigger frozen_payload before update on oms.sync_batch
    for each row when (old.payload is distinct from new.payload) execute function oms.refuse_other_payload();

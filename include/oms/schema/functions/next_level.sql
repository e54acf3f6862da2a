create or replace function oms.next_level(level integer, start integer, asked integer, policy text) returns integer
    language plpgsql immutable parallel safe as $$
declare
    before bigint := coalesce(level, start);
    after  bigint := before + asked;
begin
    if asked < 0 and after < 0 then
        after := case policy when 'reject' then before when 'floor' then least(before, 0) else after end;
    end if;
    if abs(after) > greatest(1000000000, abs(before)) then
        raise numeric_value_out_of_range using message = format('%s units would be beyond 1,000,000,000', after);
    end if;
    return after;
end $$;
comment on function oms.next_level is
'The level after a change under a negative policy: allow; floor: not below 0, or not further below; reject: left alone
(inventory.md 5.5). A change that would bring it beyond 1,000,000,000 either way raises numeric_value_out_of_range.';

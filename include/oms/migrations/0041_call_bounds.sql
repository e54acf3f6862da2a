-- Calls keep positions within the range of figures, as files do (0039): a reset to a figure in range must stay possible.
-- Source: spec inventory.md 3.5 (quantity), 5.17.

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

create or replace procedure oms.adjust_inventory(calls jsonb, patience interval, lock_wait integer, inout answers text)
    language plpgsql as $$
declare
    give_up   timestamptz := clock_timestamp() + patience;
    call      jsonb;
    by_client text;
    element   jsonb;
    answer    jsonb;
    results   jsonb[];
    told      jsonb[]     := '{}';
    _         text;
begin
    foreach call in array array(select jsonb_array_elements(calls)) loop
        select client into by_client from oms.valid_token where token_id = call ->> 'token_id';
        if not found then
            told := told || 'null'::jsonb;
            continue;
        end if;
        results := '{}';
        foreach element in array array(select jsonb_array_elements(call -> 'elements')) loop
            begin
                _ := set_config('lock_timeout', lock_wait::text, true);
                if clock_timestamp() > give_up then
                    answer := oms.refusal(503, 'ERR_BUSY', null, 'not begun: the elements before it took too long; send it again');
                else
                    answer := oms.adjust_position(by_client, call ->> 'key', decode(call ->> 'body_hash', 'hex'),
                                                  (element ->> 'element_no')::integer, element);
                end if;
            exception
                when lock_not_available or deadlock_detected then
                    answer := oms.refusal(503, 'ERR_BUSY', null,
                        'nothing was recorded: something else, such as an import, is changing this position; send it again');
                    lock_wait := least(lock_wait, 5);
                when numeric_value_out_of_range then
                    answer := oms.refusal(422, 'ERR_RANGE', 'availableDelta',
                        'nothing was recorded: the position would be beyond 1,000,000,000 units either way');
                when insufficient_resources then
                    raise;
                when others then
                    raise warning 'a call of the API failed: % %', sqlstate, sqlerrm;
                    answer := oms.refusal(500, 'ERR_INTERNAL', null, 'nothing was recorded; the log of the database says why');
            end;
            results := results || answer;
            _ := set_config('lock_timeout', '5s', true);
            _ := set_config('synchronous_commit', 'off', true);
            commit;
        end loop;
        told := told || to_jsonb(results);
    end loop;
    perform pg_logical_emit_message(true, 'oms', '');
    answers := to_jsonb(told);
end $$;

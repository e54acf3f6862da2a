-- A call asks in its one round trip whether its token is still valid, and waits for the disk without holding others up.
-- Single calls that come while the database is busy go there together, each still a transaction of its own.
-- Rules: inventory.md 5.17.
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
comment on procedure oms.adjust_inventory is
'The elements of calls one after the other, each in a transaction of its own, in one round trip. Answers with an array for
each call, or null if its token is not valid. What fails one element fails no other one. lock_wait (ms): how long to wait
for a position that something else is changing; after one wait in vain, others are short. To commit is worth more patience.
Nobody is answered before the log is on disk, but an element does not wait for that itself: it announces a change, and a
transaction that does so keeps all others that do from committing until it has ended. The last transaction, a message to
nobody, waits for the disk, together with those of others.';

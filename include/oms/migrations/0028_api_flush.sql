-- A call asks in its one round trip whether its token is still valid, and waits for the disk without holding others up.
-- Sources: spec inventory.md 5.17.

create view oms.valid_token as
select token_id, client, scopes
  from oms.api_token
 where revoked_at is null
   and (expires_at is null or expires_at > now());
comment on view oms.valid_token is 'Tokens that open something now.';

drop procedure oms.adjust_inventory;
create procedure oms.adjust_inventory(
    by_token text, with_key text, with_body bytea, elements jsonb, patience interval, inout answers jsonb
) language plpgsql as $$
declare
    by_client text;
    element   jsonb;
    answer    jsonb;
    give_up   timestamptz := clock_timestamp() + patience;
begin
    select client into by_client from oms.valid_token where token_id = by_token;
    if not found then
        answers := null;
        return;
    end if;
    answers := '[]';
    for element in select * from jsonb_array_elements(elements) loop
        begin
            if clock_timestamp() > give_up then
                answer := oms.refusal(503, 'ERR_BUSY', null, 'not begun: the elements before it took too long; send it again');
            else
                answer := oms.adjust_position(by_client, with_key, with_body, (element ->> 'element_no')::integer, element);
            end if;
        exception
            when lock_not_available or deadlock_detected then
                answer := oms.refusal(503, 'ERR_BUSY', null,
                    'nothing was recorded: something else, such as an import, is changing this position; send it again');
            when numeric_value_out_of_range then
                answer := oms.refusal(422, 'ERR_RANGE', 'availableDelta',
                    'nothing was recorded: the position would leave the range of whole numbers');
        end;
        answers := answers || answer;
        perform set_config('synchronous_commit', 'off', true);
        commit;
    end loop;
    perform pg_logical_emit_message(true, 'oms', '');
end $$;
comment on procedure oms.adjust_inventory is
'The elements of a call one after the other, each in a transaction of its own, in one round trip; null: the token is
not valid. Nobody is answered before the log is on disk, but an element does not wait for that itself: it announces a
change, and a transaction that does so keeps all others that do from committing until it has ended. The last
transaction, a message to nobody, waits for the disk, together with those of other calls.';

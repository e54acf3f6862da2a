create or replace function oms.states_balance(kind text, reason_id text) returns boolean language sql immutable parallel safe
    return coalesce(kind = 'reset', false) or coalesce(reason_id in ('VAR_EXT_RESET', 'CYCLE_COUNT'), false);
comment on function oms.states_balance is 'Whether an entry, by the kind of its file and its reason, tells what was found and not what goods did (inventory.md 6.8).';

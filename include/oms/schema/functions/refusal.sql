create or replace function oms.refusal(status integer, code text, field text, detail text) returns jsonb
    language sql immutable
    return jsonb_build_object('status', status, 'code', code, 'field', field, 'detail', detail);
comment on function oms.refusal is 'The answer to an element that changes nothing, with an HTTP status.';

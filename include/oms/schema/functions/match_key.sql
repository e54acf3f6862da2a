create or replace function oms.match_key(spelling text) returns text language sql immutable parallel safe
    return upper(regexp_replace(spelling, '[^[:alnum:]]', '', 'g'));
comment on function oms.match_key is 'A spelling without case and punctuation.';

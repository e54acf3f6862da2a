-- Files that state changes: units that would bring a position beyond what a file may say are refused, row by row.
-- Source: spec inventory.md 3.5 (quantity), 5.5 (negativePolicy).

drop aggregate oms.running_level(integer, integer, text);

create function oms.bounded_level(level bigint, start bigint, asked bigint, policy text) returns bigint
    language sql immutable parallel safe
    return case when asked < 0 and policy = 'floor'
                then greatest(coalesce(level, start) + asked, least(coalesce(level, start), 0))
                when asked < 0 and policy = 'reject' and coalesce(level, start) + asked < 0
                  or abs(coalesce(level, start) + asked) > greatest(1000000000, abs(coalesce(level, start)))
                then coalesce(level, start)
                else coalesce(level, start) + asked end;
comment on function oms.bounded_level is 'Like next_level, and left alone where the change would bring it beyond 1,000,000,000 either way (inventory.md 3.5).';

create aggregate oms.running_level(start bigint, asked bigint, policy text) (
    sfunc = oms.bounded_level, stype = bigint, parallel = safe);

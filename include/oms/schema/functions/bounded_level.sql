create or replace function oms.bounded_level(level bigint, start bigint, asked bigint, policy text) returns bigint
    language sql immutable parallel safe
    return case when asked < 0 and policy = 'floor'
                then greatest(coalesce(level, start) + asked, least(coalesce(level, start), 0))
                when asked < 0 and policy = 'reject' and coalesce(level, start) + asked < 0
                  or abs(coalesce(level, start) + asked) > greatest(1000000000, abs(coalesce(level, start)))
                then coalesce(level, start)
                else coalesce(level, start) + asked end;
comment on function oms.bounded_level is 'Like next_level, and left alone where the change would bring it beyond 1,000,000,000 either way (inventory.md 3.5).';

create or replace aggregate oms.running_level(start bigint, asked bigint, policy text) (
    sfunc = oms.bounded_level, stype = bigint, parallel = safe);

create or replace function oms.is_restored() returns boolean language sql stable as $$
    select coalesce((select identity <> oms.present_identity() from oms.database_identity), false)
$$;
comment on function oms.is_restored is 'Whether this is a copy whose marks and books belong to another database, so that nothing may be pushed.';

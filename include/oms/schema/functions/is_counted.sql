create or replace function oms.is_counted(happened_at timestamptz, counted_as_of timestamptz) returns boolean
    language sql immutable parallel safe
    return coalesce(happened_at <= counted_as_of, false);
comment on function oms.is_counted is 'Whether the newest accepted count already contains a movement, which then changes nothing (inventory.md 6.8).';

create or replace function oms.truth(cell text) returns boolean language sql immutable parallel safe
    return case when lower(cell) in ('true', 't', 'yes', 'y', '1') then true
                when lower(cell) in ('false', 'f', 'no', 'n', '0') then false end;
comment on function oms.truth is 'True or false as people write them; null: the cell says neither.';

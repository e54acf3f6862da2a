create or replace function oms.holds(own text[], wanted text[], conjunction text) returns boolean language sql immutable parallel safe
    return case conjunction when 'AND' then own @> wanted else own && wanted end;
comment on function oms.holds is 'Whether a list has all (AND) or any (OR) of the wanted words.';

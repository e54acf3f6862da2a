-- How cells of files are read. Source: spec inventory.md 3.5.

create function oms.whole_number(cell text) returns numeric language sql immutable parallel safe
    return case when translate(cell, '０１２３４５６７８９＋－−．', '0123456789+--.') !~ '^[+-]?[0-9]+([.]0+)?$' then null
                when length(cell) > 40 then 'Infinity'::numeric
                else translate(cell, '０１２３４５６７８９＋－−．', '0123456789+--.')::numeric end;
comment on function oms.whole_number is 'A whole number, also in full-width digits or ending in .0; null: the cell is none. Ranges are checked by who asks.';

create function oms.truth(cell text) returns boolean language sql immutable parallel safe
    return case when lower(cell) in ('true', 't', 'yes', 'y', '1') then true
                when lower(cell) in ('false', 'f', 'no', 'n', '0') then false end;
comment on function oms.truth is 'True or false as people write them; null: the cell says neither.';

-- Three digits behind a separator may be thousands or decimals. Rules: inventory.md 3.5.
create or replace function oms.whole_number(cell text, decimal_separator text) returns numeric language sql immutable parallel safe
    return case when oms.plain_number(cell, decimal_separator)
                     !~ case when decimal_separator is null then '^[+-]?([0-9]+|[0-9]+[.](0{1,2}|0{4,})|([0-9]{4,}|0+)[.]000)$'
                             else '^[+-]?([0-9]+|[1-9][0-9]{0,2}(,[0-9]{3})+)([.]0+)?$' end then null
                when length(cell) > 40 then 'Infinity'::numeric
                else replace(oms.plain_number(cell, decimal_separator), ',', '')::numeric end;
comment on function oms.whole_number is 'A whole number, also in full-width digits or ending in .0; null: the cell is none, or may be two, as 1.000 where no decimal separator is given. Ranges are checked by who asks.';

-- Three digits behind a separator may be thousands or decimals. Source: spec inventory.md 3.5.

drop function oms.whole_number(text);

create function oms.plain_number(cell text, decimal_separator text) returns text language sql immutable parallel safe
    return case when decimal_separator = ',' then translate(cell, '０１２３４５６７８９＋－−．，.,', '0123456789+--,.,.')
                else translate(cell, '０１２３４５６７８９＋－−．，', '0123456789+--.,') end;
comment on function oms.plain_number is 'A number in plain digits, with a point for decimals and a comma for thousands.';

create function oms.whole_number(cell text, decimal_separator text) returns numeric language sql immutable parallel safe
    return case when oms.plain_number(cell, decimal_separator)
                     !~ case when decimal_separator is null then '^[+-]?([0-9]+|[0-9]+[.](0{1,2}|0{4,})|([0-9]{4,}|0+)[.]000)$'
                             else '^[+-]?([0-9]+|[1-9][0-9]{0,2}(,[0-9]{3})+)([.]0+)?$' end then null
                when length(cell) > 40 then 'Infinity'::numeric
                else replace(oms.plain_number(cell, decimal_separator), ',', '')::numeric end;
comment on function oms.whole_number is 'A whole number, also in full-width digits or ending in .0; null: the cell is none, or may be two, as 1.000 where no decimal separator is given. Ranges are checked by who asks.';

create function oms.number_fault(cell text, decimal_separator text) returns text language sql immutable parallel safe
    return case when decimal_separator is not null then
                     format('%L is not a whole number with the decimal separator %L of the parameter decimalSeparator',
                            left(cell, 80), decimal_separator)
                when oms.plain_number(cell, null) ~ '^[+-]?[0-9]{1,3}[.,][0-9]{3}$' then
                     format('%L may be %s or %s: say with the parameter decimalSeparator whether decimals follow "." or ",", '
                            'or write it without a separator', cell,
                            regexp_replace(oms.plain_number(cell, null), '[.,]', ''),
                            trim_scale(replace(oms.plain_number(cell, null), ',', '.')::numeric))
                else format('%L is not a whole number; write it without thousands separators, such as 1200', left(cell, 80)) end;
comment on function oms.number_fault is 'What is wrong with a cell that is no whole number, and what would be right.';

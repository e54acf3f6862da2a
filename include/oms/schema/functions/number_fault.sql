create or replace function oms.number_fault(cell text, decimal_separator text) returns text language sql immutable parallel safe
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

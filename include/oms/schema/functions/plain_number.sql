create or replace function oms.plain_number(cell text, decimal_separator text) returns text language sql immutable parallel safe
    return case when decimal_separator = ',' then translate(cell, '０１２３４５６７８９＋－−．，.,', '0123456789+--,.,.')
                else translate(cell, '０１２３４５６７８９＋－−．，', '0123456789+--.,') end;
comment on function oms.plain_number is 'A number in plain digits, with a point for decimals and a comma for thousands.';

-- The signs of oms.spreadsheet: full-width ones, and those after a character at which a spreadsheet ends a cell.
create or replace function oms.as_written(cell text) returns text language sql immutable parallel safe
    return regexp_replace(cell,
        '^''(?=['' \u00A0\u3000\u200B\uFEFF]*[=+@\t\r\n＝＋－＠-])'
        '|(?<=[;\t\r\n])''(?=['' \u00A0\u3000\u200B\uFEFF]*[=+@＝＋－＠-])', '', 'g');
comment on function oms.as_written is 'A cell without the apostrophes that our exports put before what a spreadsheet would run as a formula.';

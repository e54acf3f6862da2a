-- When the files that no job takes were named last.
-- Source: spec inventory.md 3.5.

create table oms.strays_named (
    only_row   boolean primary key default true check (only_row),
    named_on   date not null
);
comment on table oms.strays_named is 'The day on which check_feeds last named the files of watched folders that match no job''s pattern.';

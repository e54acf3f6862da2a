-- Which file the newest count of a position came with, so that it can be undone with its moment.
-- Source: spec inventory.md 6.8 (asOf).

alter table oms.inventory_item
    add column counted_by     bigint,
    add column counted_before timestamptz;
comment on column oms.inventory_item.counted_by is 'Log of the file that counted_as_of is from; null: none, one from before this was noted, or one that an undoing brought back. No foreign key: a log is never deleted, and a check for each row would slow files with a moment down.';
comment on column oms.inventory_item.counted_before is 'What counted_as_of was before that file.';

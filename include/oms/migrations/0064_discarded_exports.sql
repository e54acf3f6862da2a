-- A person may give up a recorded file that nobody will take.
-- Source: spec inventory.md 5.11, 5.19.

alter table oms.export_file
    add column discarded_at   timestamptz,
    add column discarded_by   text,
    add column discard_reason text,
    add check (discarded_at is null or written_at is null);
comment on column oms.export_file.discarded_at is 'A person has given the file up; what it was to tell is told by a later one.';

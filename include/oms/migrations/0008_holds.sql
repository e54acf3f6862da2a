-- Files that wait for a person, and what the files of a feed usually hold.
-- Sources: spec inventory.md 3.2 (DmlsHeld), 5.4 (maxDropPct).

alter table oms.import_log add column feed text collate "C" not null
    generated always as (regexp_replace(remote_path, '[0-9]+', '#', 'g')) stored;
comment on column oms.import_log.feed is 'The path without its digits: files of one feed differ by date and number only.';
create index import_log_feed on oms.import_log (connection_id, feed, log_id);

create table oms.import_facility_rows (
    log_id             bigint not null references oms.import_log,
    facility_id        text collate "C" not null references oms.facility,
    row_count          bigint not null check (row_count > 0),
    primary key (log_id, facility_id)
);
comment on table oms.import_facility_rows is 'Good rows of a reset by facility: what the guard compares later files of the feed with.';

create table oms.import_hold (
    log_id             bigint primary key references oms.import_log,
    reasons            jsonb not null,
    held_at            timestamptz not null default now(),
    asked_by           text,
    decision           text check (decision in ('APPROVED', 'REJECTED')),
    decided_at         timestamptz,
    decided_by         text,
    remark             text,
    check ((decision is null) = (decided_at is null)),
    check ((decision is null) = (decided_by is null))
);
comment on table oms.import_hold is 'Files that a guard holds back until a person approves or rejects them.';
comment on column oms.import_hold.reasons is 'What the guard found, with its figures: a list of objects with kind and text.';
comment on column oms.import_hold.asked_by is 'The run of approve_held_files whose task asks the person; null: nobody was asked yet.';

-- Feeds: files that are expected at a time, and what was told about them.
-- Source: spec inventory.md 3.5 (the sender learns of rejects), design 1 (nothing is silent).

create table oms.feed (
    feed_id        text collate "C" primary key check (feed_id <> ''),
    feed_name      text not null,
    config_id      text collate "C" not null,
    connection_id  text not null default 'ftp_config',
    path           text,
    file_pattern   text not null default '*',
    expected       text not null,
    time_zone      text not null default 'UTC',
    early_minutes  integer not null default 60 check (early_minutes >= 0),
    grace_minutes  integer not null default 30 check (grace_minutes >= 0),
    minimal_rows   integer not null default 1 check (minimal_rows >= 0),
    contact        text,
    is_active      boolean not null default true,
    watched_from   timestamptz not null default now()
);
comment on table oms.feed is 'A file that comes at a time; check_feeds says when it does not.';
comment on column oms.feed.path is 'Folder; null: any folder of the configuration.';
comment on column oms.feed.expected is 'Local times (06:00 14:30) or a cron expression, in the time zone of the feed.';
comment on column oms.feed.early_minutes is 'A file that comes so long before its time is that one, and not the one before.';
comment on column oms.feed.contact is 'Mail address of the sender.';
comment on column oms.feed.watched_from is 'Files expected before are nobody''s concern: when the feed was entered, or last switched off.';

create table oms.feed_alert (
    alert_id          bigint generated always as identity primary key,
    feed_id           text collate "C" not null references oms.feed,
    expected_at       timestamptz not null,
    kind              text not null check (kind in ('MISSING', 'EMPTY', 'FAILED', 'TWICE', 'REJECTS')),
    log_id            bigint references oms.import_log,
    message           text not null,
    raised_at         timestamptz not null default now(),
    told_at           timestamptz,
    told_to           text[],
    cleared_at        timestamptz,
    cleared_by_log_id bigint references oms.import_log,
    clearing_told_at  timestamptz,
    unique nulls not distinct (feed_id, expected_at, kind, log_id)
);
comment on table oms.feed_alert is 'What was told about a feed, each thing once: a file that did not come, is empty, failed, came twice, or has rejected lines.';
comment on column oms.feed_alert.log_id is 'The file it is about; null: there is none.';
comment on column oms.feed_alert.told_to is 'Who got a mail; empty: nobody is named, or there is no mail server.';
create index feed_alert_untold on oms.feed_alert (alert_id) where told_at is null or clearing_told_at is null;

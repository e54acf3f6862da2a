-- Files: what came, what its lines became, what is expected, what is written for others.

create table oms.import_load (
    load_id    bigint generated always as identity primary key,
    dag_id     text not null,
    run_id     text not null,
    created_at timestamptz not null default now()
);
comment on table oms.import_load is 'The files that one run landed together; its chunks span them (design 4.3).';

create table oms.import_log (
    log_id              bigint generated always as identity primary key,
    load_id             bigint references oms.import_load,
    config_id           text not null,
    dag_id              text not null,
    run_id              text not null,
    connection_id       text not null,
    remote_path         text not null,
    file_name           text not null,
    file_size           bigint,
    file_mtime          bigint,
    content_sha256      bytea,
    domain              text not null,
    kind                text not null check (kind in ('reset', 'delta', 'settings', 'document')),
    schedule_now        boolean not null,
    force               boolean not null default false,
    params              jsonb not null default '{}',
    header              text,
    created_by_job_id   text,
    status              text not null default 'DmlsLanding'
                        check (status in ('DmlsLanding', 'DmlsPending', 'DmlsQueued', 'DmlsRunning', 'DmlsFinished',
                                          'DmlsFailed', 'DmlsCrashed', 'DmlsHeld', 'DmlsCancelled')),
    error_code          text,
    error_message       text,
    duplicate_of_log_id bigint references oms.import_log,
    total_count         bigint not null default 0,
    applied_count       bigint not null default 0,
    unchanged_count     bigint not null default 0,
    superseded_count    bigint not null default 0,
    duplicate_count     bigint not null default 0,
    skipped_count       bigint not null default 0,
    rejected_count      bigint not null default 0,
    created_at          timestamptz not null default now(),
    landed_at           timestamptz,
    started_at          timestamptz,
    finished_at         timestamptz,
    closed_at           timestamptz,
    moved_to            text,
    reject_file         text,
    feed                text collate "C" not null
                   generated always as (regexp_replace(remote_path, '[0-9]+', '#', 'g')) stored,
    contents_removed_at timestamptz,
    files_removed_at    timestamptz,
    server              text collate "C",
    lander              bigint,
    staged_with         bigint,
    constraint every_row_is_accounted_for check (
        status <> 'DmlsFinished'
        or total_count = applied_count + unchanged_count + superseded_count
                         + duplicate_count + skipped_count + rejected_count),
    check (closed_at is null or status in ('DmlsFinished', 'DmlsFailed', 'DmlsCancelled')),
    check (contents_removed_at is null or closed_at is not null),
    check (files_removed_at is null or closed_at is not null)
);
comment on table oms.import_log is 'One row for each file that arrived: its state, its parameters and the account of its rows (inventory.md 3.2).';
comment on column oms.import_log.file_mtime is 'Modification time on the SFTP server, seconds since the epoch, as landed.';
comment on column oms.import_log.domain is 'Ordering domain: BALANCE for all that changes QOH or ATP (inventory.md 3.4).';
comment on column oms.import_log.closed_at is 'When close had moved the remote file; until then the same name is this arrival.';
comment on column oms.import_log.feed is 'The path without its digits: files of one feed differ by date and number only.';
comment on column oms.import_log.contents_removed_at is 'When house-keeping removed rejects, notes and chunks of the file; its account and its hash stay.';
comment on column oms.import_log.files_removed_at is 'When house-keeping removed the file from archive/ or error/, and its reject file.';
comment on column oms.import_log.server is 'Host key of the server that the file lies on: only a run there closes it or takes it over. Null: it came before servers were recorded, or lay on none.';
comment on column oms.import_log.lander is 'Log whose lock stands for the landing of this one too, while that lasts; null: its own.';
comment on column oms.import_log.staged_with is 'Log that gave the staging tables of several small files their number; null: tables of its own.';
create unique index import_log_open_file on oms.import_log (connection_id, remote_path) where closed_at is null;
create index import_log_content on oms.import_log (content_sha256, config_id);
create index import_log_pending on oms.import_log (domain, log_id) where closed_at is null;
create index import_log_feed on oms.import_log (connection_id, feed, log_id);
create index import_log_contents on oms.import_log (closed_at) where contents_removed_at is null;
create index import_log_files on oms.import_log (closed_at) where files_removed_at is null;
create index import_log_staged_with on oms.import_log (staged_with) where staged_with is not null;
create index import_log_run on oms.import_log (run_id, dag_id);
comment on constraint every_row_is_accounted_for on oms.import_log is 'rows in = rows accounted for (design 8.3).';

create table oms.import_chunk (
    load_id      bigint not null references oms.import_load,
    chunk_no     integer not null,
    label        text not null,
    row_count    bigint not null,
    facility_ids text[] not null default '{}',
    applied_at   timestamptz,
    scopes       text[] not null default '{}' check (array_position(scopes, null) is null),
    primary key (load_id, chunk_no)
);
comment on table oms.import_chunk is 'The unit of applying: whole groups of all files of a load. applied_at set = a repetition changes nothing.';
comment on column oms.import_chunk.scopes is 'What its rows are about within the domain of its files: facilities for stock, orders for orders. Empty in chunks that the release before has landed: then facility_ids.';
comment on column oms.import_chunk.facility_ids is 'The facilities whose stock or settings it changes.';

create table oms.import_group (
    load_id   bigint not null references oms.import_load,
    group_key text collate "C" not null,
    chunk_no  integer not null,
    primary key (load_id, group_key)
);
comment on table oms.import_group is 'Which chunk a group went to: stays the same when a file is landed again. Loads of one chunk have no rows here.';

create table oms.import_chunk_count (
    load_id    bigint not null,
    chunk_no   integer not null,
    log_id     bigint not null references oms.import_log,
    applied    bigint not null,
    unchanged  bigint not null,
    superseded bigint not null,
    duplicate  bigint not null,
    skipped    bigint not null,
    rejected   bigint not null,
    primary key (load_id, chunk_no, log_id),
    foreign key (load_id, chunk_no) references oms.import_chunk
);
comment on table oms.import_chunk_count is 'What became of the rows of one file in one chunk; written in the transaction that applied them. rejected: found while applying.';

create table oms.import_reject (
    log_id        bigint not null references oms.import_log,
    line_number   bigint not null,
    error_column  text,
    error_code    text not null,
    error_message text not null,
    raw           bytea not null,
    facility      text collate "C",
    primary key (log_id, line_number)
);
comment on table oms.import_reject is 'Every rejected line once, byte for byte (without its line end), with its reason; the reject file is written from here.';
comment on column oms.import_reject.facility is 'The facility that the line names, by its id or, where it is none that the OMS knows, as the line calls it; null: it cannot be told.';

create table oms.import_row_note (
    log_id      bigint not null references oms.import_log,
    line_number bigint not null,
    outcome     text not null,
    message     text,
    primary key (log_id, line_number)
);
comment on table oms.import_row_note is 'Remarks on rows that were not rejected: FLOORED, STALE, SKIPPED_EXCLUDED, DUPLICATE and the like.';

create table oms.import_facility_rows (
    log_id      bigint not null references oms.import_log,
    facility_id text collate "C" not null references oms.facility,
    row_count   bigint not null check (row_count > 0),
    primary key (log_id, facility_id)
);
comment on table oms.import_facility_rows is 'Good rows of a reset by facility: what the guard compares later files of the feed with.';
-- Which later file has set a facility, asked for a repair or an undoing.
create index import_facility_rows_facility on oms.import_facility_rows (facility_id, log_id);
comment on index oms.import_facility_rows_facility is 'The files that have set a facility since some other one.';

create table oms.import_hold (
    log_id     bigint primary key references oms.import_log,
    reasons    jsonb not null,
    held_at    timestamptz not null default now(),
    asked_by   text,
    decision   text check (decision in ('APPROVED', 'REJECTED')),
    decided_at timestamptz,
    decided_by text,
    remark     text,
    check ((decision is null) = (decided_at is null)),
    check ((decision is null) = (decided_by is null))
);
comment on table oms.import_hold is 'Files that a guard holds back until a person approves or rejects them.';
comment on column oms.import_hold.reasons is 'What the guard found, with its figures: a list of objects with kind and text.';
comment on column oms.import_hold.asked_by is 'The run of approve_held_files whose task asks the person; null: nobody was asked yet.';

create table oms.import_document_line (
    document_key text collate "C" primary key,
    quantity     integer not null,
    log_id       bigint not null references oms.import_log,
    line_number  bigint not null,
    unique (log_id, line_number)
);
comment on table oms.import_document_line is 'Each line of an ERP document that a file line stands for, whether it moved stock or not.';
comment on column oms.import_document_line.document_key is 'type:number:facility:idValue:n, as in the file; n counts equal lines of the document.';
comment on column oms.import_document_line.quantity is 'Units as the file states them; what the ledger took of them may be less.';

create table oms.import_repair (
    log_id        bigint not null references oms.import_log,
    line_number   bigint not null,
    origin_log_id bigint not null references oms.import_log,
    origin_line   bigint not null,
    holds         boolean not null,
    content       jsonb not null,
    primary key (log_id, line_number)
);
comment on table oms.import_repair is 'Rows of corrected reject files and the refused lines they stand for: always the first one, however often a line was refused; kept when house-keeping has removed the rejects.';
comment on column oms.import_repair.holds is 'True: this row has repaired the line. A line is repaired once.';
comment on column oms.import_repair.content is 'What the row says, by field: the same row again is a duplicate, another one is refused.';
create unique index import_repair_once on oms.import_repair (origin_log_id, origin_line) where holds;
create index import_repair_origin on oms.import_repair (origin_log_id, origin_line);

create table oms.import_undo (
    log_id         bigint primary key references oms.import_log,
    undone_at      timestamptz not null default now(),
    undone_by      text not null,
    reason         text,
    entry_count    bigint not null check (entry_count > 0),
    units          bigint not null,
    position_count bigint not null
);
comment on table oms.import_undo is 'Files that were taken back as a whole. Their account stays as it was; they may be imported again.';
comment on column oms.import_undo.undone_by is 'The run that did it, dag_id/run_id, or who did it by hand.';
comment on column oms.import_undo.units is 'Units on hand that its entries had moved, either way.';

create table oms.confirmed_balance (
    confirmed_id    bigint generated always as identity primary key,
    log_id          bigint,
    facility_id     text collate "C" not null,
    location_seq_id text collate "C" not null,
    block           bigint not null,
    products        bytea not null,
    stated_at       timestamptz not null default now()
);
comment on table oms.confirmed_balance is 'Positions named by balances without asOf of which some left no entry. A count taken before stated_at is STALE for them (inventory.md 6.8).';
comment on column oms.confirmed_balance.log_id is 'The file; null: what a shop has told.';
comment on column oms.confirmed_balance.block is 'Product ids divided by 32768: a row tells of one such block.';
comment on column oms.confirmed_balance.products is 'A bit for each product of the block, by the rest of the division, as get_bit counts; bytes of 0 at the end are left out.';
create index confirmed_balance_place on oms.confirmed_balance (facility_id, location_seq_id, block, stated_at);
create index confirmed_balance_stated_at on oms.confirmed_balance (stated_at);

create table oms.feed (
    feed_id       text collate "C" primary key check (feed_id <> ''),
    feed_name     text not null,
    config_id     text collate "C" not null,
    connection_id text not null default 'ftp_config',
    path          text,
    file_pattern  text not null default '*',
    expected      text not null,
    time_zone     text not null default 'UTC',
    early_minutes integer not null default 60 check (early_minutes >= 0),
    grace_minutes integer not null default 30 check (grace_minutes >= 0),
    minimal_rows  integer not null default 1 check (minimal_rows >= 0),
    contact       text,
    is_active     boolean not null default true,
    watched_from  timestamptz not null default now(),
    check (early_minutes <= 44640),
    check (grace_minutes <= 44640)
);
comment on table oms.feed is 'A file that comes at a time; check_feeds says when it does not.';
comment on column oms.feed.path is 'Folder; null: any folder of the configuration.';
comment on column oms.feed.expected is 'Local times (06:00 14:30) or a cron expression, in the time zone of the feed.';
comment on column oms.feed.early_minutes is 'A file that comes so long before its time is that one, and not the one before.';
comment on column oms.feed.contact is 'Mail address of the sender.';
comment on column oms.feed.watched_from is 'Files expected before are nobody''s concern: when the feed was entered, last described otherwise, or last switched off.';

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

create table oms.strays_named (
    only_row boolean primary key default true check (only_row),
    named_on date not null
);
comment on table oms.strays_named is 'The day on which check_feeds last named the files of watched folders that match no job''s pattern.';

create table oms.sftp_server (
    connection_id text collate "C" not null,
    fingerprint   text collate "C" not null,
    accepted_at   timestamptz not null default now(),
    accepted_by   text,
    replaced_at   timestamptz,
    primary key (connection_id, fingerprint)
);
comment on table oms.sftp_server is 'The host keys by which the server of a connection is recognised; one with another key is refused.';
comment on column oms.sftp_server.fingerprint is 'SHA256 of the host key, as ssh-keygen -l prints it.';
comment on column oms.sftp_server.accepted_by is 'The person who accepted it; null: it was the first that was met.';
comment on column oms.sftp_server.replaced_at is 'When a person put another key in its place: refused since then, its open files are those of the newer key.';

create table oms.export_file (
    export_id         bigint generated always as identity primary key,
    dag_id            text not null,
    run_id            text not null,
    subject           text not null default '',
    property_resource text not null,
    path              text not null,
    content           bytea,
    content_sha256    bytea not null,
    row_count         bigint not null,
    recorded_at       timestamptz not null default now(),
    written_at        timestamptz,
    discarded_at      timestamptz,
    discarded_by      text,
    discard_reason    text,
    unique (property_resource, path),
    check (written_at is not null or content is not null),
    check (discarded_at is null or written_at is null)
);
comment on table oms.export_file is 'Files for others, recorded in the transaction that made them and written afterwards: a second try writes the same name and bytes.';
comment on column oms.export_file.subject is 'What the file is about, such as a search preference.';
comment on column oms.export_file.content is 'The bytes; gone once the file is written.';
comment on column oms.export_file.discarded_at is 'A person has given the file up; what it was to tell is told by a later one.';
create index export_file_waiting on oms.export_file (dag_id, export_id) where written_at is null;

create table oms.upload_product (
    log_id      bigint not null references oms.import_log,
    shop_id     text collate "C" not null references oms.shop,
    product_id  bigint not null references oms.product,
    facility_id text collate "C" not null references oms.facility,
    taken_by    text,
    taken_at    timestamptz,
    primary key (log_id, shop_id, product_id, facility_id),
    check ((taken_by is null) = (taken_at is null))
);
comment on table oms.upload_product is 'Products that an upload moved, for each shop: pushed right after the import, as a plan for these products (inventory.md 6.3).';
comment on column oms.upload_product.taken_by is 'The run that planned the product; set in the transaction that stores its lines.';
create index upload_product_waiting on oms.upload_product (shop_id) where taken_by is null;
create index upload_product_taken on oms.upload_product (taken_by) where taken_by is not null;

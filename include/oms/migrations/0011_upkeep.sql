-- House-keeping: what may go after a while, and how a restored database is recognised.
-- Sources: spec inventory.md 3.5 (retention), 3.6, 6.4, 6.7; design section 5 (marks after a restore).

alter table oms.import_log
    add column contents_removed_at timestamptz,
    add column files_removed_at timestamptz,
    add check (contents_removed_at is null or closed_at is not null),
    add check (files_removed_at is null or closed_at is not null);
comment on column oms.import_log.contents_removed_at is 'When house-keeping removed rejects, notes and chunks of the file; its account and its hash stay.';
comment on column oms.import_log.files_removed_at is 'When house-keeping removed the file from archive/ or error/, and its reject file.';
create index import_log_contents on oms.import_log (closed_at) where contents_removed_at is null;
create index import_log_files on oms.import_log (closed_at) where files_removed_at is null;

create or replace function oms.refuse_other_payload() returns trigger language plpgsql as $$
begin
    if new.payload = '' and old.status in ('APPLIED', 'REJECTED', 'SUPERSEDED') and old.answered_at is not null then
        return new;
    end if;
    raise exception 'the payload of batch % is frozen: another payload is another batch', old.batch_id
          using errcode = 'restrict_violation';
end $$;
comment on function oms.refuse_other_payload is 'A retry sends the same bytes with the same key; only an answered batch may lose its payload as a whole.';
create index sync_batch_payload on oms.sync_batch (answered_at) where payload <> '';

create view oms.oldest_mark as
select pg_snapshot_xmin(mark.snapshot) as tx
  from (select snapshot from oms.sync_mark
         union all
        select compared from oms.shop_location where compared is not null
         union all
        select compared from oms.sync_level where compared is not null) as mark
 order by pg_snapshot_xmin(mark.snapshot)
 limit 1;
comment on view oms.oldest_mark is 'The first transaction that some mark may not have seen; whatever else keeps a mark joins in here. No row: there is no mark.';

create table oms.database_identity (
    only_row      boolean primary key default true check (only_row),
    identity      text not null,
    noted_at      timestamptz not null default now()
);
comment on table oms.database_identity is 'The server and database in which our transaction numbers were given; after a restore it is another one.';

create function oms.present_identity() returns text language sql stable as $$
    select system_identifier || '/' || (select oid from pg_database where datname = current_database())
      from pg_control_system()
$$;
comment on function oms.present_identity is 'Cluster and database: differs in every restored or copied database.';

create function oms.is_restored() returns boolean language sql stable as $$
    select coalesce((select identity <> oms.present_identity() from oms.database_identity), false)
$$;
comment on function oms.is_restored is 'Whether this is a copy whose marks and books belong to another database, so that nothing may be pushed.';

create or replace function oms.note_ledger_transaction() returns trigger language plpgsql as $$
begin
    if exists (select from new_entries) then
        insert into oms.ledger_commit default values on conflict (tx) do nothing;
        if not exists (select from oms.database_identity) then
            insert into oms.database_identity (identity) values (oms.present_identity()) on conflict do nothing;
        end if;
    end if;
    return null;
end $$;

create function oms.refuse_after_restore() returns trigger language plpgsql as $$
begin
    if oms.is_restored() then
        raise exception 'this database was restored or copied: its marks and books are another one''s'
              using errcode = 'object_not_in_prerequisite_state',
                    hint = 'run `python -m oms after-restore` here, then the order imports and a hard sync';
    end if;
    return null;
end $$;
comment on function oms.refuse_after_restore is 'A copy must not push: neither one made for tests, nor a restored one before its marks start over.';
create trigger refuse_after_restore before insert or update of status on oms.sync_batch
    for each statement execute function oms.refuse_after_restore();

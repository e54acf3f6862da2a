-- Which server a connection leads to, and which one a file came from.
-- Source: spec inventory.md 3.5.

create table oms.sftp_server (
    connection_id  text collate "C" not null,
    fingerprint    text collate "C" not null,
    accepted_at    timestamptz not null default now(),
    accepted_by    text,
    replaced_at    timestamptz,
    primary key (connection_id, fingerprint)
);
comment on table oms.sftp_server is 'The host keys by which the server of a connection is recognised; one with another key is refused.';
comment on column oms.sftp_server.fingerprint is 'SHA256 of the host key, as ssh-keygen -l prints it.';
comment on column oms.sftp_server.accepted_by is 'The person who accepted it; null: it was the first that was met.';
comment on column oms.sftp_server.replaced_at is 'When a person put another key in its place: refused since then, its open files are those of the newer key.';

alter table oms.import_log add column server text collate "C";
comment on column oms.import_log.server is 'Host key of the server that the file lies on: only a run there closes it or takes it over. Null: it came before servers were recorded, or lay on none.';

-- The SFTP servers of connections, told by their host keys. Rules: inventory.md 3.5.

-- name: keys
select fingerprint, replaced_at is not null as is_replaced
  from oms.sftp_server
 where connection_id = %(connection_id)s
 order by accepted_at, fingerprint

-- name: meet
insert into oms.sftp_server (connection_id, fingerprint)
select %(connection_id)s, %(fingerprint)s
 where not exists (select from oms.sftp_server where connection_id = %(connection_id)s)

-- name: replace
update oms.sftp_server
   set replaced_at = now()
 where connection_id = %(connection_id)s
   and fingerprint <> %(fingerprint)s
   and replaced_at is null

-- name: accept
insert into oms.sftp_server (connection_id, fingerprint, accepted_by)
values (%(connection_id)s, %(fingerprint)s, %(person)s)
on conflict (connection_id, fingerprint) do update
   set accepted_at = now(), accepted_by = excluded.accepted_by, replaced_at = null

-- name: all_keys
select connection_id, fingerprint, accepted_at, accepted_by, replaced_at
  from oms.sftp_server
 order by connection_id, accepted_at, fingerprint

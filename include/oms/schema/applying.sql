-- Functions and views that are created anew when their file changes.

-- name: create_schemas
create schema if not exists oms;
create schema if not exists oms_staging;
comment on schema oms is 'Order management: the inventory ledger and all that feeds or reads it.';
comment on schema oms_staging is 'Unlogged tables of landed files, one or two for each open import log; empty after a database crash.';

-- name: keep_files
create table if not exists oms.schema_file (
    name    text collate "C" primary key,
    digest  text not null
);
comment on table oms.schema_file is 'Functions and views, each with the digest of the file that it was created from.';

-- name: check_no_bodies
-- A function may use one that is created after it.
select set_config('check_function_bodies', 'off', true)

-- name: created
-- A view that was dropped with another one counts as not created.
select name, digest
  from oms.schema_file
 where exists (select from pg_class
                where relnamespace = 'oms'::regnamespace and relkind = 'v' and relname = name)
    or exists (select from pg_proc where pronamespace = 'oms'::regnamespace and proname = name)

-- name: note
insert into oms.schema_file (name, digest)
values (%(name)s, %(digest)s)
on conflict (name) do update set digest = excluded.digest

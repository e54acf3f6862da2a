-- Stored choices of products, and files on their way out.
-- Sources: spec inventory.md 5.11; orders.md 9 (exports).

create table oms.search_preference (
    search_preference_id      text collate "C" primary key check (search_preference_id ~ '^[A-Za-z0-9_.-]+$'),
    product_store_id          text collate "C" not null references oms.product_store,
    position                  integer not null,
    preference_type           text not null default 'THRESHOLD_INV_QUERY' check (preference_type in ('THRESHOLD_INV_QUERY')),
    included_tags             text[] not null default '{}',
    included_tags_join        text not null default 'OR' check (included_tags_join in ('AND', 'OR')),
    excluded_tags             text[] not null default '{}',
    excluded_tags_join        text not null default 'OR' check (excluded_tags_join in ('AND', 'OR')),
    included_categories       text[] not null default '{}',
    included_categories_join  text not null default 'OR' check (included_categories_join in ('AND', 'OR')),
    excluded_categories       text[] not null default '{}',
    excluded_categories_join  text not null default 'OR' check (excluded_categories_join in ('AND', 'OR')),
    facility_ids              text[] not null default '{}',
    threshold                 integer check (threshold between 0 and 1000000000),
    is_active                 boolean not null default true,
    changed_at                timestamptz not null default now(),
    exported_at               timestamptz,
    constraint search_preference_turn unique (product_store_id, position) deferrable initially deferred
);
comment on table oms.search_preference is 'A stored choice of products by tags and categories, and the threshold they get (inventory.md 5.11).';
comment on column oms.search_preference.position is 'Turn among the rules of its store: of two that match a product, the later wins.';
comment on column oms.search_preference.facility_ids is 'CONFIGURATION facilities of the channels it is meant for; empty: all of the store.';
comment on column oms.search_preference.threshold is 'Units to assign; null: the export shows the present ones.';
comment on column oms.search_preference.changed_at is 'A rule that changed after its last export is exported for all its products.';
comment on column oms.search_preference.exported_at is 'When what was due of it had been recorded for export.';

create function oms.note_rule_change() returns trigger language plpgsql as $$
begin
    if (to_jsonb(old) - 'exported_at') is distinct from (to_jsonb(new) - 'exported_at') then
        new.changed_at := now();
    end if;
    return new;
end $$;
comment on function oms.note_rule_change is 'A changed rule is due for all its products.';
create trigger note_rule_change before update on oms.search_preference
    for each row execute function oms.note_rule_change();

create function oms.holds(own text[], wanted text[], conjunction text) returns boolean language sql immutable parallel safe
    return case conjunction when 'AND' then own @> wanted else own && wanted end;
comment on function oms.holds is 'Whether a list has all (AND) or any (OR) of the wanted words.';

create table oms.export_file (
    export_id          bigint generated always as identity primary key,
    dag_id             text not null,
    run_id             text not null,
    subject            text not null default '',
    property_resource  text not null,
    path               text not null,
    content            bytea,
    content_sha256     bytea not null,
    row_count          bigint not null,
    recorded_at        timestamptz not null default now(),
    written_at         timestamptz,
    unique (property_resource, path),
    check (written_at is not null or content is not null)
);
comment on table oms.export_file is 'Files for others, recorded in the transaction that made them and written afterwards: a second try writes the same name and bytes.';
comment on column oms.export_file.subject is 'What the file is about, such as a search preference.';
comment on column oms.export_file.content is 'The bytes; gone once the file is written.';
create index export_file_waiting on oms.export_file (dag_id, export_id) where written_at is null;

create function oms.as_written(cell text) returns text language sql immutable parallel safe
    return case when cell ~ '^''+[=+@\t\r-]' then substr(cell, 2) else cell end;
comment on function oms.as_written is 'A cell without the apostrophe that our exports put before what a spreadsheet would run as a formula.';

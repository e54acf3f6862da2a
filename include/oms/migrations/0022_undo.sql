-- Files whose entries were taken back, and the entries that do so.
-- Source: design 8.2 (a correction is a new entry).

alter table oms.inventory_ledger add column undoes_entry bigint references oms.inventory_ledger;
comment on column oms.inventory_ledger.undoes_entry is 'The entry that this one takes back: as many units the other way, at the same moment. An entry is taken back once.';
create unique index inventory_ledger_undoes on oms.inventory_ledger (undoes_entry) where undoes_entry is not null;

create table oms.import_undo (
    log_id             bigint primary key references oms.import_log,
    undone_at          timestamptz not null default now(),
    undone_by          text not null,
    reason             text,
    entry_count        bigint not null check (entry_count > 0),
    units              bigint not null,
    position_count     bigint not null
);
comment on table oms.import_undo is 'Files that were taken back as a whole. Their account stays as it was; they may be imported again.';
comment on column oms.import_undo.undone_by is 'The run that did it, dag_id/run_id, or who did it by hand.';
comment on column oms.import_undo.units is 'Units on hand that its entries had moved, either way.';

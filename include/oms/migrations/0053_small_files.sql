-- Files that land together share tables and the lock of their lander: neither grows with their number.

alter table oms.import_log
    add column lander bigint,
    add column staged_with bigint;
comment on column oms.import_log.lander is 'Log whose lock stands for the landing of this one too, while that lasts; null: its own.';
comment on column oms.import_log.staged_with is 'Log that gave the staging tables of several small files their number; null: tables of its own.';
create index import_log_staged_with on oms.import_log (staged_with) where staged_with is not null;
create index import_log_run on oms.import_log (run_id, dag_id);

-- Which refused line a row of a corrected reject file stands for.
-- Source: spec inventory.md 3.1, 3.5.

create table oms.import_repair (
    log_id             bigint not null references oms.import_log,
    line_number        bigint not null,
    origin_log_id      bigint not null references oms.import_log,
    origin_line        bigint not null,
    holds              boolean not null,
    content            jsonb not null,
    primary key (log_id, line_number)
);
comment on table oms.import_repair is 'Rows of corrected reject files and the refused lines they stand for: always the first one, however often a line was refused; kept when house-keeping has removed the rejects.';
comment on column oms.import_repair.holds is 'True: this row has repaired the line. A line is repaired once.';
comment on column oms.import_repair.content is 'What the row says, by field: the same row again is a duplicate, another one is refused.';
create unique index import_repair_once on oms.import_repair (origin_log_id, origin_line) where holds;
create index import_repair_origin on oms.import_repair (origin_log_id, origin_line);

create view oms.open_reject as
select reject.log_id, log.config_id, log.file_name, reject.line_number, reject.error_column, reject.error_code,
       reject.error_message, log.closed_at
  from oms.import_reject as reject
  join oms.import_log as log using (log_id)
 where not exists (select from oms.import_repair as own
                    where own.log_id = reject.log_id
                      and own.line_number = reject.line_number)
   and not exists (select from oms.import_repair as repair
                     join oms.import_log as by using (log_id)
                    where repair.origin_log_id = reject.log_id
                      and repair.origin_line = reject.line_number
                      and repair.holds
                      and by.status not in ('DmlsFailed', 'DmlsCancelled'));
comment on view oms.open_reject is 'Refused lines that nobody has repaired yet, each at the place where it was refused first.';

create or replace view oms.open_reject as
select reject.log_id, log.config_id, log.file_name, reject.line_number, reject.error_column, reject.error_code,
       reject.error_message, log.closed_at
  from oms.import_reject as reject
  join oms.import_log as log using (log_id)
 where log.status <> 'DmlsFailed'
   and not exists (select from oms.import_repair as own
                    where own.log_id = reject.log_id
                      and own.line_number = reject.line_number)
   and not exists (select from oms.import_repair as repair
                     join oms.import_log as by using (log_id)
                    where repair.origin_log_id = reject.log_id
                      and repair.origin_line = reject.line_number
                      and repair.holds
                      and by.status not in ('DmlsFailed', 'DmlsCancelled'))
   and not exists (select from oms.import_log as later
                    where log.kind = 'reset'
                      and later.config_id = log.config_id
                      and later.log_id > log.log_id
                      and later.status = 'DmlsFinished'
                      and not exists (select from oms.import_undo as undone where undone.log_id = later.log_id)
                      and not exists (select from oms.import_repair as own where own.log_id = later.log_id)
                      and (exists (select from oms.import_facility_rows as said
                                     join oms.facility_reference as place using (facility_id)
                                    where said.log_id = later.log_id
                                      and place.reference = reject.facility)
                           or exists (select from oms.import_reject as again
                                       where again.log_id = later.log_id
                                         and (again.facility = reject.facility
                                              or (reject.facility is null and again.raw = reject.raw)))));
comment on view oms.open_reject is 'Refused lines that nobody has repaired yet, each at the place where it was refused first. A line of a reset is said again, and open no longer, once a later file of its configuration has spoken of its facility or, where that cannot be told, is refused with the same line. Lines of a file that was refused as a whole are none: all of it is sent again.';

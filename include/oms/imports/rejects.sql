-- Refused lines of a file, for people. Rules: inventory.md 3.5.

-- name: refused
select header, params
  from oms.import_log as log
 where log_id = %(log_id)s
   and exists (select from oms.import_reject as reject where reject.log_id = log.log_id)

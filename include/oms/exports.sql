-- Files for others, from their record to the server. Rules: inventory.md 5.11, 5.19.

-- name: record
insert into oms.export_file (dag_id, run_id, subject, property_resource, path, content, content_sha256, row_count)
values (%(dag_id)s, %(run_id)s, %(subject)s, %(property_resource)s, %(path)s, %(content)s, %(sha256)s, %(rows)s)
on conflict (property_resource, path) do nothing

-- name: waiting
select export_id, property_resource, path
  from oms.export_file
 where dag_id = %(dag_id)s
   and written_at is null
   and discarded_at is null
 order by export_id

-- name: content
select content from oms.export_file where export_id = %(export_id)s

-- name: mark_written
update oms.export_file
   set written_at = now(), content = null
 where export_id = %(export_id)s

-- name: all_waiting
select export_id, dag_id, property_resource, path, row_count, recorded_at
  from oms.export_file
 where written_at is null
   and discarded_at is null
 order by export_id

-- name: discard
update oms.export_file
   set discarded_at = now(), discarded_by = %(by)s, discard_reason = %(reason)s
 where export_id = %(export_id)s
   and written_at is null
   and discarded_at is null
returning dag_id

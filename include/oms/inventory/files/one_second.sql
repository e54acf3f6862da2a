-- Resets of one second: SFTP knows no finer time, so that only their names tell which came last (inventory.md 3.4).

-- name: seconds
-- Resets that have just landed, with others of the same server and second; what came 5,000 files before is older.
select array_agg(distinct log_id order by log_id)
  from (select own.file_mtime, unnest(array[own.log_id, other.log_id]) as log_id
          from oms.import_log as own
          join oms.import_log as other
            on other.file_mtime = own.file_mtime
           and other.connection_id = own.connection_id
           and other.domain = own.domain
           and other.kind = 'reset'
           and other.remote_path <> own.remote_path
           and other.log_id between own.log_id - 5000 and own.log_id
           and other.status not in ('DmlsLanding', 'DmlsFailed', 'DmlsCancelled')
         where own.log_id = any(%(log_ids)s)
           and own.kind = 'reset') as pair
 group by file_mtime
 order by file_mtime

-- name: begin
create temporary table import_second (
    log_id bigint, product_id bigint, facility_id text collate "C", location_seq_id text collate "C"
)

-- name: note_staged
insert into import_second
select %(log_id)s, product_id, facility_id, location_seq_id
  from {rows}
 where counts

-- name: note_applied
-- Of a file that is closed already, what it has moved.
insert into import_second
select entry.log_id, item.product_id, item.facility_id, item.location_seq_id
  from oms.inventory_ledger as entry
  join oms.inventory_item as item using (inventory_item_id)
 where entry.log_id = %(log_id)s

-- name: collisions
select product.internal_name, facility_id, count(*) over (),
       (select array_agg(log.file_name order by log.log_id) from oms.import_log as log where log.log_id = any(log_ids))
  from (select product_id, facility_id, location_seq_id, array_agg(distinct log_id) as log_ids
          from import_second
         group by product_id, facility_id, location_seq_id
        having count(distinct log_id) > 1) as collision
  join oms.product using (product_id)
 order by product.internal_name, facility_id
 limit 1

-- name: end
drop table import_second

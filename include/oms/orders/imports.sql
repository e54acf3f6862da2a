-- name: forget_old!
-- Long over: no look waits for them.
delete from oms.order_import
 where shop_id = %(shop_id)s
   and began_at < now() - interval '60 days'

-- name: begin
insert into oms.order_import (shop_id, run_id, parts, covers_to)
values (%(shop_id)s, %(run_id)s, %(parts)s, %(covers_to)s)
returning import_id

-- name: end!
update oms.order_import
   set ended_at = clock_timestamp()
 where import_id = %(import_id)s
   and ended_at is null

-- Windows of pulls, imports of orders, and what was not taken in. Rules: orders.md 1.5, orders-addendum.md D, K.

-- name: mark
select recorded_to
  from oms.job_watermark
 where job = %(job)s
   and shop_id = %(shop_id)s
   and scope = ''

-- name: move
-- A run that ends late does not move it back.
insert into oms.job_watermark as kept (job, shop_id, recorded_to)
values (%(job)s, %(shop_id)s, %(to)s::timestamptz)
on conflict (job, shop_id, scope) do update
   set recorded_to = greatest(kept.recorded_to, excluded.recorded_to)

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

-- name: rejects_due
select shopify_id
  from oms.pull_reject
 where shop_id = %(shop_id)s
   and kind = %(kind)s
   and resolved_at is null
   and next_try_at <= clock_timestamp()
 order by next_try_at, shopify_id

-- name: resolve
-- Taken in, or gone: its levels are free.
with resolved as (
    update oms.pull_reject
       set resolved_at = clock_timestamp(), next_try_at = null
     where shop_id = %(shop_id)s
       and kind = %(kind)s
       and shopify_id = any (%(ids)s)
       and resolved_at is null
    returning shopify_id
)
delete from oms.pull_reject_level as level
 using resolved
 where level.shop_id = %(shop_id)s
   and level.kind = %(kind)s
   and level.shopify_id = resolved.shopify_id

-- name: keep_reject
-- A try before its time (two windows overlap) does not count. True: it was the last one.
insert into oms.pull_reject as kept (shop_id, kind, shopify_id, code, message, attempts, next_try_at)
values (%(shop_id)s, %(kind)s, %(id)s, %(code)s, %(message)s, case when %(waits)s then 0 else 1 end,
        clock_timestamp() + case when %(waits)s then interval '0' else %(pause)s end)
on conflict (shop_id, kind, shopify_id) do update
   set code = excluded.code, message = excluded.message, resolved_at = null,
       first_at = case when kept.resolved_at is null then kept.first_at else excluded.first_at end,
       attempts = case when kept.resolved_at is not null then excluded.attempts
                       when %(waits)s or kept.next_try_at > clock_timestamp() then kept.attempts
                       else kept.attempts + 1 end,
       next_try_at = case when %(waits)s or kept.resolved_at is not null then excluded.next_try_at
                          when kept.next_try_at > clock_timestamp() then kept.next_try_at
                          when kept.attempts + 1 < %(most)s
                          then clock_timestamp() + %(pause)s * power(2, kept.attempts) end
returning next_try_at is null

-- name: keep_levels
with gone as (
    delete from oms.pull_reject_level
     where shop_id = %(shop_id)s
       and kind = %(kind)s
       and shopify_id = %(id)s
)
insert into oms.pull_reject_level (shop_id, kind, shopify_id, shopify_location_id, shopify_inventory_item_id)
select %(shop_id)s, %(kind)s, %(id)s, touched.location, touched.item
  from jsonb_to_recordset(%(levels)s) as touched (location bigint, item bigint)

-- What a shop is to tell us. Rules: orders.md 10, shopify.md 4.2, 4.3.

-- name: shops_with_subscriptions
select distinct shop_id
  from oms.webhook_subscription
 order by shop_id

-- name: recorded
select topic, uri, is_wanted
  from oms.webhook_subscription
 where shop_id = %(shop_id)s
 order by topic

-- name: want
-- The new wish replaces the old one; where nothing changes, the record stays as it is.
insert into oms.webhook_subscription as kept (shop_id, topic, uri, changed_by)
values (%(shop_id)s, %(topic)s, %(uri)s, %(run_name)s)
on conflict (shop_id, topic) do update
   set uri = excluded.uri, is_wanted = true, changed_at = now(), changed_by = excluded.changed_by
 where (kept.uri, kept.is_wanted) is distinct from (excluded.uri, true)

-- name: unwant
insert into oms.webhook_subscription as kept (shop_id, topic, uri, is_wanted, changed_by)
values (%(shop_id)s, %(topic)s, %(uri)s, false, %(run_name)s)
on conflict (shop_id, topic) do update
   set is_wanted = false, changed_at = now(), changed_by = excluded.changed_by
 where kept.is_wanted

-- name: forget
delete from oms.webhook_subscription
 where shop_id = %(shop_id)s
   and topic = %(topic)s
   and not is_wanted

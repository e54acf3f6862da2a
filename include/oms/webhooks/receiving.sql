-- Taking in a delivery. Rules: inventory.md 5.16, orders.md 10.

-- name: connection_of
select connection_id
  from oms.shop
 where shop_id = %(shop_id)s

-- name: store
-- Once, however often it is delivered; its trigger rings the bell. ignored: why nobody will work it off.
insert into oms.webhook_inbox (shop_id, webhook_id, event_id, topic, api_version, triggered_at, payload,
                               status, processed_at, error)
values (%(shop_id)s, %(webhook_id)s, %(event_id)s, %(topic)s, %(api_version)s, %(triggered_at)s, %(payload)s::json,
        case when %(ignored)s::text is null then 'NEW' else 'IGNORED' end,
        case when %(ignored)s::text is null then null else now() end, %(ignored)s)
on conflict (shop_id, webhook_id) do nothing

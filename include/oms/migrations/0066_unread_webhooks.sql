-- Deliveries of topics that no job works off waited for ever.
-- Source: spec orders.md 10.

update oms.webhook_inbox
   set status = 'IGNORED', processed_at = now(), error = format('no job works off %s: end the subscription', topic)
 where status = 'NEW'
   and topic <> 'inventory_levels/update';

-- name: waits
-- Whether an event of the topic waits in the inbox.
select
  from oms.webhook_inbox
 where topic = %(topic)s
   and status = 'NEW'
 limit 1

-- name: adjust
-- All elements of all calls in one round trip, each in a transaction of its own. As text: the driver's own reader is slow.
call oms.adjust_inventory(%(calls)s::jsonb, %(patience)s, %(lock_wait)s, null)

-- name: adjust
-- All elements in one round trip, each in a transaction of its own.
call oms.adjust_inventory(%(client)s, %(key)s, %(body_hash)s, %(elements)s::jsonb, %(patience)s, null)

-- name: adjust
-- All elements in one round trip, each in a transaction of its own; null: the token is valid no more.
call oms.adjust_inventory(%(token_id)s, %(key)s, %(body_hash)s, %(elements)s::jsonb, %(patience)s, null)

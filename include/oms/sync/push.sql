-- name: wait_for_lock
-- One lock for each location of a shop, held by the session from reading to settling (inventory.md 6.4).
select pg_advisory_lock(hashtextextended(%(name)s, 0))

-- name: unlock
select pg_advisory_unlock(hashtextextended(%(name)s, 0))

-- name: set_lock_timeout
select set_config('lock_timeout', %(milliseconds)s, false)

-- The statements behind locks.py. The arrays are in the order in which the locks are to be taken.

-- name: hold
select count(pg_advisory_xact_lock(hashtextextended(text, seed)))
  from unnest(%(texts)s::text[], %(seeds)s::bigint[]) as lock (text, seed)

-- name: take
select count(pg_advisory_lock(hashtextextended(text, seed)))
  from unnest(%(texts)s::text[], %(seeds)s::bigint[]) as lock (text, seed)

-- name: give_back
select count(pg_advisory_unlock(hashtextextended(text, seed)))
  from unnest(%(texts)s::text[], %(seeds)s::bigint[]) as lock (text, seed)

-- name: take_if_free
select pg_try_advisory_lock(hashtextextended(%(text)s, %(seed)s))

-- name: hold_if_free
select pg_try_advisory_xact_lock(hashtextextended(%(text)s, %(seed)s))

-- name: wait_at_most
select set_config('lock_timeout', %(milliseconds)s, %(only_here)s)

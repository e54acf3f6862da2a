-- name: take_place
-- The one place of those who wait for the same work, held by the session; false if somebody has it.
select pg_try_advisory_lock(hashtextextended(%(name)s, 0))

-- name: leave_place
select pg_advisory_unlock(hashtextextended(%(name)s, 0))

-- name: hold_until_commit
-- The lock that pushes take for their session, here for a transaction.
select pg_advisory_xact_lock(hashtextextended(%(name)s, 0))

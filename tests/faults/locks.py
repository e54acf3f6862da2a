"""A killed client's locks end a moment after it, when the server has noticed."""

import time

from oms.database import Connection


def until_locks_are_given_up(conn: Connection, seconds: float = 10) -> None:
    """Wait until nobody else holds an advisory lock in this database."""
    query = """select count(*) from pg_locks join pg_database on pg_database.oid = database
                where locktype = 'advisory' and datname = current_database() and pid <> pg_backend_pid()"""
    give_up = time.monotonic() + seconds
    while conn.execute(query).fetchone()[0]:
        assert time.monotonic() < give_up, "a lock is still held"
        time.sleep(0.05)

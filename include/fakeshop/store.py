"""The state on disk: SQLite in WAL mode, written before an answer is sent, without waiting for the disk.

It survives the death of the process (kill -9). It does not promise to survive a power cut.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

SCHEMA = """
create table if not exists setting (key text primary key, value blob) without rowid;
create table if not exists record (
    shop integer, kind text, id integer, body blob, primary key (shop, kind, id)) without rowid;
create table if not exists level (
    shop integer, location integer, item integer,
    q0 integer, q1 integer, q2 integer, q3 integer, q4 integer, q5 integer, q6 integer,
    active integer, created integer, updated integer,
    primary key (shop, location, item)) without rowid;
create table if not exists journal (
    seq integer primary key autoincrement, shop integer, at integer, source text, event text,
    adjustment_group integer, reason text, reference text, key text, changes blob);
create index if not exists journal_group on journal (shop, adjustment_group);
create table if not exists idempotency (
    shop integer, app integer, key text, at integer, body blob, primary key (shop, app, key)) without rowid;
create table if not exists bulk_row (
    shop integer, operation integer, line integer, body blob,
    primary key (shop, operation, line)) without rowid;
"""
TABLES = ("record", "level", "journal", "idempotency", "bulk_row")


class Store:
    """One SQLite file for all shops; every method belongs to the transaction that ``commit`` ends."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        path.chmod(0o600)  # it holds the shops' access tokens; SQLite's other files take over its mode
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.execute("pragma journal_mode = wal")
        self.connection.execute("pragma synchronous = off")
        self.connection.executescript(SCHEMA)
        self._open = False

    def _begin(self) -> None:
        if not self._open:
            self.connection.execute("begin")
            self._open = True

    def write(self, sql: str, rows: Iterable[tuple]) -> None:
        """Run one statement for many rows, inside the open transaction."""
        self._begin()
        self.connection.executemany(sql, rows)

    def commit(self) -> None:
        """Make everything written since the last commit durable."""
        if self._open:
            self.connection.execute("commit")
            self._open = False

    def read(self, sql: str, *values: object) -> Iterator[tuple]:
        """Run a query."""
        return self.connection.execute(sql, values)

    def put_setting(self, key: str, value: bytes) -> None:
        """Keep a setting."""
        self.write("insert or replace into setting values (?, ?)", [(key, value)])

    def delete_setting(self, key: str) -> None:
        """Forget a setting."""
        self.write("delete from setting where key = ?", [(key,)])

    def settings(self) -> dict[str, bytes]:
        """Return all settings."""
        return dict(self.read("select key, value from setting"))

    def forget_shop(self, shop: int) -> None:
        """Delete everything that belongs to a shop."""
        for table in TABLES:
            self.write(f"delete from {table} where shop = ?", [(shop,)])  # noqa: S608 - names of TABLES

    def close(self) -> None:
        """Close the file."""
        self.commit()
        self.connection.close()

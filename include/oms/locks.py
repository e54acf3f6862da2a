"""Every named lock of the OMS, what it keeps apart, and the order in which they are taken.

A process that holds one takes only such as stand below it in ALL, and several of a kind in the order of
their parts. Rows come last: import logs, orders, their items, shipments, positions by facility, product and
location. So nobody waits in a circle.

The names are those of the releases before, so that processes of two releases keep out of each
other's way.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from oms.database import Connection, statements

sql = statements(__file__)


@dataclass(frozen=True)
class Kind:
    """Locks of one meaning; its locks have the name with the parts filled in."""

    name: str
    keeps_apart: str
    is_numbered: bool = False
    """Its one part is a number, which is hashed beside the name and not in it."""

    def of(self, *parts: str | int) -> "Lock":
        """The lock for these parts."""
        return Lock(ALL.index(self), parts)


@dataclass(frozen=True, order=True)
class Lock:
    """One lock; sorted as they are to be taken."""

    rank: int
    parts: tuple[Any, ...]

    @property
    def key(self) -> tuple[str, int]:
        """The text and the seed that its number is hashed from."""
        kind = ALL[self.rank]
        if kind.is_numbered:
            return kind.name, self.parts[0]
        return kind.name.format(*self.parts), 0


SCHEMA = Kind("oms.schema", "migrations of the database")
HOUSE_KEEPING = Kind("oms.house_keeping", "runs that remove what is old")
FEEDS = Kind("oms.check_feeds", "runs that look for files that did not come")
ACT = Kind("oms.act:{}", "runs of a job that acts on what it selects")
EXPORT = Kind("oms.export:{}", "runs of a job that records files for others and writes them")
SUBSCRIPTIONS = Kind("oms.webhook_subscription {}", "changes to what a shop is to tell us")
PRODUCTS = Kind("oms.products", "imports of products that are not urgent, over all shops")
PRODUCTS_OF_SHOP = Kind("oms.products:{}", "imports of the products of a shop")
PRODUCTS_MERGE = Kind("oms.products:merge", "merges of products: two shops may sell the same new one")
RESTOCK = Kind("oms.scheduled_restock", "runs that carry out a restock", is_numbered=True)
RESTOCK_FILE = Kind("oms.restock:{}", "preparations of restocks from a file of one content")
SETUP = Kind("oms.setup", "changes to the master data")
WAITING_PUSH = Kind("{}", "pushes of one kind that wait for a shop")
LOCATION = Kind("oms.sync:{}:{}", "pushes to a location, from reading to settling (spec inventory.md 6.4)")
LEVELS_OF_SHOP = Kind("oms.from_shop:{}", "pulls of the levels of a shop")
PULL = Kind("oms.pull:{}:{}", "runs of a job that takes in a window of a shop")
OUTBOX_LANE = Kind("oms.outbox:{}", "those who send or decide messages that keep one order")
IMPORT_LOG = Kind("oms.import_log", "those who land, stage again or close a file", is_numbered=True)
IMPORT_CONTENT = Kind("oms.import_log.content:{}", "comparisons of files that may have equal contents")
DOCUMENT_LINES = Kind("oms.import_document_line:{}", "files with documents of one kind")
IMPORT_REPAIR = Kind("oms.import_repair", "repairs of lines of a file, and its undoing", is_numbered=True)
LEVELS = Kind("oms.levels:{}", "levels of a facility that are taken in")
KITS = Kind("oms.kits", "changes to kits and computations of their balances")
PACK = Kind("oms.pack:{}", "requests to pack under one key")
IDENTIFICATION = Kind("oms.product_identification", "files that give identifiers to products")
SFTP_SERVER = Kind("oms.sftp_server:{}", "first meetings with the server of a connection")

ALL = (
    SCHEMA,
    HOUSE_KEEPING,
    FEEDS,
    ACT,
    EXPORT,
    SUBSCRIPTIONS,
    PRODUCTS,
    PRODUCTS_OF_SHOP,
    PRODUCTS_MERGE,
    RESTOCK,
    RESTOCK_FILE,
    SETUP,
    WAITING_PUSH,
    LOCATION,
    LEVELS_OF_SHOP,
    PULL,
    OUTBOX_LANE,
    IMPORT_LOG,
    IMPORT_CONTENT,
    DOCUMENT_LINES,
    IMPORT_REPAIR,
    LEVELS,
    KITS,
    PACK,
    IDENTIFICATION,
    SFTP_SERVER,
)


def waiting_push(shop_id: str, mode: str, served: Sequence[str], params: Mapping[str, Any]) -> Lock:
    """The place of those who wait to do the same work for a shop."""
    return WAITING_PUSH.of(json.dumps(["push", shop_id, mode, [*served], dict(params)], sort_keys=True))


def hold(conn: Connection, *locks: Lock) -> None:
    """Wait for locks and hold them until the transaction ends."""
    conn.execute(sql.hold, _keys(sorted(set(locks))))


def take(conn: Connection, *locks: Lock) -> None:
    """Wait for locks and hold them until they are given back or the session ends."""
    conn.execute(sql.take, _keys(sorted(set(locks))))


def give_back(conn: Connection, *locks: Lock) -> None:
    """Let others have locks that the session has taken; a session that ended has given them back."""
    if locks and not conn.closed and not conn.broken:
        conn.execute(sql.give_back, _keys(locks))


@contextmanager
def held(conn: Connection, *locks: Lock) -> Iterator[None]:
    """Wait for locks and hold them while something is done; `conn` is in autocommit mode."""
    take(conn, *locks)
    try:
        yield
    finally:
        give_back(conn, *locks)


@contextmanager
def given_back(conn: Connection) -> Iterator[list[Lock]]:
    """A list for locks that are taken one by one; what it has at the end is given back."""
    own: list[Lock] = []
    try:
        yield own
    finally:
        give_back(conn, *own)


@contextmanager
def held_if_free(conn: Connection, lock: Lock) -> Iterator[bool]:
    """Hold a lock while something is done, unless somebody has it: then it yields False."""
    is_ours = take_if_free(conn, lock)
    try:
        yield is_ours
    finally:
        if is_ours:
            give_back(conn, lock)


def take_if_free(conn: Connection, lock: Lock) -> bool:
    """Take a lock for the session, or return False if somebody has it."""
    text, seed = lock.key
    return conn.execute(sql.take_if_free, {"text": text, "seed": seed}).fetchone()[0]


def take_within(conn: Connection, lock: Lock, seconds: float) -> bool:
    """Take a lock for the session, or return False if somebody has it for so long.

    `conn` is in autocommit mode.
    """
    try:
        with conn.transaction():
            wait_at_most(conn, seconds)
            take(conn, lock)
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def hold_if_free(conn: Connection, lock: Lock) -> bool:
    """Hold a lock until the transaction ends, or return False if somebody has it."""
    text, seed = lock.key
    return conn.execute(sql.hold_if_free, {"text": text, "seed": seed}).fetchone()[0]


def wait_at_most(conn: Connection, seconds: float) -> None:
    """Let whoever waits for a lock in this transaction fail with LockNotAvailable after so long."""
    conn.execute(sql.wait_at_most, {"milliseconds": str(int(seconds * 1000)), "only_here": True})


@contextmanager
def waiting_at_most(conn: Connection, seconds: float) -> Iterator[None]:
    """Let whoever waits for a lock in this block fail with LockNotAvailable after so long."""
    conn.execute(sql.wait_at_most, {"milliseconds": str(int(seconds * 1000)), "only_here": False})
    try:
        yield
    finally:
        if not conn.closed and not conn.broken:
            conn.execute(sql.wait_at_most, {"milliseconds": "0", "only_here": False})


def _keys(locks: Sequence[Lock]) -> dict[str, Sequence[Any]]:
    keys = [lock.key for lock in locks]
    return {"texts": [text for text, _ in keys], "seeds": [seed for _, seed in keys]}

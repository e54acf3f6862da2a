"""A small business to test with."""

from typing import Any
from weakref import WeakKeyDictionary

import pytest

from oms import locks
from oms.database import Connection
from oms.locks import Lock
from tests.oms.world import World


@pytest.fixture
def world(oms_db: Connection) -> World:
    """A product store with its channel, in a transaction that is never committed."""
    return World(oms_db)


@pytest.fixture
def locks_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a named lock holds none that comes after it (oms/locks.py)."""
    session: WeakKeyDictionary[Connection, list[Lock]] = WeakKeyDictionary()
    transaction: WeakKeyDictionary[Connection, tuple[Any, list[Lock]]] = WeakKeyDictionary()
    take, hold, take_if_free, give_back = locks.take, locks.hold, locks.take_if_free, locks.give_back

    def held_until_commit(conn: Connection) -> list[Lock]:
        (now,) = conn.execute("select transaction_timestamp()").fetchone()
        if transaction.get(conn, (None, []))[0] != now:
            transaction[conn] = (now, [])
        return transaction[conn][1]

    def check(conn: Connection, wanted: tuple[Lock, ...]) -> None:
        own = [*session.get(conn, []), *held_until_commit(conn)]
        late = [(one, lock) for one in wanted if one not in own for lock in own if lock > one]
        assert not late, f"these are waited for while a later one is held (oms.locks.ALL): {late}"

    def checked_take(conn: Connection, *wanted: Lock) -> None:
        check(conn, wanted)
        take(conn, *wanted)
        session.setdefault(conn, []).extend(wanted)

    def checked_hold(conn: Connection, *wanted: Lock) -> None:
        check(conn, wanted)
        hold(conn, *wanted)
        held_until_commit(conn).extend(wanted)

    def noted_take_if_free(conn: Connection, lock: Lock) -> bool:
        if is_ours := take_if_free(conn, lock):
            session.setdefault(conn, []).append(lock)
        return is_ours

    def noted_give_back(conn: Connection, *given: Lock) -> None:
        for lock in given:
            if lock in session.get(conn, []):
                session[conn].remove(lock)
        give_back(conn, *given)

    monkeypatch.setattr(locks, "take", checked_take)
    monkeypatch.setattr(locks, "hold", checked_hold)
    monkeypatch.setattr(locks, "take_if_free", noted_take_if_free)
    monkeypatch.setattr(locks, "give_back", noted_give_back)

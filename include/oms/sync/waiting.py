"""At most one run of a kind waits for a shop: more would hold workers that other shops need.

A run that waits has not looked at the stock yet, so it takes along whatever later runs were started for.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from oms import locks
from oms.database import Connection
from oms.errors import NothingToDo


class AlreadyWaiting(NothingToDo):
    """A run with the same orders waits for this shop and has not planned yet: nothing is left to do."""


@contextmanager
def waiting(
    conn: Connection, shop_id: str, mode: str, served: Sequence[str], params: Mapping[str, Any]
) -> Iterator[Callable[[], None]]:
    """Hold the place of those who wait for this work; yield what gives it up, to be called before planning.

    served: the sync modes whose locations the run serves. Raises AlreadyWaiting if the place is taken.
    """
    place = locks.waiting_push(shop_id, mode, served, params)
    if not locks.take_if_free(conn, place):
        raise AlreadyWaiting(f"a {mode} run waits for shop {shop_id} already and will take this along")
    with locks.given_back(conn) as own:
        own.append(place)

        def begin() -> None:
            locks.give_back(conn, *own)
            own.clear()

        yield begin

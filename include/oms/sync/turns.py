"""Whose turn it is at a location; at most one run of a kind waits for a shop.

More would hold workers that other shops need.

A run that waits has not looked at the stock yet, so it takes along whatever later runs were started for.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from oms.database import Connection, statements
from oms.errors import NothingToDo

sql = statements(__file__)


def location_lock(shop_id: str, shopify_location_id: int) -> str:
    """Return the name of the lock that a push holds from reading to settling (spec inventory.md 6.4)."""
    return f"oms.sync:{shop_id}:{shopify_location_id}"


def hold_until_commit(conn: Connection, locations: Iterable[tuple[str, int]]) -> None:
    """Wait until no push is at work at the locations (shop, number); keep others away until the commit.

    They are taken in the order in which pushes take them.
    """
    for one in sorted(locations):
        conn.execute(sql.hold_until_commit, {"name": location_lock(*one)})


class AlreadyWaiting(NothingToDo):
    """A run with the same orders waits for this shop and has not planned yet: nothing is left to do."""


@contextmanager
def waiting(
    conn: Connection, shop_id: str, mode: str, served: Sequence[str], params: Mapping[str, Any]
) -> Iterator[Callable[[], None]]:
    """Hold the place of those who wait for this work; yield what gives it up, to be called before planning.

    served: the sync modes whose locations the run serves. Raises AlreadyWaiting if the place is taken.
    """
    name = {"name": json.dumps(["push", shop_id, mode, [*served], dict(params)], sort_keys=True)}
    if not conn.execute(sql.take_place, name).fetchone()[0]:
        raise AlreadyWaiting(f"a {mode} run waits for shop {shop_id} already and will take this along")
    held = True

    def begin() -> None:
        nonlocal held
        if held:
            conn.execute(sql.leave_place, name)
            held = False

    try:
        yield begin
    finally:
        if not conn.closed:  # a closed session has given its place up
            begin()

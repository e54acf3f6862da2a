"""At most one run of a kind waits for a shop; more would hold workers that other shops need.

A run that waits has not looked at the stock yet, so it takes along whatever later runs were started for.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from oms.database import Connection, statements

sql = statements(__file__)


class AlreadyWaiting(Exception):
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

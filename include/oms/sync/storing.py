"""Lines, batches, books and marks of a push, stored before anything is sent (spec inventory.md 6.3, 6.4)."""

import uuid
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

from oms import crashpoints
from oms.books import entries, findings
from oms.database import statements
from oms.sync import comparing, snapshot
from oms.sync.locations import Location
from oms.sync.options import Push
from oms.sync.snapshot import Plan

sql = statements(__file__)

STORED = crashpoints.register("plan.stored", "lines, books and marks are stored, nothing sent yet")


class NewBatch(NamedTuple):
    """A batch that was stored a moment ago: its key, its frozen payload, its lines."""

    batch_id: uuid.UUID
    payload: str
    line_count: int


def store(push: Push, plan: Plan) -> Iterator[list[NewBatch]]:
    """Write lines, batches, books and marks; yield the batches of each transaction once it is committed.

    Up to `lines_at_once` lines are one transaction. More are stored while the first are being sent: each
    part with its lines and their books, openings with the first, marks with the last. A plan that breaks
    off between two parts leaves the mark, so that the next one selects the same products and finds the
    books right.
    """
    values = {
        "shop_id": push.shop_id,
        "plan_id": plan.plan_id,
        "run_id": push.run_id,
        "snapshot": plan.snapshot,
        "taken_at": plan.taken_at,
        "complete": plan.is_complete,
    }
    (was_read,) = push.conn.execute(sql.any_reading).fetchone()
    step = max(1, push.options.lines_at_once // push.options.limit) * push.options.limit
    lines = _number_lines(push)
    for first in range(0, max(1, lines), step):
        with push.conn.transaction():
            if first == 0 and (plan.mode != "DELTA" or was_read):
                findings.book(push.conn, values)
            batches = _store_lines(push, first, first + step)
            if first + step >= lines:
                push.conn.execute(sql.note_complete, values | {"locations": list(plan.complete)})
                findings.note_waiting(push.conn, push.shop_id)
                push.conn.execute(sql.advance_marks, values | {"locations": plan.locations_marked()})
        crashpoints.point(STORED)
        yield batches


def _number_lines(push: Push) -> int:
    """Put the lines of the workspace in order, with the batch of each; return how many they are."""
    return push.conn.execute(sql.number_lines, {"limit": push.options.limit}).rowcount


def _store_lines(push: Push, first: int, end: int) -> list[NewBatch]:
    """Store the numbered lines from `first` up to `end`, with their batches, and put them in the books."""
    values = {
        "shop_id": push.shop_id,
        "mode": push.mode,
        "run_id": push.run_id,
        "run_in_uri": quote(push.run_id, safe=""),
        "first": first,
        "end": end,
    }
    batches = [NewBatch(*row) for row in push.conn.execute(sql.store_batches, values)]
    push.conn.execute(sql.store_lines, values)
    entries.add(push.conn, sql.book_lines, {"batches": [batch.batch_id for batch in batches]})
    return batches


def plan_products(push: Push, locations: Sequence[Location], products: Collection[int]) -> list[NewBatch]:
    """Store lines of desired - book for products at locations, in the caller's transaction (6.3, 5.13, 5.20).

    The caller holds the locks of the locations; what it has written in the transaction is in the figures.
    Marks stay: the products are compared again by the next push, which then finds nothing to do. Return
    the batches to send once the transaction is committed; the report tells of levels without a line.
    """
    snapshot.make_workspace(push)
    for location in locations if products else ():
        snapshot.add_at_rest(push, location, sorted(products))
    comparing.decide_from_books(push)
    return _store_lines(push, 0, _number_lines(push))

"""What a person says of a batch whose outcome neither its key nor the levels tell (inventory.md 6.6).

Until then no push touches the locations of the batch. Shopify's inventory history names our reference, but
no API can be asked for it (shopify.md 8.4).
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from oms import crashpoints, locks
from oms.books import entries
from oms.database import Connection, statements
from oms.shopify.client import ShopifyClient
from oms.sync import sending
from oms.sync.errors import SettleRefused, ShopBusy
from oms.sync.sending import KnownLine

sql = statements(__file__)

DECIDED = crashpoints.register("decide.stored", "a person's word on a batch is written, not committed")


@dataclass(frozen=True)
class OpenBatch:
    """A call without an answer. is_old: its key tells nothing any more, else the next push asks Shopify."""

    batch_id: uuid.UUID
    shop_id: str
    connection_id: str
    mode: str
    status: str
    attempts: int
    first_sent_at: datetime
    last_sent_at: datetime
    error_code: str | None
    error_message: str | None
    run_id: str
    reference: str
    key_until: datetime
    is_old: bool


@dataclass(frozen=True)
class Look:
    """A line of a batch beside what its level shows; None: not read, or it shows no figure."""

    line: KnownLine
    shown: int | None
    if_applied: int | None
    verdict: bool | None


def open_batches(
    conn: Connection, shop_id: str | None = None, batch_id: uuid.UUID | None = None
) -> list[OpenBatch]:
    """Return the calls without an answer, oldest first of each shop."""
    values = {"shop_id": shop_id, "batch": batch_id, "key_lives": sending.KEY_LIVES}
    with conn.cursor(row_factory=class_row(OpenBatch)) as cursor:
        return cursor.execute(sql.open_batches, values).fetchall()


def look(
    conn: Connection, batch_id: uuid.UUID, client: ShopifyClient | None
) -> tuple[list[Look], bool | None]:
    """Return the lines of a batch as the shop shows them now, and what they tell: applied, not, or neither.

    Without a client the shop is not asked. Raises what reading raises.
    """
    lines = sending.known_lines(conn, batch_id)
    if client is None:
        return [Look(line, None, None, None) for line in lines], None
    readings = sending.read_back(client, lines)
    looks = []
    for line in lines:
        reading = readings[line.shopify_location_id, line.shopify_inventory_item_id]
        shown = line.shown(reading)
        if_applied = None if shown is None else line.if_applied(reading)
        looks.append(Look(line, shown, if_applied, line.verdict(reading)))
    return looks, sending.was_applied(lines, readings)


def settle(
    conn: Connection,
    batch_id: uuid.UUID,
    *,
    landed: bool,
    by: str,
    reason: str | None = None,
    wait_seconds: float = 60.0,
) -> int:
    """Store in one transaction whether a batch was applied; return how many lines it has.

    Landed: its lines are APPLIED and stay in the books. Not landed: they leave the books, so that the next
    push sends what is missing then, under a new key. The locations are served again from now on. `conn` is
    in autocommit mode. Raises SettleRefused; ShopBusy while a push holds the locations.
    """
    word = f"{'landed' if landed else 'not landed'}, says {by}" + (f": {reason}" if reason else "")
    with conn.transaction():
        lines = _take(conn, batch_id, wait_seconds)
        if landed:
            conn.execute(sending.sql.mark_applied, {"batches": [batch_id], "groups": [None]})
            conn.execute(sending.sql.mark_lines, {"batches": [batch_id], "status": "APPLIED"})
            note = {"batch": batch_id, "code": "LANDED", "message": word}
            conn.execute(sql.note_decision, note)
        else:
            verdict = {"batch": batch_id, "code": "NOT_LANDED", "message": word}
            conn.execute(sending.sql.mark_rejected, verdict)
            left = {"codes": ["NOT_LANDED"] * len(lines), "messages": [word] * len(lines)}
            entries.add(conn, sending.sql.reject_lines, left | {"lines": lines})
        conn.execute(sql.ring)
        crashpoints.point(DECIDED)
    return len(lines)


def _take(conn: Connection, batch_id: uuid.UUID, wait_seconds: float) -> list[int]:
    """Hold the locations and the batch until the commit; return its lines.

    Raises SettleRefused where nobody has to decide.
    """
    found = conn.execute(sql.shop_of_batch, {"batch": batch_id}).fetchone()
    if found is None:
        raise SettleRefused(f"there is no batch {batch_id}: `python -m oms settle` lists those to decide")
    (shop_id,) = found
    lines = conn.execute(sending.sql.lines_of_batch, {"batch": batch_id}).fetchall()
    places = {place for _, place, *_ in lines}
    locks.wait_at_most(conn, wait_seconds)
    try:
        locks.hold(conn, *(locks.LOCATION.of(shop_id, place) for place in places))
    except psycopg.errors.LockNotAvailable as error:
        raise ShopBusy(f"shop {shop_id}: a push holds its locations; try again when it has ended") from error
    (status,) = conn.execute(sql.lock_batch, {"batch": batch_id}).fetchone()
    if status not in ("SENT", "UNKNOWN"):
        raise SettleRefused(f"batch {batch_id} is {status}: there is nothing to decide")
    (batch,) = open_batches(conn, batch_id=batch_id)
    if not batch.is_old:
        raise SettleRefused(
            f"batch {batch_id}: its key is trusted until {batch.key_until:%Y-%m-%d %H:%M} UTC; until then "
            "the next push of the shop asks Shopify itself, there is nothing to decide yet"
        )
    return [line_id for line_id, *_ in lines]

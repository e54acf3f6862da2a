"""Levels as Shopify tells them become balances: a reset for each, unless something newer was taken in before.

The rows stand in import_change, a temporary table of the transaction with one row for each position:
line_number or source_key, product_id, facility_id, location_seq_id, inventory_item_id, quantity, by_atp,
comments, and of the level shop_id, shopify_location_id, shopify_inventory_item_id, updated_at, told_at and
the verdict (null).
"""

from dataclasses import dataclass

from psycopg import sql as composed

from oms import locks
from oms.database import Connection, statements
from oms.inventory import entries
from oms.inventory.files import confirmed, positions

sql = statements(__file__)

CAUSE = ("reason_id", "log_id", "line_number", "source_key", "run_id", "comments")

TAKEN_FROM = ("shop_product", "product", "inventory_item", "shop_level_applied")
"""Tables whose size the planner should know before levels are taken in."""


@dataclass(frozen=True)
class Told:
    """What became of the levels; `verdict` of import_change says it of each."""

    applied: int
    unchanged: int
    stale: int


def holds_stock(conn: Connection, facility_id: str) -> bool:
    """Whether this is a facility that can have stock, and not a queue."""
    return conn.execute(sql.holds_stock, {"facility_id": facility_id}).fetchone() is not None


def apply_told(conn: Connection, *, log_id: int | None, run_id: str) -> Told:
    """Bring the positions of import_change to the figures of their levels (inventory.md 5.4, 5.14).

    One older than what was applied to its level is STALE; so is one of the same second that is not known to
    be the later word. One that was applied before is UNCHANGED, whatever the OMS has booked since.
    For counts of files each is a balance without asOf: taken when it is processed (6.8).
    """
    conn.execute(sql.freshen)
    # an empty level without a position leaves no other lock, and an older word that is just making that
    # position would count after it
    locks.hold(conn, *(locks.LEVELS.of(facility) for (facility,) in conn.execute(sql.facilities)))
    conn.execute(sql.add_missing)
    conn.execute(positions.sql.fill_in)
    positions.lock(conn)
    conn.execute(sql.judge)
    applied = entries.write(conn, sql.entries, CAUSE, {"log_id": log_id, "run_id": run_id})
    conn.execute(sql.remember)
    fresh, unchanged, stale = conn.execute(sql.verdicts).fetchone()
    if applied < fresh:
        confirmed.keep_named(conn, log_id, composed.SQL("import_change"), composed.SQL("verdict is null"))
    return Told(applied, fresh - applied + unchanged, stale)

"""What a comparison of levels with Shopify leaves in their books (spec inventory.md 6.7).

Who compares (oms.sync) fills pg_temp.plan_level, the levels under comparison, and decides what is sent.
"""

from collections.abc import Sequence
from typing import Any

from oms.database import Connection, statements

sql = statements(__file__)


def make_workspace(conn: Connection) -> None:
    """Have no level under comparison in this session."""
    conn.execute(sql.make_workspace)


def judge_looks(conn: Connection, shop_id: str, locations: Sequence[int]) -> None:
    """Say of each level what a look before has found that may be acted on, and whether this look counts."""
    conn.execute(sql.judge_looks, {"shop_id": shop_id, "locations": list(locations)})


def book(conn: Connection, values: dict[str, Any]) -> None:
    """Book what was found: openings, settings, drifts, looks, units not imported, when it was compared."""
    conn.execute(sql.open_books, values)
    conn.execute(sql.set_books, values)
    conn.execute(sql.book_drifts, values)
    conn.execute(sql.note_looks, values)
    conn.execute(sql.forget_looks, values)
    conn.execute(sql.note_unimported, values)
    conn.execute(sql.forget_unimported, values)
    conn.execute(sql.note_comparisons, values)
    conn.execute(sql.keep_foreign_queues, values)


def note_waiting(conn: Connection, shop_id: str) -> None:
    """Note which levels wait for their first comparison."""
    conn.execute(sql.note_waiting, {"shop_id": shop_id})
    conn.execute(sql.forget_waiting, {"shop_id": shop_id})


def set_aside(conn: Connection, levels: Sequence[tuple[str, int, int, str]]) -> None:
    """Leave levels (shop, location, inventory item, code) alone until there is a reason to try again."""
    shops, locations, items, codes = zip(*levels, strict=True)
    values = {"shops": list(shops), "locations": list(locations), "items": list(items), "codes": list(codes)}
    conn.execute(sql.set_aside, values)

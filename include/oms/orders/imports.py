"""When imports of orders began and ended, for the second look at a drift (spec inventory.md 6.7).

Every job that takes orders, their changes or returns from a shop calls `began` before its first question to
the shop and `ended` in, or after, the transaction that took the last of them in. A run that fails never ends.
"""

from collections.abc import Collection
from datetime import datetime

from oms.database import Connection, statements

sql = statements(__file__)

ORDERS, CHANGES, RETURNS = "orders", "changes", "returns"


def began(
    conn: Connection,
    shop_id: str,
    run_id: str,
    parts: Collection[str] = (ORDERS, CHANGES),
    covers_to: datetime | None = None,
) -> int:
    """Note that an import of a shop begins; return its id.

    parts: what it takes in, of orders (new ones), changes (of quantities, cancellations, fulfilments) and
    returns (refunds of what was delivered). covers_to: it takes what happened in Shopify until then, which a
    job that keeps away from the present must say; None: until now.
    """
    values = {"shop_id": shop_id, "run_id": run_id, "parts": sorted(parts), "covers_to": covers_to}
    conn.execute(sql.forget_old, values)
    (import_id,) = conn.execute(sql.begin, values).fetchone()
    return import_id


def ended(conn: Connection, import_id: int) -> None:
    """Note that all an import found is taken in; the first end counts."""
    conn.execute(sql.end, {"import_id": import_id})

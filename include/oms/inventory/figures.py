"""The figures of a channel, for people."""

from collections.abc import Sequence
from dataclasses import dataclass

from oms.database import Connection, statements

sql = statements(__file__)


@dataclass(frozen=True)
class OnlineAtp:
    """What a channel may promise of a product, and from what it follows."""

    sku: str
    product_id: int
    online_atp: int
    facility_sum: int
    threshold: int
    queue: int
    reason: str | None


def online_atp(conn: Connection, group_id: str, skus: Sequence[str]) -> list[OnlineAtp]:
    """The online ATP of products by SKU, in the order asked for; an unknown SKU has no row."""
    rows = conn.execute(sql.online_atp_of_skus, {"group_id": group_id, "skus": list(skus)}).fetchall()
    return [OnlineAtp(*row) for row in rows]

"""Levels that wait for a second look, and units that nobody has taken in (spec inventory.md 6.7, 6.8)."""

import logging
import time
from dataclasses import dataclass

from oms.database import statements
from oms.shopify.budget import Deadline
from oms.sync.options import Push, UnimportedUnits

log = logging.getLogger(__name__)
sql = statements(__file__)

LOOK_PAUSE = 1.0


@dataclass(frozen=True)
class Looks:
    """Looks that wait for a second one: how many, and how many of them may have it now."""

    count: int
    due: int
    imports_known: bool


def wait_for_imports(push: Push, locations: list[int], seconds: float) -> Looks:
    """Wait until imports of orders have made all looks at some locations due, or the time is over.

    A shop of which no import is known is not waited for.
    """
    deadline = Deadline(seconds)
    looks = open_looks(push, locations)
    if deadline.left() and looks.imports_known and looks.due < looks.count:
        log.info(
            "shop %s: %s levels wait for the next import of orders", push.shop_id, looks.count - looks.due
        )
    while deadline.left() and looks.imports_known and looks.due < looks.count:
        time.sleep(min(LOOK_PAUSE, deadline.left()))
        looks = open_looks(push, locations)
    return looks


def open_looks(push: Push, locations: list[int]) -> Looks:
    """Return what waits for a second look at some locations."""
    values = {"shop_id": push.shop_id, "locations": locations}
    return Looks(*push.conn.execute(sql.open_looks, values).fetchone())


def long_unimported(push: Push, locations: list[int]) -> tuple[UnimportedUnits, ...]:
    """Return what Shopify has sold at some locations and nobody has taken in for more than a day (6.8)."""
    values = {"shop_id": push.shop_id, "locations": locations}
    return tuple(UnimportedUnits(*row) for row in push.conn.execute(sql.long_unimported, values))

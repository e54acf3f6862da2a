"""The items that an act is about: locked in one order, read, refused or changed (orders.md 1.2).

An act locks orders, their items, then positions by facility and product (oms.inventory.reservations), so that
no two wait in a circle. It refuses item by item, does one statement a step for all others, and writes all
of an event in one transaction: the order, the ledger, the act of Shopify in the book of the level, and a
product_change whatever the net effect, so that demand and book become visible together.

An event counts from now: who reads the same message twice compares first with what is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from oms import act_set
from oms.act_set import Refused
from oms.database import Connection, statements
from oms.orders import states
from oms.orders.errors import OrderError, PackedLocked

sql = statements(__file__)

OPEN = ("CREATED", "APPROVED")


@dataclass(frozen=True)
class Ask:
    """An item of an order and what is asked of it; which of the rest an act reads, it says."""

    order_id: int
    order_item_seq: int
    units: int | None = None
    facility_id: str | None = None
    shopify_location_id: int | None = None
    key: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What an act did: the units it moved, and the items that it refused."""

    units: int = 0
    refused: list[Refused] = field(default_factory=list)

    def or_raise(self) -> int:
        """Return the units; raise OrderError for the first item that was refused."""
        for one in self.refused:
            raise (PackedLocked if one.code == "PACKED_LOCKED" else OrderError)(one.message)
        return self.units


def lock_orders(conn: Connection, orders: Sequence[int]) -> None:
    """Let other events of the orders wait until the end of the transaction; before their items are locked."""
    conn.execute(sql.lock_orders, {"orders": sorted(set(orders))})


def take(conn: Connection, asks: Sequence[Ask]) -> None:
    """Lock the items, and make them the set that the act is about; an item stands in it once.

    Items that do not exist are refused. Raises OrderError for an item that is asked for twice.
    """
    values = {
        "orders": [one.order_id for one in asks],
        "items": [one.order_item_seq for one in asks],
        "units": [one.units for one in asks],
        "facilities": [one.facility_id for one in asks],
        "locations": [one.shopify_location_id for one in asks],
        "keys": [one.key for one in asks],
    }
    if len(set(zip(values["orders"], values["items"], strict=True))) < len(asks):
        raise OrderError("an item stands twice in one act; let the second follow as an act of its own")
    act_set.empty(conn)
    conn.execute(sql.make_asks)
    conn.execute(sql.empty_asks)
    conn.execute(sql.ask, values)
    if len(asks) >= act_set.MANY:
        conn.execute("analyze pg_temp.act_ask")
    conn.execute(sql.lock_asked_orders)
    conn.execute(sql.lock_asked_items)
    conn.execute(sql.read)
    act_set.filled(conn, len(asks))


def refuse_not_open(conn: Connection, *, packed: bool = False) -> None:
    """Refuse items that are finished, and unless `packed` those that are packed."""
    conn.execute(sql.refuse_not_open, {"open": list(OPEN)})
    if not packed:
        refuse_packed(conn)


def refuse_packed(conn: Connection) -> None:
    """Refuse items whose units are packed: nothing about them can be taken back; no cancelled ones."""
    conn.execute(sql.refuse_packed)


def refuse_more_than_left(conn: Connection) -> None:
    """Refuse items of which more units are asked for than are left, or less than one; no cancelled ones."""
    conn.execute(sql.refuse_more_than_left)


def change(conn: Connection) -> None:
    """Change the quantities of the items by what the act has decided."""
    conn.execute(sql.change)


def move(conn: Connection, cause: str) -> None:
    """Let the items stand in the ship group of the facility asked for, which is created if need be."""
    create_ship_groups(conn)
    states.stand_at(conn, cause)


def create_ship_groups(conn: Connection) -> None:
    """Have a ship group of each facility asked for in its order."""
    conn.execute(sql.create_ship_groups)


def outcome(conn: Connection) -> Outcome:
    """Return what the act came to."""
    return Outcome(act_set.units(conn), act_set.refused(conn))

"""Packing and shipping of orders: when units leave the shelf, and who may still change their mind.

At a facility with `deplete_on_pack` units leave QOH when they are packed, and nothing happens at shipping:
its till counts without them from then on (orders.md 13, model P). Elsewhere they leave QOH when they are
shipped. A packed order is locked (inventory.md 5.19, orders.md 6.9, 7.1).
"""

import logging
from collections.abc import Sequence

from oms import crashpoints, locks
from oms.database import Connection, statements
from oms.orders import leaving, states
from oms.orders.errors import OrderError, PackedLocked
from oms.orders.items import Ask, lock_orders

log = logging.getLogger(__name__)
sql = statements(__file__)

PACKED = crashpoints.register("pack.packed", "the shipment and its stock are committed, nobody was answered")
SHIPPED = crashpoints.register("pack.shipped", "the shipment is committed as shipped, nobody was answered")


def pack(
    conn: Connection, order_id: int, facility_id: str, items: Sequence[int] | None = None, *, key: str
) -> int:
    """Pack the items of an order that are reserved at a facility; return the shipment's id.

    items: their numbers; None: all of them. Units of one product become one shipment item. `key` names the
    request: the same again returns the same shipment.

    Raises OrderError if there is nothing to pack, or an item named is not reserved here or is packed already.
    """
    if items is not None and not items:
        raise OrderError(f"order {order_id}: the request names no item to pack at {facility_id}")
    with conn.transaction():
        locks.hold(conn, locks.PACK.of(key))
        if known := conn.execute(sql.shipment_of_key, {"key": key, "order_id": order_id}).fetchone():
            return known[0]
        values = {
            "order_id": order_id,
            "facility_id": facility_id,
            "items": None if items is None else list(items),
        }
        lock_orders(conn, [order_id])
        conn.execute(sql.lock_items, values)
        ready = [seq for (seq,) in conn.execute(sql.items_to_pack, values)]
        if missing := sorted(set(items or ()) - set(ready)):
            raise OrderError(
                f"order {order_id}: item {', '.join(map(str, missing))} cannot be packed at {facility_id}: "
                "it is not reserved there, or packed already"
            )
        if not ready:
            raise OrderError(f"order {order_id}: nothing of it is reserved at {facility_id}")
        (shipment_id, at_once) = conn.execute(sql.create_shipment, values | {"key": key}).fetchone()
        packed = {"shipment_id": shipment_id, "order_id": order_id, "items": ready}
        conn.execute(sql.create_items, packed)
        conn.execute(sql.link_items, packed)
        conn.execute(sql.create_parts, packed)
        if at_once:
            leaving.issue(conn, [Ask(order_id, seq) for seq in ready]).or_raise()
    crashpoints.point(PACKED)
    log.info("order %s: %s items packed at %s as shipment %s", order_id, len(ready), facility_id, shipment_id)
    return shipment_id


def unpack(conn: Connection, shipment_id: int, *, force: bool = False) -> None:
    """Open a packed shipment again: its items are reserved as before it was packed.

    Refused where the store locks packed orders, unless `force`; the till then hears that the units are back.

    Raises PackedLocked, and OrderError for a shipment that is not packed.
    """
    with conn.transaction():
        status, order_id, locked = _lock_shipment(conn, shipment_id)
        if status == "CANCELLED":
            return
        if status != "PACKED":
            raise OrderError(f"shipment {shipment_id} is {status}, not packed")
        if locked and not force:
            raise PackedLocked(f"PACKED_LOCKED: shipment {shipment_id} of order {order_id} is packed")
        leaving.take_back(conn, _asks(conn, order_id, shipment_id)).or_raise()
        states.move_shipment(conn, shipment_id, "CANCELLED", "unpacked by force" if locked else "unpacked")


def ship(conn: Connection, shipment_id: int) -> int:
    """Hand a packed shipment over to the carrier; return the units that left QOH now.

    Raises OrderError for a shipment that is not packed.
    """
    with conn.transaction():
        status, order_id, _ = _lock_shipment(conn, shipment_id)
        if status == "SHIPPED":
            return 0
        if status != "PACKED":
            raise OrderError(f"shipment {shipment_id} is {status}, not packed")
        states.move_shipment(conn, shipment_id, "SHIPPED", "shipped")
        units = leaving.ship(conn, _asks(conn, order_id, shipment_id)).or_raise()
    crashpoints.point(SHIPPED)
    return units


def refuse_packed(conn: Connection, order_id: int, items: Sequence[int]) -> None:
    """Refuse a rejection, release or move of items that are packed, whoever asks for it (orders.md 6.9).

    One packed item refuses the whole request. Raises PackedLocked.
    """
    found = conn.execute(sql.packed_items, {"order_id": order_id, "items": list(items)}).fetchall()
    if found:
        names = ", ".join(f"{seq} (shipment {shipment})" for seq, shipment in found)
        raise PackedLocked(f"PACKED_LOCKED: order {order_id} item {names} is packed; nothing was changed")


def _asks(conn: Connection, order_id: int, shipment_id: int) -> list[Ask]:
    found = conn.execute(sql.items_of_shipment, {"shipment_id": shipment_id})
    return [Ask(order_id, seq) for (seq,) in found]


def _lock_shipment(conn: Connection, shipment_id: int) -> tuple[str, int, bool]:
    orders = conn.execute(sql.order_of_shipment, {"shipment_id": shipment_id}).fetchall()
    lock_orders(conn, [order_id for (order_id,) in orders])
    found = conn.execute(sql.lock_shipment, {"shipment_id": shipment_id}).fetchone()
    if found is None:
        raise OrderError(f"shipment {shipment_id}: there is no such sales shipment")
    return found

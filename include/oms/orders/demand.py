"""What orders do to stock and to the books of Shopify's levels (spec inventory.md 1.3, 6.7; orders.md 5.7).

Every function writes all of an event in one transaction: the order, the ledger, the act of Shopify in the
book of the level, and a product_change for each product whatever the net effect, so that demand and book
become visible together. An act is booked at the location where Shopify holds the units, also for a level
that was never compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from oms.database import Connection, statements
from oms.orders.errors import OrderError

sql = statements(__file__)

BROKERING_QUEUE = "_NA_"


@dataclass(frozen=True)
class Line:
    """A line of an order as the channel tells it: units of one product, and where Shopify holds them."""

    product_id: int
    quantity: int
    external_line_id: str | None = None
    shopify_location_id: int | None = None


def take_in(
    conn: Connection,
    shop_id: str | None,
    external_id: str,
    lines: Sequence[Line],
    facility_id: str = BROKERING_QUEUE,
    status: str = "APPROVED",
    *,
    product_store_id: str | None = None,
) -> int:
    """Take in an order whose lines are open, waiting at a facility; return its order_id.

    An order that is known already, by (shop_id, external_id), is left as it is. shop_id None: an order of
    another channel, which has no level of Shopify to book at; its product_store_id may be left out where
    there is only one. Raises OrderError for an unknown shop or store, an order without lines, and a line
    of a shop's tracked product that does not say at which location Shopify holds it.
    """
    if not lines:
        raise OrderError(f"order {external_id}: has no lines")
    with conn.transaction():
        store = _product_store(conn, shop_id, product_store_id)
        created = conn.execute(
            sql.create_order,
            {"store": store, "shop_id": shop_id, "external_id": external_id, "status": status},
        ).fetchone()
        if created is None:
            (order_id,) = conn.execute(
                sql.find_order, {"shop_id": shop_id, "external_id": external_id}
            ).fetchone()
            return order_id
        (order_id,) = created
        conn.execute(sql.create_ship_group, {"order_id": order_id, "facility_id": facility_id})
        conn.execute(
            sql.create_items,
            {
                "order_id": order_id,
                "status": "CREATED" if status in ("CREATED", "HOLD") else "APPROVED",
                "from_shop": shop_id is not None,
                "products": [line.product_id for line in lines],
                "quantities": [line.quantity for line in lines],
                "external_ids": [line.external_line_id for line in lines],
                "locations": [line.shopify_location_id for line in lines],
            },
        )
        if unplaced := conn.execute(sql.items_without_location, {"order_id": order_id}).fetchall():
            raise OrderError(
                f"order {external_id} of shop {shop_id}: line {', '.join(str(seq) for (seq,) in unplaced)} "
                "does not say at which Shopify location its units are held"
            )
        conn.execute(sql.book_sale, {"order_id": order_id})
        conn.execute(sql.note_order, {"order_id": order_id, "cause": "order taken in"})
        return order_id


def reserve(conn: Connection, order_id: int, seq: int, facility_id: str) -> int:
    """Reserve the open units of an item at a physical facility; return how many (0: it was so already).

    The item moves to the ship group of that facility. Raises OrderError if it is not open, is reserved
    elsewhere, or the facility holds no stock.
    """
    with conn.transaction():
        item = _lock_open_item(conn, order_id, seq)
        if item.reserved_at == facility_id:
            return 0
        if item.reserved_at is not None:
            raise OrderError(
                f"order {order_id} item {seq}: is reserved at {item.reserved_at}, release it first"
            )
        _require_physical(conn, facility_id)
        key = {"order_id": order_id, "seq": seq, "facility_id": facility_id, "product_id": item.product_id}
        conn.execute(sql.create_position, key)
        conn.execute(sql.create_reservation, key | {"quantity": item.open_quantity})
        _enter(conn, order_id, seq, "reserve", atp=-item.open_quantity)
        _move(conn, order_id, seq, facility_id)
        _note(conn, item.product_id, "reserved")
        return item.open_quantity


def broker(conn: Connection, order_id: int, facility_id: str) -> int:
    """Reserve all open items of an order that are not reserved at a facility; return how many units."""
    with conn.transaction():
        items = conn.execute(sql.items_to_broker, {"order_id": order_id}).fetchall()
        return sum(reserve(conn, order_id, seq, facility_id) for (seq,) in items)


def release(conn: Connection, order_id: int, seq: int, facility_id: str = BROKERING_QUEUE) -> int:
    """Give up the reservation of an item, which then waits at a queue; return the units released."""
    with conn.transaction():
        item = _lock_open_item(conn, order_id, seq)
        if item.reserved:
            _enter(conn, order_id, seq, "release", atp=item.reserved)
            conn.execute(sql.delete_reservation, {"order_id": order_id, "seq": seq})
        _move(conn, order_id, seq, facility_id)
        _note(conn, item.product_id, "released")
        return item.reserved


def cancel(conn: Connection, order_id: int, seq: int, quantity: int, restocked: bool) -> int:
    """Cancel units of an item, as Shopify told; return how many the OMS takes back (0: it can no longer).

    restocked: Shopify has put the units back on sale, which is booked, also where the OMS has shipped
    them already (INV-41); otherwise the units the OMS releases go out with the next push. quantity counts
    from now: who repeats a message compares first with what is cancelled already. Raises OrderError for
    more than is left of the item.
    """
    with conn.transaction():
        item = _lock_item(conn, order_id, seq)
        if item.status == "CANCELLED":
            return 0
        if not 0 < quantity <= item.open_quantity:
            raise OrderError(
                f"order {order_id} item {seq}: {quantity} to cancel, {item.open_quantity} are open"
            )
        if item.reserved:
            _enter(conn, order_id, seq, "cancel", atp=quantity)
            conn.execute(sql.shrink_reservation, {"order_id": order_id, "seq": seq, "quantity": quantity})
        conn.execute(sql.cancel_units, {"order_id": order_id, "seq": seq, "quantity": quantity})
        if restocked:
            conn.execute(sql.book_restock, {"order_id": order_id, "seq": seq, "quantity": quantity})
        conn.execute(sql.finish_order, {"order_id": order_id})
        _note(conn, item.product_id, "cancelled")
        return 0 if item.status == "COMPLETED" else quantity


def ship(conn: Connection, order_id: int, seq: int) -> int:
    """Issue the reserved units of an item from its facility, which completes it; return how many.

    Shopify still holds them committed until `fulfilled` tells that it knows. Raises OrderError for an
    item without a reservation.
    """
    with conn.transaction():
        item = _lock_item(conn, order_id, seq)
        if item.status == "COMPLETED":
            return 0
        if not item.reserved:
            raise OrderError(f"order {order_id} item {seq}: has no reservation to ship from")
        _enter(conn, order_id, seq, "ship", qoh=-item.reserved)
        conn.execute(sql.delete_reservation, {"order_id": order_id, "seq": seq})
        conn.execute(sql.complete_item, {"order_id": order_id, "seq": seq})
        conn.execute(sql.finish_order, {"order_id": order_id})
        _note(conn, item.product_id, "shipped")
        return item.reserved


def fulfilled(conn: Connection, order_id: int, seq: int) -> None:
    """Shopify has fulfilled the item: it holds none of its units committed any more."""
    with conn.transaction():
        item = _lock_item(conn, order_id, seq)
        conn.execute(sql.uncommit_item, {"order_id": order_id, "seq": seq})
        _note(conn, item.product_id, "fulfilled")


@dataclass(frozen=True)
class _Item:
    """An order item under lock, with its reservation."""

    product_id: int
    status: str
    open_quantity: int
    reserved: int
    reserved_at: str | None


def _lock_item(conn: Connection, order_id: int, seq: int) -> _Item:
    conn.execute(sql.lock_item, {"order_id": order_id, "seq": seq})
    found = conn.execute(sql.read_item, {"order_id": order_id, "seq": seq}).fetchone()
    if found is None:
        raise OrderError(f"order {order_id} item {seq}: does not exist")
    return _Item(*found)


def _lock_open_item(conn: Connection, order_id: int, seq: int) -> _Item:
    item = _lock_item(conn, order_id, seq)
    if item.status not in ("CREATED", "APPROVED"):
        raise OrderError(f"order {order_id} item {seq}: is {item.status}, not open")
    return item


def _product_store(conn: Connection, shop_id: str | None, product_store_id: str | None) -> str:
    stores = conn.execute(sql.product_store, {"shop_id": shop_id, "store": product_store_id}).fetchall()
    if len(stores) != 1:
        wanted = f"shop {shop_id}" if shop_id else f"product store {product_store_id or 'of the order'}"
        raise OrderError(f"{wanted}: {'not known' if not stores else 'name one of several product stores'}")
    return stores[0][0]


def _require_physical(conn: Connection, facility_id: str) -> None:
    found = conn.execute(sql.is_virtual, {"facility_id": facility_id}).fetchone()
    if found is None:
        raise OrderError(f"facility {facility_id}: does not exist")
    if found[0]:
        raise OrderError(f"facility {facility_id}: is virtual and holds no stock to reserve")


def _enter(conn: Connection, order_id: int, seq: int, event: str, *, atp: int = 0, qoh: int = 0) -> None:
    conn.execute(sql.enter_ledger, {"order_id": order_id, "seq": seq, "event": event, "atp": atp, "qoh": qoh})


def _move(conn: Connection, order_id: int, seq: int, facility_id: str) -> None:
    key = {"order_id": order_id, "seq": seq, "facility_id": facility_id}
    conn.execute(sql.create_ship_group, key)
    conn.execute(sql.move_item, key)


def _note(conn: Connection, product_id: int, event: str) -> None:
    conn.execute(sql.note_product, {"product_id": product_id, "cause": f"order item {event}"})

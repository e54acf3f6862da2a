"""What orders do to stock and to the books of Shopify's levels (spec inventory.md 1.3, 6.7; orders.md 5.7).

Every function writes all of an event in one transaction: the order, the ledger, the act of Shopify in the
book of the level, and a product_change for each product whatever the net effect, so that demand and book
become visible together. An act is booked at the location where Shopify holds the units, also for a level
that was never compared. Events that change what Shopify shows and holds by unlike amounts are facts learned
(oms.sync_learned): a drift that was seen before one of them is not acted on.

An event counts from now: who reads the same message twice compares first with what is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from oms.database import Connection, statements
from oms.orders.errors import OrderError, PackedLocked

sql = statements(__file__)

BROKERING_QUEUE = "_NA_"

State = Literal["OPEN", "HANDED_OVER", "WRITTEN_OFF", "HISTORY", "CANCELLED", "CANCELLED_NOT_RESTOCKED"]
"""What had become of units in the shop when they were first seen.

OPEN: still to be delivered. HANDED_OVER: delivered at a till, from the stock of their facility, now.
WRITTEN_OFF: the same, but somebody else tells of the stock (a till that sends its own adjustments).
HISTORY: delivered long ago, no stock effect. CANCELLED, CANCELLED_NOT_RESTOCKED: by the shop.
"""


@dataclass(frozen=True)
class Line:
    """A line of an order as the channel tells it, or units of one that share a fate.

    shopify_location_id: where Shopify holds the units. facility_id: where they wait or were handed over;
    None: as the order.
    """

    product_id: int
    quantity: int
    external_line_id: str | None = None
    shopify_location_id: int | None = None
    state: State = "OPEN"
    facility_id: str | None = None


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
    """Take in an order whose open lines wait at a facility; return its order_id.

    An order that is known already, by (shop_id, external_id), is left as it is. shop_id None: an order of
    another channel, which has no level of Shopify to book at; its product_store_id may be left out where
    there is only one. Raises OrderError for an unknown shop or store, an order without lines, a line of a
    shop's tracked product that does not say at which location Shopify holds it, and units handed over at a
    facility without stock.
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
        add_lines(conn, order_id, lines, facility_id)
        return order_id


def add_lines(
    conn: Connection, order_id: int, lines: Sequence[Line], facility_id: str = BROKERING_QUEUE
) -> list[int]:
    """Add lines to an order, or units to one of its lines (as a line of their own); return their numbers.

    Raises OrderError as `take_in`, for an unknown order, and for open lines of a finished one, which takes
    money and notes only (orders.md 5.4): they would be nobody's demand, and their units on sale again.
    """
    with conn.transaction():
        lock(conn, order_id)
        order = conn.execute(sql.read_order, {"order_id": order_id}).fetchone()
        if order is None:
            raise OrderError(f"order {order_id}: does not exist")
        name, shop_id, status, first = order
        if status in ("COMPLETED", "CANCELLED") and any(line.state == "OPEN" for line in lines):
            raise OrderError(f"order {name}: is {status} and takes no open line")
        places = [line.facility_id or facility_id for line in lines]
        for place in dict.fromkeys(places):
            conn.execute(sql.create_ship_group, {"order_id": order_id, "facility_id": place})
        numbers = list(range(first, first + len(lines)))
        values = {
            "order_id": order_id,
            "numbers": numbers,
            "states": [line.state for line in lines],
            "status": "CREATED" if status in ("CREATED", "HOLD") else "APPROVED",
            "from_shop": shop_id is not None,
            "products": [line.product_id for line in lines],
            "quantities": [line.quantity for line in lines],
            "external_ids": [line.external_line_id for line in lines],
            "locations": [line.shopify_location_id for line in lines],
            "facilities": places,
        }
        conn.execute(sql.create_items, values)
        if unplaced := conn.execute(sql.items_without_location, values).fetchall():
            raise OrderError(
                f"order {name} of shop {shop_id}: line {', '.join(str(seq) for (seq,) in unplaced)} "
                "does not say at which Shopify location its units are held"
            )
        conn.execute(sql.book_sales, values)
        conn.execute(sql.learn_of_sales, values)
        if handed_over := {
            place for place, line in zip(places, lines, strict=True) if line.state == "HANDED_OVER"
        }:
            for place in handed_over:
                _require_physical(conn, place)
            conn.execute(sql.create_positions, values)
            conn.execute(sql.hand_over, values)
        conn.execute(sql.finish_order, {"order_id": order_id})
        conn.execute(sql.note_order, values | {"cause": "order taken in"})
        return numbers


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
        conn.execute(sql.create_part_positions, key)
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
    them already; otherwise the units the OMS releases go out with the next push. An item that the OMS has
    cancelled without telling Shopify is still held there, until Shopify tells of its own cancellation. Raises
    OrderError for more than is left of the item.
    """
    with conn.transaction():
        item = _lock_item(conn, order_id, seq)
        if item.status == "CANCELLED":
            held = min(quantity, item.committed)
            _book_cancellation(conn, order_id, seq, item, held, restocked)
            _uncommit(conn, order_id, seq, held)
            _note(conn, item.product_id, "cancelled")
            return 0
        _refuse_packed(order_id, seq, item)
        _require_left(item, order_id, seq, quantity)
        _book_cancellation(conn, order_id, seq, item, quantity, restocked)
        _cancel_units(conn, order_id, seq, item, quantity, min(quantity, item.committed))
        return 0 if item.status == "COMPLETED" else quantity


def keep(conn: Connection, order_id: int, seq: int, quantity: int, restocked: bool) -> None:
    """Book a cancellation in Shopify that the OMS cannot follow, because the units are packed.

    CANCEL_AFTER_PACK (orders.md 5.7): the item stays as it is and is delivered; Shopify holds nothing for it
    any more, and what it has put back on sale is taken off again by the next push (INV-41). Raises OrderError
    for more than is left of the item.
    """
    with conn.transaction():
        item = _lock_open_item(conn, order_id, seq, packed=True)
        _require_left(item, order_id, seq, quantity)
        _book_cancellation(conn, order_id, seq, item, quantity, restocked)
        _uncommit(conn, order_id, seq, min(quantity, item.committed))
        conn.execute(sql.keep_units, {"order_id": order_id, "seq": seq, "quantity": quantity})
        _note(conn, item.product_id, "kept")


def cancel_here(conn: Connection, order_id: int, seq: int, quantity: int, upload: bool) -> int:
    """Cancel units of an item by a decision of the OMS; return how many (0: it is cancelled already).

    upload: Shopify will be told, with restock; its act is booked now and taken back by `give_up_upload`.
    Otherwise Shopify's order stays open, and the units go on sale again with the next push. Units that
    Shopify had cancelled while they were packed (`keep`) go first: Shopify is not told of them. Raises
    OrderError for an item that is not open and for more than is open of it.
    """
    with conn.transaction():
        item = _lock_item(conn, order_id, seq)
        if item.status == "CANCELLED":
            return 0
        if item.status == "COMPLETED":
            raise OrderError(f"order {order_id} item {seq}: is COMPLETED, not open")
        _refuse_packed(order_id, seq, item)
        if not 0 < quantity <= item.open_quantity:
            raise OrderError(
                f"order {order_id} item {seq}: {quantity} to cancel, {item.open_quantity} are open"
            )
        followed = min(quantity, item.kept)
        conn.execute(sql.keep_units, {"order_id": order_id, "seq": seq, "quantity": -followed})
        units = min(quantity - followed, item.committed) if upload else 0
        if units:
            _book(conn, order_id, seq, "cancelled here", available=units)
        _cancel_units(conn, order_id, seq, item, quantity, units)
        return quantity


def give_up_upload(conn: Connection, order_id: int, seq: int, quantity: int) -> None:
    """Shopify will not be told of units that `cancel_here` has cancelled: its order stays open.

    Where the item has left the shelf, they will leave on_hand with its other units. Raises OrderError for
    more units than are cancelled.
    """
    with conn.transaction():
        item = _lock_item(conn, order_id, seq)
        if not 0 < quantity <= item.cancelled:
            raise OrderError(
                f"order {order_id} item {seq}: upload of {quantity} given up, {item.cancelled} are cancelled"
            )
        leaving = quantity if item.is_off_shelf else 0
        _book(conn, order_id, seq, "upload given up", available=-quantity, on_hand=-leaving)
        _uncommit(conn, order_id, seq, -quantity)
        _note(conn, item.product_id, "upload given up")


def hold_at(conn: Connection, order_id: int, seq: int, shopify_location_id: int) -> int:
    """Decide that Shopify is to hold the item's units at another location; return how many it concerns.

    The acts of moving its fulfilment order are booked now (orders.md 6.5, INV-49); on_hand moves with units
    that have left the shelf, whose fulfilment will come there. Who gives the move up calls this with the old
    location. Raises OrderError for an item of another channel or without location.
    """
    with conn.transaction():
        item = _lock_item(conn, order_id, seq)
        if item.shopify_location_id is None:
            raise OrderError(f"order {order_id} item {seq}: no Shopify location holds it")
        if item.shopify_location_id == shopify_location_id:
            return 0
        key = {"order_id": order_id, "seq": seq, "location": shopify_location_id}
        leaving = item.committed if item.is_off_shelf else 0
        _book(conn, order_id, seq, "moved away", available=item.committed, on_hand=leaving)
        conn.execute(sql.hold_at, key)
        _book(conn, order_id, seq, "moved here", available=-item.committed, on_hand=-leaving)
        _note(conn, item.product_id, "moved")
        return item.committed


def issue(conn: Connection, order_id: int, seq: int) -> int:
    """Take the reserved units of an item off the shelf although it stays open: it is packed; return how many.

    Neither reserved nor demand any more, they wait for `ship` (orders.md 13, model P). Raises OrderError for
    an item without a reservation.
    """
    with conn.transaction():
        item = _lock_item(conn, order_id, seq)
        if item.issued:
            return 0
        if not item.reserved:
            raise OrderError(f"order {order_id} item {seq}: has no reservation to issue")
        _enter(conn, order_id, seq, "issue", qoh=-item.reserved)
        conn.execute(sql.delete_reservation, {"order_id": order_id, "seq": seq})
        conn.execute(sql.set_issued, {"order_id": order_id, "seq": seq, "quantity": item.reserved})
        _book(conn, order_id, seq, "shipped", on_hand=-item.committed)
        _note(conn, item.product_id, "issued")
        return item.reserved


def take_back(conn: Connection, order_id: int, seq: int) -> int:
    """Put issued units back on the shelf, reserved as before; return how many."""
    with conn.transaction():
        item = _lock_item(conn, order_id, seq)
        if item.issued:
            key = {"order_id": order_id, "seq": seq, "quantity": item.issued}
            conn.execute(sql.reserve_again, key)
            _enter(conn, order_id, seq, "take back", qoh=item.issued)
            conn.execute(sql.set_issued, key | {"quantity": 0})
            _book(conn, order_id, seq, "taken back", on_hand=item.committed)
            _note(conn, item.product_id, "taken back")
        return item.issued


def ship(conn: Connection, order_id: int, seq: int) -> int:
    """Hand over the units of an item, which completes it; return how many left QOH now.

    Those that were issued when they were packed have left it before. Shopify still holds the units committed
    until `fulfilled` tells that it knows. Raises OrderError for an item without a reservation.
    """
    with conn.transaction():
        item = _lock_item(conn, order_id, seq)
        if item.status == "COMPLETED":
            return 0
        if not item.reserved and not item.issued:
            raise OrderError(f"order {order_id} item {seq}: has no reservation to ship from")
        if item.reserved:
            _enter(conn, order_id, seq, "ship", qoh=-item.reserved)
            conn.execute(sql.delete_reservation, {"order_id": order_id, "seq": seq})
            _book(conn, order_id, seq, "shipped", on_hand=-item.committed)
        conn.execute(sql.set_issued, {"order_id": order_id, "seq": seq, "quantity": 0})
        conn.execute(sql.complete_item, {"order_id": order_id, "seq": seq})
        conn.execute(sql.finish_order, {"order_id": order_id})
        _note(conn, item.product_id, "shipped")
        return item.reserved


def fulfilling(conn: Connection, order_id: int, seq: int) -> None:
    """We are about to tell Shopify that an item is fulfilled; to be committed before the call.

    Until `fulfilled` or `not_fulfilled` nobody can tell whether Shopify still holds the units.
    """
    with conn.transaction():
        _lock_item(conn, order_id, seq)
        conn.execute(sql.set_fulfilling, {"order_id": order_id, "seq": seq, "is_sent": True})
        _learn(conn, order_id, seq, "fulfilling")


def not_fulfilled(conn: Connection, order_id: int, seq: int) -> None:
    """Shopify has refused our fulfilment: it holds the units as before."""
    with conn.transaction():
        _lock_item(conn, order_id, seq)
        conn.execute(sql.set_fulfilling, {"order_id": order_id, "seq": seq, "is_sent": False})


def fulfilled(conn: Connection, order_id: int, seq: int) -> None:
    """Shopify has fulfilled the item, told by us (`fulfilling`) or by somebody else: it holds none of it."""
    with conn.transaction():
        item = _lock_item(conn, order_id, seq)
        if item.committed and not item.fulfilling:
            _learn(conn, order_id, seq, "fulfilled")
        if not item.is_off_shelf:
            _book(conn, order_id, seq, "fulfilled", on_hand=-item.committed)
        _uncommit(conn, order_id, seq, item.committed)
        conn.execute(sql.set_fulfilling, {"order_id": order_id, "seq": seq, "is_sent": False})
        _note(conn, item.product_id, "fulfilled")


def refunded(
    conn: Connection,
    order_id: int,
    seq: int,
    quantity: int,
    refund_id: str,
    shopify_location_id: int | None = None,
) -> bool:
    """Shopify has put delivered units back on sale with a refund; say whether that was news.

    Before or after the goods come in (`return_received`): the entry of each is its own. refund_id: unique in
    the shop for the line. shopify_location_id: where Shopify restocked them; None: where it held them.
    """
    with conn.transaction():
        item = _lock_item(conn, order_id, seq)
        key = {"order_id": order_id, "seq": seq, "quantity": quantity}
        key |= {"refund_id": refund_id, "location": shopify_location_id}
        if conn.execute(sql.book_refund, key).fetchone() is None:
            return False
        _learn(conn, order_id, seq, "refunded", shopify_location_id)
        _note(conn, item.product_id, "refunded")
        return True


def return_received(
    conn: Connection, order_id: int, seq: int, quantity: int, facility_id: str, return_id: str
) -> bool:
    """Put returned units, of a kit its components too, back in stock (RTN_ITM_RCPT); say if that was news.

    They go on sale with the next push, unless Shopify restocks them itself, which `refunded` books.
    return_id: unique for the line. Raises OrderError for a facility that holds no stock.
    """
    with conn.transaction():
        item = _lock_item(conn, order_id, seq)
        _require_physical(conn, facility_id)
        key = {"order_id": order_id, "seq": seq, "quantity": quantity, "facility_id": facility_id}
        key |= {"product_id": item.product_id, "return_id": return_id}
        conn.execute(sql.create_part_positions, key)
        return conn.execute(sql.receive_return, key).rowcount > 0


@dataclass(frozen=True)
class _Item:
    """An order item under lock, with its reservation."""

    product_id: int
    status: str
    open_quantity: int
    kept: int
    cancelled: int
    committed: int
    fulfilling: bool
    shopify_location_id: int | None
    reserved: int
    reserved_at: str | None
    issued: int
    packed_in: int | None

    @property
    def is_off_shelf(self) -> bool:
        """Whether its units have left QOH: the fulfilment of those that Shopify holds is booked."""
        return self.status == "COMPLETED" or self.issued > 0


def lock(conn: Connection, order_id: int) -> None:
    """Let other events of the order wait until the end of the transaction; before its items are locked."""
    conn.execute(sql.lock_order, {"order_id": order_id})


def _lock_item(conn: Connection, order_id: int, seq: int) -> _Item:
    lock(conn, order_id)
    conn.execute(sql.lock_item, {"order_id": order_id, "seq": seq})
    found = conn.execute(sql.read_item, {"order_id": order_id, "seq": seq}).fetchone()
    if found is None:
        raise OrderError(f"order {order_id} item {seq}: does not exist")
    return _Item(*found)


def _lock_open_item(conn: Connection, order_id: int, seq: int, *, packed: bool = False) -> _Item:
    item = _lock_item(conn, order_id, seq)
    if item.status not in ("CREATED", "APPROVED"):
        raise OrderError(f"order {order_id} item {seq}: is {item.status}, not open")
    if not packed:
        _refuse_packed(order_id, seq, item)
    return item


def _refuse_packed(order_id: int, seq: int, item: _Item) -> None:
    if item.packed_in is not None:
        raise PackedLocked(
            f"PACKED_LOCKED: order {order_id} item {seq} is packed in shipment {item.packed_in}"
        )


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


def _require_left(item: _Item, order_id: int, seq: int, quantity: int) -> None:
    left = item.open_quantity - item.kept
    if not 0 < quantity <= left:
        raise OrderError(f"order {order_id} item {seq}: {quantity} to cancel, {left} are open")


def _book_cancellation(
    conn: Connection, order_id: int, seq: int, item: _Item, quantity: int, restocked: bool
) -> None:
    """Book what a cancellation in Shopify did, of units that it held committed and of delivered ones.

    Of on_hand: only what comes back of delivered units and what is lost of committed ones; a fulfilment that
    was booked when the OMS shipped will not come any more.
    """
    held = min(quantity, item.committed)
    delivered = quantity - held
    moved = delivered if restocked else -held
    not_coming = held if item.is_off_shelf else 0
    available = quantity if restocked else 0
    _book(conn, order_id, seq, "cancelled", available=available, on_hand=moved + not_coming)
    if restocked and delivered:
        _learn(conn, order_id, seq, "refunded")
    if not restocked and held:
        _learn(conn, order_id, seq, "cancelled")


def _cancel_units(
    conn: Connection, order_id: int, seq: int, item: _Item, quantity: int, uncommitted: int
) -> None:
    if item.reserved:
        _enter(conn, order_id, seq, "cancel", atp=quantity)
        conn.execute(sql.shrink_reservation, {"order_id": order_id, "seq": seq, "quantity": quantity})
    conn.execute(sql.cancel_units, {"order_id": order_id, "seq": seq, "quantity": quantity})
    _uncommit(conn, order_id, seq, uncommitted)
    conn.execute(sql.finish_order, {"order_id": order_id})
    _note(conn, item.product_id, "cancelled")


def _uncommit(conn: Connection, order_id: int, seq: int, quantity: int) -> None:
    """Shopify holds fewer units as far as the OMS was told."""
    conn.execute(sql.uncommit_units, {"order_id": order_id, "seq": seq, "quantity": quantity})


def _book(
    conn: Connection, order_id: int, seq: int, event: str, *, available: int = 0, on_hand: int = 0
) -> None:
    """Book an act of Shopify: what it does to available and, where the book counts that, to on_hand."""
    values = {"order_id": order_id, "seq": seq, "event": event, "available": available, "on_hand": on_hand}
    if available or on_hand:
        conn.execute(sql.book_act, values)


def _learn(
    conn: Connection, order_id: int, seq: int, kind: str, shopify_location_id: int | None = None
) -> None:
    values = {"order_id": order_id, "seq": seq, "kind": kind, "location": shopify_location_id}
    conn.execute(sql.learn, values)


def _enter(conn: Connection, order_id: int, seq: int, event: str, *, atp: int = 0, qoh: int = 0) -> None:
    conn.execute(sql.enter_ledger, {"order_id": order_id, "seq": seq, "event": event, "atp": atp, "qoh": qoh})


def _move(conn: Connection, order_id: int, seq: int, facility_id: str) -> None:
    key = {"order_id": order_id, "seq": seq, "facility_id": facility_id}
    conn.execute(sql.create_ship_group, key)
    conn.execute(sql.move_item, key)


def _note(conn: Connection, product_id: int, event: str) -> None:
    conn.execute(sql.note_product, {"product_id": product_id, "cause": f"order item {event}"})

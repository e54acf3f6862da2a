"""Which facility holds the units of open items, and at which location Shopify holds them (orders.md 6.5)."""

from collections.abc import Sequence
from dataclasses import replace

from oms.books import acts
from oms.database import Connection, statements
from oms.inventory import reservations
from oms.orders import items
from oms.orders.items import Ask, Outcome

sql = statements(__file__)

BROKERING_QUEUE = "_NA_"


def reserve(conn: Connection, asks: Sequence[Ask]) -> Outcome:
    """Reserve the open units of items at the physical facility asked for each; an item so reserved stays so.

    The item moves to the ship group of that facility. Refused: UNKNOWN_ITEM, NOT_OPEN, PACKED_LOCKED,
    RESERVED_ELSEWHERE, UNKNOWN_FACILITY, VIRTUAL_FACILITY.
    """
    with conn.transaction():
        items.take(conn, asks)
        items.refuse_not_open(conn)
        conn.execute(sql.refuse_reserved)
        reservations.refuse_virtual(conn)
        conn.execute(sql.decide_to_reserve)
        reservations.hold(conn)
        reservations.enter(conn, "reserve")
        items.move(conn, "reserved")
        reservations.note(conn, "order item reserved")
        return items.outcome(conn)


def broker(conn: Connection, orders: Sequence[tuple[int, str]]) -> Outcome:
    """Reserve all open items of orders that are not reserved yet, of each order at one facility."""
    with conn.transaction():
        items.lock_orders(conn, [order_id for order_id, _ in orders])
        facilities = dict(orders)
        waiting = conn.execute(sql.items_to_broker, {"orders": list(facilities)}).fetchall()
        return reserve(conn, [Ask(order, seq, facility_id=facilities[order]) for order, seq in waiting])


def release(conn: Connection, asks: Sequence[Ask]) -> Outcome:
    """Give up the reservations of items, which then wait at the queue asked for, else at the brokering queue.

    Refused: UNKNOWN_ITEM, NOT_OPEN, PACKED_LOCKED.
    """
    with conn.transaction():
        items.take(conn, [replace(one, facility_id=one.facility_id or BROKERING_QUEUE) for one in asks])
        items.refuse_not_open(conn)
        conn.execute(sql.decide_to_release)
        reservations.find(conn)
        reservations.enter(conn, "release")
        reservations.drop(conn)
        items.move(conn, "released")
        reservations.note(conn, "order item released")
        return items.outcome(conn)


def hold_at(conn: Connection, asks: Sequence[Ask]) -> Outcome:
    """Decide that Shopify is to hold items at the location asked for; the units are those it holds.

    The acts of moving the fulfilment order are booked now (orders.md 6.5, INV-49); on_hand moves with units
    that have left the shelf, whose fulfilment will come there. Who gives the move up calls this with the old
    location. Refused: UNKNOWN_ITEM, NO_LOCATION.
    """
    with conn.transaction():
        items.take(conn, asks)
        conn.execute(sql.refuse_without_location)
        conn.execute(sql.decide_to_move_away)
        acts.book(conn, "moved away")
        conn.execute(sql.hold_at)
        conn.execute(sql.decide_to_move_here)
        acts.book(conn, "moved here")
        reservations.note(conn, "order item moved")
        return items.outcome(conn)

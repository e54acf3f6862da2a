"""Units leave the shelf, and Shopify learns of it (spec inventory.md 5.19, 6.7; orders.md 7.1, 13)."""

from collections.abc import Sequence

from oms.books import acts
from oms.database import Connection, statements
from oms.inventory import reservations
from oms.orders import items, states
from oms.orders.items import Ask, Outcome

sql = statements(__file__)


def issue(conn: Connection, asks: Sequence[Ask]) -> Outcome:
    """Take the reserved units of items off the shelf although they stay open: they are packed.

    Neither reserved nor demand any more, they wait for `ship` (orders.md 13, model P). Refused: UNKNOWN_ITEM,
    NO_RESERVATION.
    """
    with conn.transaction():
        items.take(conn, asks)
        conn.execute(sql.decide_to_issue)
        reservations.find(conn)
        reservations.enter(conn, "issue")
        reservations.drop(conn)
        items.change(conn)
        acts.book(conn, "shipped")
        reservations.note(conn, "order item issued")
        return items.outcome(conn)


def take_back(conn: Connection, asks: Sequence[Ask]) -> Outcome:
    """Put issued units back on the shelf, reserved as before. Refused: UNKNOWN_ITEM."""
    with conn.transaction():
        items.take(conn, asks)
        conn.execute(sql.decide_to_take_back)
        reservations.hold_again(conn)
        reservations.enter(conn, "take back")
        items.change(conn)
        acts.book(conn, "taken back")
        reservations.note(conn, "order item taken back")
        return items.outcome(conn)


def ship(conn: Connection, asks: Sequence[Ask]) -> Outcome:
    """Hand over the units of items, which completes them; the units are those that leave QOH now.

    Those that were issued when they were packed have left it before. Shopify still holds the units committed
    until `fulfilled` tells that it knows. Refused: UNKNOWN_ITEM, NO_RESERVATION.
    """
    with conn.transaction():
        items.take(conn, asks)
        conn.execute(sql.decide_to_ship)
        reservations.find(conn)
        reservations.enter(conn, "ship")
        reservations.drop(conn)
        acts.book(conn, "shipped")
        items.change(conn)
        states.complete(conn, "shipped")
        states.finish_orders(conn, "shipped")
        reservations.note(conn, "order item shipped")
        return items.outcome(conn)


def fulfilling(conn: Connection, asks: Sequence[Ask]) -> Outcome:
    """We are about to tell Shopify that items are fulfilled; to be committed before the call.

    Until `fulfilled` or `not_fulfilled` nobody can tell whether Shopify still holds the units.
    """
    with conn.transaction():
        items.take(conn, asks)
        conn.execute(sql.set_fulfilling, {"is_sent": True})
        conn.execute(sql.learn_of_fulfilling)
        acts.learn(conn)
        return items.outcome(conn)


def not_fulfilled(conn: Connection, asks: Sequence[Ask]) -> Outcome:
    """Shopify has refused our fulfilment: it holds the units as before."""
    with conn.transaction():
        items.take(conn, asks)
        conn.execute(sql.set_fulfilling, {"is_sent": False})
        return items.outcome(conn)


def fulfilled(conn: Connection, asks: Sequence[Ask]) -> Outcome:
    """Shopify has fulfilled items, told by us (`fulfilling`) or by somebody else: it holds none of them."""
    with conn.transaction():
        items.take(conn, asks)
        conn.execute(sql.decide_fulfilled)
        acts.learn(conn)
        acts.book(conn, "fulfilled")
        items.change(conn)
        conn.execute(sql.set_fulfilling, {"is_sent": False})
        reservations.note(conn, "order item fulfilled")
        return items.outcome(conn)

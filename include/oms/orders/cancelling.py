"""Units of items are cancelled, by Shopify or by us (spec orders.md 5.5, 5.7; inventory.md 6.7)."""

from collections.abc import Sequence

from oms.books import acts
from oms.database import Connection, statements
from oms.inventory import reservations
from oms.orders import items, states
from oms.orders.items import Ask, Outcome

sql = statements(__file__)


def cancel(conn: Connection, asks: Sequence[Ask], *, restocked: bool) -> Outcome:
    """Cancel the units asked for, as Shopify told; the units are those the OMS takes back.

    restocked: Shopify has put the units back on sale, which is booked, also where the OMS has shipped
    them already; otherwise the units the OMS releases go out with the next push. An item that the OMS has
    cancelled without telling Shopify is still held there, until Shopify tells of its own cancellation.
    Refused: UNKNOWN_ITEM, PACKED_LOCKED, NOT_SO_MANY.
    """
    with conn.transaction():
        items.take(conn, asks)
        items.refuse_packed(conn)
        items.refuse_more_than_left(conn)
        conn.execute(sql.decide_to_cancel, {"restocked": restocked})
        acts.book(conn, "cancelled")
        acts.learn(conn)
        _cancel_units(conn, "cancelled in Shopify")
        return items.outcome(conn)


def keep(conn: Connection, asks: Sequence[Ask], *, restocked: bool) -> Outcome:
    """Book cancellations in Shopify that the OMS cannot follow, because the units are packed.

    CANCEL_AFTER_PACK (orders.md 5.7): the item stays as it is and is delivered; Shopify holds nothing for it
    any more, and what it has put back on sale is taken off again by the next push (INV-41). Refused:
    UNKNOWN_ITEM, NOT_OPEN, NOT_SO_MANY.
    """
    with conn.transaction():
        items.take(conn, asks)
        items.refuse_not_open(conn, packed=True)
        items.refuse_more_than_left(conn)
        conn.execute(sql.decide_to_keep, {"restocked": restocked})
        acts.book(conn, "cancelled")
        acts.learn(conn)
        items.change(conn)
        reservations.note(conn, "order item kept")
        return items.outcome(conn)


def cancel_here(conn: Connection, asks: Sequence[Ask], *, upload: bool) -> Outcome:
    """Cancel the units asked for by a decision of the OMS; an item that is cancelled stays so.

    upload: Shopify will be told, with restock; its act is booked now and taken back by `give_up_upload`.
    Otherwise Shopify's order stays open, and the units go on sale again with the next push. Units that
    Shopify had cancelled while they were packed (`keep`) go first: Shopify is not told of them. Refused:
    UNKNOWN_ITEM, NOT_OPEN, PACKED_LOCKED, NOT_SO_MANY.
    """
    with conn.transaction():
        items.take(conn, asks)
        conn.execute(sql.refuse_cancelled)
        items.refuse_not_open(conn)
        conn.execute(sql.decide_to_cancel_here, {"upload": upload})
        acts.book(conn, "cancelled here")
        _cancel_units(conn, "cancelled here")
        return items.outcome(conn)


def give_up_upload(conn: Connection, asks: Sequence[Ask]) -> Outcome:
    """Shopify will not be told of units that `cancel_here` has cancelled: its order stays open.

    Where the item has left the shelf, they will leave on_hand with its other units. Refused: UNKNOWN_ITEM,
    NOT_SO_MANY.
    """
    with conn.transaction():
        items.take(conn, asks)
        conn.execute(sql.decide_to_give_up)
        acts.book(conn, "upload given up")
        items.change(conn)
        reservations.note(conn, "order item upload given up")
        return items.outcome(conn)


def _cancel_units(conn: Connection, cause: str) -> None:
    reservations.find(conn)
    reservations.enter(conn, "cancel")
    reservations.shrink(conn)
    items.change(conn)
    states.note_quantities(conn, cause)
    states.cancel(conn, cause)
    states.finish_orders(conn, cause)
    reservations.note(conn, "order item cancelled")

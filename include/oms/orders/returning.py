"""Delivered units come back: to Shopify's figures with a refund, to the shelf with the goods."""

from collections.abc import Sequence

from oms.books import acts
from oms.database import Connection, statements
from oms.inventory import reservations
from oms.orders import items
from oms.orders.items import Ask, Outcome

sql = statements(__file__)


def refunded(conn: Connection, asks: Sequence[Ask]) -> Outcome:
    """Shopify has put delivered units back on sale with refunds; the units are those of news.

    Before or after the goods come in (`return_received`): the entry of each is its own. key: the refund,
    unique in the shop for the line. shopify_location_id: where Shopify restocked; None: where it held them.
    Refused: UNKNOWN_ITEM.
    """
    with conn.transaction():
        items.take(conn, asks)
        acts.book_refunds(conn)
        conn.execute(sql.decide_refunded)
        acts.learn(conn)
        reservations.note(conn, "order item refunded")
        return items.outcome(conn)


def return_received(conn: Connection, asks: Sequence[Ask]) -> Outcome:
    """Put returned units, of a kit its components too, back in stock (RTN_ITM_RCPT); the units of news.

    They go on sale with the next push, unless Shopify restocks them itself, which `refunded` books. key: the
    return, unique for the line. Refused: UNKNOWN_ITEM, UNKNOWN_FACILITY, VIRTUAL_FACILITY.
    """
    with conn.transaction():
        items.take(conn, asks)
        reservations.refuse_virtual(conn)
        conn.execute(sql.decide_to_receive)
        reservations.receive_returns(conn)
        return items.outcome(conn)

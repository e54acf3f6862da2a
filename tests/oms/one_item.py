"""What can be done with an item of an order, one at a time: a set of one; a refusal is an error.

For tests, which follow one item through its life. The acts themselves are about sets (oms.orders).
"""

from collections.abc import Sequence

from oms.database import Connection
from oms.orders import cancelling, holding, leaving, returning, taking_in
from oms.orders.holding import BROKERING_QUEUE
from oms.orders.items import Ask
from oms.orders.taking_in import Line, MoreLines, NewOrder, State

__all__ = ["Line", "State"]


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
    order = NewOrder(shop_id, external_id, lines, facility_id, status, product_store_id)
    return taking_in.take_in(conn, [order]).or_raise()[0]


def add_lines(
    conn: Connection, order_id: int, lines: Sequence[Line], facility_id: str = BROKERING_QUEUE
) -> list[int]:
    return taking_in.add_lines(conn, [MoreLines(order_id, lines, facility_id)]).or_raise()[0]


def reserve(conn: Connection, order_id: int, seq: int, facility_id: str) -> int:
    return holding.reserve(conn, [Ask(order_id, seq, facility_id=facility_id)]).or_raise()


def broker(conn: Connection, order_id: int, facility_id: str) -> int:
    return holding.broker(conn, [(order_id, facility_id)]).or_raise()


def release(conn: Connection, order_id: int, seq: int, facility_id: str = BROKERING_QUEUE) -> int:
    return holding.release(conn, [Ask(order_id, seq, facility_id=facility_id)]).or_raise()


def hold_at(conn: Connection, order_id: int, seq: int, shopify_location_id: int) -> int:
    return holding.hold_at(conn, [Ask(order_id, seq, shopify_location_id=shopify_location_id)]).or_raise()


def issue(conn: Connection, order_id: int, seq: int) -> int:
    return leaving.issue(conn, [Ask(order_id, seq)]).or_raise()


def take_back(conn: Connection, order_id: int, seq: int) -> int:
    return leaving.take_back(conn, [Ask(order_id, seq)]).or_raise()


def ship(conn: Connection, order_id: int, seq: int) -> int:
    return leaving.ship(conn, [Ask(order_id, seq)]).or_raise()


def fulfilling(conn: Connection, order_id: int, seq: int) -> None:
    leaving.fulfilling(conn, [Ask(order_id, seq)]).or_raise()


def fulfilled(conn: Connection, order_id: int, seq: int) -> None:
    leaving.fulfilled(conn, [Ask(order_id, seq)]).or_raise()


def cancel(conn: Connection, order_id: int, seq: int, quantity: int, restocked: bool) -> int:
    return cancelling.cancel(conn, [Ask(order_id, seq, quantity)], restocked=restocked).or_raise()


def keep(conn: Connection, order_id: int, seq: int, quantity: int, restocked: bool) -> None:
    cancelling.keep(conn, [Ask(order_id, seq, quantity)], restocked=restocked).or_raise()


def cancel_here(conn: Connection, order_id: int, seq: int, quantity: int, upload: bool) -> int:
    return cancelling.cancel_here(conn, [Ask(order_id, seq, quantity)], upload=upload).or_raise()


def give_up_upload(conn: Connection, order_id: int, seq: int, quantity: int) -> None:
    cancelling.give_up_upload(conn, [Ask(order_id, seq, quantity)]).or_raise()


def refunded(
    conn: Connection,
    order_id: int,
    seq: int,
    quantity: int,
    refund_id: str,
    shopify_location_id: int | None = None,
) -> bool:
    ask = Ask(order_id, seq, quantity, shopify_location_id=shopify_location_id, key=refund_id)
    return returning.refunded(conn, [ask]).or_raise() > 0


def return_received(
    conn: Connection, order_id: int, seq: int, quantity: int, facility_id: str, return_id: str
) -> bool:
    ask = Ask(order_id, seq, quantity, facility_id=facility_id, key=return_id)
    return returning.return_received(conn, [ask]).or_raise() > 0

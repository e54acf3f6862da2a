"""Orders and their lines come in: demand, acts of Shopify, units sold at a till (orders.md 5.1)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from oms import act_set
from oms.books import acts
from oms.database import Connection, statements
from oms.inventory import reservations
from oms.orders import items, states
from oms.orders.errors import OrderError
from oms.orders.holding import BROKERING_QUEUE

sql = statements(__file__)

Became = TypeVar("Became")

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


@dataclass(frozen=True)
class NewOrder:
    """An order as its channel tells it; its open lines wait at a facility.

    shop_id None: of another channel, which has no level of Shopify to book at; its product_store_id may be
    left out where there is only one.
    """

    shop_id: str | None
    external_id: str
    lines: Sequence[Line]
    facility_id: str = BROKERING_QUEUE
    status: str = "APPROVED"
    product_store_id: str | None = None

    @property
    def key(self) -> tuple[str | None, str]:
        """What makes it the same order when it is told again."""
        return self.shop_id, self.external_id


@dataclass(frozen=True)
class MoreLines:
    """Lines to add to an order, or units to one of its lines (as a line of their own)."""

    order_id: int
    lines: Sequence[Line]
    facility_id: str = BROKERING_QUEUE


@dataclass(frozen=True)
class RefusedLines:
    """An order, or lines of one, that was not taken in: a code for programs, a sentence for people."""

    place: int
    code: str
    message: str


@dataclass(frozen=True)
class TakenIn(Generic[Became]):
    """For each order given, what became of it (None: refused); and why those were refused."""

    found: list[Became | None]
    refused: list[RefusedLines] = field(default_factory=list)

    def or_raise(self) -> list[Became]:
        """Return what became of the orders; raise OrderError for the first that was refused."""
        for one in self.refused:
            raise OrderError(one.message)
        return [one for one in self.found if one is not None]


@dataclass(frozen=True)
class _Wanted:
    """Lines that may become items of an order; its id is None as long as it is not created."""

    place: int
    name: str
    shop_id: str | None
    first: int
    lines: Sequence[Line]
    facility_id: str
    order_id: int | None = None

    @property
    def numbers(self) -> list[int]:
        return list(range(self.first, self.first + len(self.lines)))

    def facility_of(self, line: Line) -> str:
        return line.facility_id or self.facility_id


def take_in(conn: Connection, orders: Sequence[NewOrder]) -> TakenIn[int]:
    """Take orders in and return the order_id of each; one that is known already is left as it is.

    Refused, order by order: NO_LINES, UNKNOWN_STORE, SEVERAL_STORES, NO_LOCATION (a line of a shop's tracked
    product does not say where Shopify holds it), UNKNOWN_FACILITY, VIRTUAL_FACILITY (of units handed over).
    """
    with conn.transaction():
        refused = {place: why for place, one in enumerate(orders) if (why := _refuse_empty(place, one))}
        stores, storeless = _stores_of(conn, orders)
        refused = storeless | refused
        known = _find(conn, orders)
        wanted = [
            _Wanted(place, one.external_id, one.shop_id, 1, one.lines, one.facility_id)
            for place, one in enumerate(orders)
            if place not in refused and one.key not in known
        ]
        refused |= _refuse_lines(conn, wanted)
        news = sorted(
            {orders[one.place].key: one for one in wanted if one.place not in refused}.items(),
            key=lambda item: (item[0][0] or "", item[0][1]),
        )
        values = {
            "stores": [stores[one.place] for _, one in news],
            "shops": [shop_id for (shop_id, _), _ in news],
            "external_ids": [external_id for (_, external_id), _ in news],
            "states": [orders[one.place].status for _, one in news],
        }
        created = {(row[1], row[2]): row[0] for row in conn.execute(sql.create_orders, values)}
        _add(conn, [(created[key], one) for key, one in news if key in created])
        found = _find(conn, orders)
        ids = [None if place in refused else found[one.key] for place, one in enumerate(orders)]
        return TakenIn(ids, [refused[place] for place in sorted(refused)])


def add_lines(conn: Connection, additions: Sequence[MoreLines]) -> TakenIn[list[int]]:
    """Add lines to orders, each of which stands once in the set; return their numbers.

    A finished order takes money and notes only (orders.md 5.4): its open lines would be nobody's demand, and
    their units on sale again. Refused, order by order: UNKNOWN_ORDER, FINISHED, and as `take_in`.
    """
    with conn.transaction():
        items.lock_orders(conn, [one.order_id for one in additions])
        values = {"orders": [one.order_id for one in additions]}
        read = {row[0]: row[1:] for row in conn.execute(sql.read_orders, values)}
        wanted, refused = [], {}
        for place, one in enumerate(additions):
            name, shop_id, status, first = read.get(one.order_id, (None, None, None, 1))
            if name is None:
                why = ("UNKNOWN_ORDER", f"order {one.order_id}: does not exist")
                refused[place] = RefusedLines(place, *why)
            elif status in ("COMPLETED", "CANCELLED") and any(line.state == "OPEN" for line in one.lines):
                why = ("FINISHED", f"order {name}: is {status} and takes no open line")
                refused[place] = RefusedLines(place, *why)
            else:
                wanted.append(_Wanted(place, name, shop_id, first, one.lines, one.facility_id, one.order_id))
        refused |= _refuse_lines(conn, wanted)
        good = {one.place: one for one in wanted if one.place not in refused}
        _add(conn, [(one.order_id, one) for one in good.values()])
        numbers = [good[place].numbers if place in good else None for place in range(len(additions))]
        return TakenIn(numbers, [refused[place] for place in sorted(refused)])


def unknown(conn: Connection, shop_id: str, external_ids: Sequence[str]) -> list[str]:
    """Return those of a shop's orders that nobody has taken in, in the order given."""
    values = {"shop_id": shop_id, "numbers": list(external_ids)}
    return [number for (number,) in conn.execute(sql.unknown, values)]


def _refuse_empty(place: int, order: NewOrder) -> RefusedLines | None:
    if order.lines:
        return None
    return RefusedLines(place, "NO_LINES", f"order {order.external_id}: has no lines")


def _stores_of(
    conn: Connection, orders: Sequence[NewOrder]
) -> tuple[dict[int, str], dict[int, RefusedLines]]:
    """Return the product store of each order, and the orders of which it cannot be told."""
    channels = {(one.shop_id, one.product_store_id) for one in orders if one.lines}  # few
    candidates = {
        (shop_id, store): [
            name for (name,) in conn.execute(sql.product_stores, {"shop_id": shop_id, "store": store})
        ]
        for shop_id, store in channels
    }
    stores, refused = {}, {}
    for place, one in enumerate(orders):
        found = candidates.get((one.shop_id, one.product_store_id), [])
        if len(found) == 1:
            stores[place] = found[0]
            continue
        named = one.product_store_id or "of the order"
        wanted = f"shop {one.shop_id}" if one.shop_id else f"product store {named}"
        if found:
            why = ("SEVERAL_STORES", f"{wanted}: name one of several product stores")
        else:
            why = ("UNKNOWN_STORE", f"{wanted}: not known")
        refused[place] = RefusedLines(place, *why)
    return stores, refused


def _find(conn: Connection, orders: Sequence[NewOrder]) -> dict[tuple[str | None, str], int]:
    values = {
        "shops": [one.shop_id for one in orders],
        "external_ids": [one.external_id for one in orders],
    }
    return {(row[1], row[2]): row[0] for row in conn.execute(sql.find_orders, values)}


def _refuse_lines(conn: Connection, wanted: Sequence[_Wanted]) -> dict[int, RefusedLines]:
    """Return, by place, the orders whose lines cannot be booked, or were handed over where nothing lies."""
    lines = [(one, seq, line) for one in wanted for seq, line in zip(one.numbers, one.lines, strict=True)]
    values = {
        "places": [one.place for one, _, _ in lines],
        "numbers": [seq for _, seq, _ in lines],
        "names": [one.name for one, _, _ in lines],
        "shops": [one.shop_id for one, _, _ in lines],
        "products": [line.product_id for _, _, line in lines],
        "locations": [line.shopify_location_id for _, _, line in lines],
        "facilities": [one.facility_of(line) for one, _, line in lines],
        "states": [line.state for _, _, line in lines],
    }
    found = [RefusedLines(*row) for row in conn.execute(sql.refused_lines, values)]
    return {one.place: one for one in reversed(found)}


def _add(conn: Connection, wanted: Sequence[tuple[int, _Wanted]]) -> None:
    """Make the lines items of their orders, book what Shopify did with them, take what was handed over."""
    lines = [
        (order_id, seq, line, one.facility_of(line))
        for order_id, one in wanted
        for seq, line in zip(one.numbers, one.lines, strict=True)
    ]
    if not lines:
        return
    act_set.empty(conn)
    values = {
        "orders": [order_id for order_id, _, _, _ in lines],
        "numbers": [seq for _, seq, _, _ in lines],
        "facilities": [facility_id for _, _, _, facility_id in lines],
        "products": [line.product_id for _, _, line, _ in lines],
        "quantities": [line.quantity for _, _, line, _ in lines],
        "external_ids": [line.external_line_id for _, _, line, _ in lines],
        "locations": [line.shopify_location_id for _, _, line, _ in lines],
        "states": [line.state for _, _, line, _ in lines],
    }
    conn.execute(sql.decide, values)
    act_set.filled(conn, len(lines))
    items.create_ship_groups(conn)
    conn.execute(sql.create_items, values)
    acts.book_sales(conn)
    acts.learn(conn)
    states.finish_orders(conn, "order taken in")
    reservations.note(conn, "order taken in")
    if "HANDED_OVER" in values["states"]:
        conn.execute(sql.leave_others_alone, values)
        reservations.hand_over(conn)

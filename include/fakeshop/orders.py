"""What happens to orders and, through them, to stock (shopify.md 1.2, 5.2-5.4; row 54)."""

from decimal import Decimal
from typing import Any

from fakeshop.inventory import Plan, Row, apply
from fakeshop.nodes.base import Context
from fakeshop.nodes.orders import fulfillment_status, unfulfilled
from fakeshop.nodes.parts import line_by_id
from fakeshop.records import Location, Order, Product, Variant
from fakeshop.shop import Shop

Part = dict[str, Any]


class OrderRefused(ValueError):
    """The shop cannot do this with the order; the message says why."""


def place(ctx: Context, lines: list[dict[str, Any]], **given: Any) -> Order:
    """Place an order as a customer would: available −, committed + at the assigned locations.

    Each line names a ``sku``, ``variant`` or ``item`` (numbers), a ``quantity`` and, if wanted, ``location``
    (name or number) and ``price``. Raises OrderRefused for what is not there; nothing is changed then.
    """
    shop = ctx.shop
    if not lines:
        raise OrderRefused("an order needs at least one line")
    chosen = [(variant_of(shop, line), int(line.get("quantity", 1)), line) for line in lines]
    if any(quantity < 1 for _, quantity, _ in chosen):
        raise OrderRefused("the quantity of a line must be at least 1")
    routed = [location_for(shop, variant, quantity, line) for variant, quantity, line in chosen]
    now = shop.clock.now()
    given |= {"tags": sorted(given.get("tags", []), key=str.lower)}
    parts: list[Part] = []
    by_location: dict[int, list[Part]] = {}
    for (variant, quantity, line), location in zip(chosen, routed, strict=True):
        part = new_line(shop, variant, quantity, line)
        parts.append(part)
        by_location.setdefault(location, []).append(part)
    orders = [new_fulfillment_order(shop, number, mine, now) for number, mine in by_location.items()]
    order = Order(shop.new_id(), shop.next_order, now, now, shop.settings.currency, parts, orders, **given)
    shop.next_order += 1
    if order.financial_status == "PAID":
        total = sum((Decimal(part["price"]) * part["quantity"] for part in parts), Decimal(0))
        order.transactions.append(transaction(shop, "SALE", f"{total:.2f}"))
    move(ctx, order, "order", [
        (location, part, {"available": -part["quantity"], "committed": part["quantity"]})
        for location, mine in by_location.items()
        for part in mine
    ])  # fmt: skip
    shop.put(order)
    tell(ctx, order, "orders/create", *(["orders/paid"] if order.financial_status == "PAID" else []))
    return order


def variant_of(shop: Shop, line: dict[str, Any]) -> Variant:
    """Find the variant that a line names."""
    found = None
    if "sku" in line:
        found = next((one for one in shop.all(Variant).values() if one.sku == line["sku"]), None)
    elif "variant" in line:
        found = shop.get(Variant, int(line["variant"]))
    elif "item" in line:
        found = shop.by_item.get(int(line["item"]))
    if found is None:
        raise OrderRefused(f"no variant for line {line}")
    return found


def location_of(shop: Shop, given: int | str) -> Location:
    """Find a location by number or name."""
    text = str(given)
    found = shop.get(Location, int(text)) if text.isdecimal() else None
    found = found or next((one for one in shop.locations.values() if one.name == text), None)
    if found is None:
        raise OrderRefused(f"no location {given!r}")
    return found


def location_for(shop: Shop, variant: Variant, quantity: int, line: dict[str, Any]) -> int:
    """Assign a line: the location asked for, the first that has enough, the first that stocks it."""
    levels = shop.levels
    stocked = [row for row in levels.rows_of(variant.item) if levels.active[row]]
    if line.get("location") is not None:
        return location_of(shop, line["location"]).id
    if not stocked:
        raise OrderRefused(f"{variant.sku} is not stocked anywhere")
    enough = [row for row in stocked if levels.get(row, "available") >= quantity]
    return levels.location[(enough or stocked)[0]]


def new_line(shop: Shop, variant: Variant, quantity: int, line: dict[str, Any]) -> Part:
    """Build a line item."""
    return {
        "id": shop.new_id(),
        "variant": variant.id,
        "item": variant.item,
        "sku": variant.sku,
        "title": shop.get(Product, variant.product).title,
        "price": str(line.get("price", variant.price)),
        "quantity": quantity,
        "current_quantity": quantity,
        "fulfilled": 0,
        "returned": 0,
    }


def new_fulfillment_order(shop: Shop, location: int, lines: list[Part], now: int) -> Part:
    """Build the fulfilment order of a location."""
    return {
        "id": shop.new_id(),
        "location": location,
        "status": "OPEN",
        "request_status": "UNSUBMITTED",
        "created": now,
        "updated": now,
        "holds": [],
        "lines": [
            {
                "id": shop.new_id(),
                "line": line["id"],
                "total": line["quantity"],
                "remaining": line["quantity"],
            }
            for line in lines
        ],
    }


def transaction(shop: Shop, kind: str, amount: str) -> Part:
    """Build a payment or a refund of money."""
    return {
        "id": shop.new_id(),
        "kind": kind,
        "status": "SUCCESS",
        "gateway": "bogus",
        "amount": amount,
        "created": shop.clock.now(),
    }


def move(ctx: Context, order: Order, event: str, moves: list[tuple[int, Part, dict[str, int]]]) -> None:
    """Change quantities for lines at locations; items that are not tracked have none."""
    plan: Plan = []
    for location, line, deltas in moves:
        variant = ctx.shop.by_item[line["item"]]
        if not variant.tracked:
            continue
        row = ctx.shop.levels.row(location, line["item"])
        for name, delta in deltas.items():
            plan.append(Row(row, location, line["item"], name, delta, None))
    apply(ctx, event, plan, None, f"gid://shopify/Order/{order.id}")


def tell(ctx: Context, order: Order, *topics: str) -> None:
    """Note that the order changed, and announce it; topics of one action share an event id (row 133)."""
    order.updated = ctx.shop.clock.now()
    ctx.shop.put(order)
    for topic in topics:
        ctx.shop.announce(topic, order, ctx.event_id)


def settle(fulfillment_order: Part, now: int) -> None:
    """Set the status of a fulfilment order from what remains."""
    left = sum(line["remaining"] for line in fulfillment_order["lines"])
    total = sum(line["total"] for line in fulfillment_order["lines"])
    if left == 0:
        fulfillment_order["status"] = "CLOSED"
    elif left < total and fulfillment_order["status"] == "OPEN":
        fulfillment_order["status"] = "IN_PROGRESS"
    fulfillment_order["updated"] = now


def fulfil(
    ctx: Context,
    order: Order,
    wanted: list[tuple[Part, dict[int, int] | None]] | None = None,
    tracking: list[dict[str, Any]] | None = None,
) -> Part:
    """Ship fulfilment orders (all open ones by default; quantities by line id): committed −, on_hand −."""
    shop, now = ctx.shop, ctx.shop.clock.now()
    if wanted is None:
        wanted = [(one, None) for one in order.fulfillment_orders if one["status"] in ("OPEN", "IN_PROGRESS")]
    if not wanted:
        raise OrderRefused(f"order {order.name} has nothing left to ship")
    shipped: list[Part] = []
    moves = []
    for fulfillment_order, quantities in wanted:
        for part in fulfillment_order["lines"]:
            quantity = part["remaining"] if quantities is None else quantities.get(part["id"], 0)
            if not quantity:
                continue
            line = line_by_id(order, part["line"])
            part["remaining"] -= quantity
            line["fulfilled"] += quantity
            shipped.append({"id": shop.new_id(), "line": line["id"], "quantity": quantity})
            moves.append((fulfillment_order["location"], line, {"committed": -quantity}))
        settle(fulfillment_order, now)
    fulfillment = {
        "id": shop.new_id(),
        "name": f"{order.name}-F{len(order.fulfillments) + 1}",
        "status": "SUCCESS",
        "location": wanted[0][0]["location"],
        "fulfillment_orders": [one["id"] for one, _ in wanted],
        "created": now,
        "updated": now,
        "tracking": tracking or [],
        "lines": shipped,
    }
    order.fulfillments.append(fulfillment)
    move(ctx, order, "fulfillment", moves)
    if fulfillment_status(order) == "FULFILLED":
        order.closed = now
        tell(ctx, order, "fulfillments/create", "orders/fulfilled", "orders/updated")
    else:
        tell(ctx, order, "fulfillments/create", "orders/partially_fulfilled", "orders/updated")
    return fulfillment


def release(order: Order, line: Part, quantity: int, now: int) -> list[tuple[int, int]]:
    """Take unshipped units of a line out of its fulfilment orders; return (location, units)."""
    taken = []
    for fulfillment_order in order.fulfillment_orders:
        for part in fulfillment_order["lines"]:
            units = min(quantity, part["remaining"]) if part["line"] == line["id"] else 0
            if units:
                part["remaining"] -= units
                quantity -= units
                taken.append((fulfillment_order["location"], units))
                settle(fulfillment_order, now)
    return taken


def refund(
    ctx: Context,
    order: Order,
    lines: list[dict[str, Any]],
    amount: str = "0.00",
    note: str | None = None,
    tell_order: bool = True,
) -> Part:
    """Refund lines (``line``, ``quantity``, ``restock_type``, ``location``) and money; move the stock."""
    shop, now = ctx.shop, ctx.shop.clock.now()
    moves: list[tuple[int, Part, dict[str, int]]] = []
    parts = []
    for given in lines:
        line, quantity = line_by_id(order, given["line"]), given["quantity"]
        kind = given.get("restock_type", "NO_RESTOCK")
        location = given.get("location")
        if kind == "RETURN":
            moves.append((location, line, {"available": quantity}))
            line["returned"] += quantity
        else:
            open_units = min(quantity, unfulfilled(line))
            line["returned"] += quantity - open_units
            for place_, units in release(order, line, open_units, now):
                back = {"available": units} if kind == "CANCEL" else {}
                moves.append((place_, line, {"committed": -units} | back))
                location = location if location is not None else place_
        line["current_quantity"] -= quantity
        parts.append({
            "id": shop.new_id(),
            "line": line["id"],
            "quantity": quantity,
            "restock_type": kind,
            "location": location,
        })  # fmt: skip
    record = {"id": shop.new_id(), "created": now, "note": note, "amount": amount, "lines": parts}
    order.refunds.append(record)
    if Decimal(amount) > 0:
        order.transactions.append(transaction(shop, "REFUND", amount))
    move(ctx, order, "refund", moves)
    if tell_order:
        tell(ctx, order, "refunds/create", "orders/updated")
    return record


def cancel(
    ctx: Context,
    order: Order,
    *,
    restock: bool = True,
    reason: str = "CUSTOMER",
    refund_money: bool = False,
    staff_note: str | None = None,
) -> None:
    """Cancel an order: unshipped units leave committed and, with ``restock``, become available again."""
    if order.cancelled is not None:
        raise OrderRefused("Cannot cancel an order that has already been canceled")
    if any(one["status"] != "CANCELLED" for one in order.fulfillments):
        raise OrderRefused("Cannot cancel an order that has outstanding fulfillments")
    now = ctx.shop.clock.now()
    kind = "CANCEL" if restock else "NO_RESTOCK"
    lines = [
        {"line": line["id"], "quantity": unfulfilled(line), "restock_type": kind}
        for line in order.lines
        if unfulfilled(line)
    ]
    amount = sum(
        (Decimal(line["price"]) * unfulfilled(line) for line in order.lines if refund_money), Decimal(0)
    )
    if lines or amount:
        refund(ctx, order, lines, f"{amount:.2f}", tell_order=False)
    order.cancelled = order.closed = now
    order.cancel_reason, order.staff_note = reason, staff_note
    for fulfillment_order in order.fulfillment_orders:
        if fulfillment_order["status"] in ("OPEN", "IN_PROGRESS", "ON_HOLD"):
            fulfillment_order["status"] = "CLOSED"
    topics = ["refunds/create"] if lines or amount else []
    tell(ctx, order, *topics, "orders/cancelled", "orders/updated")

"""Fulfilments, and moving and holding fulfilment orders (shopify.md 5.4; rows 103-110)."""

from typing import Any

from fakeshop import orders
from fakeshop.errors import not_simulated, user_error
from fakeshop.gids import gid, number_of, parse
from fakeshop.mutations import Outcome, mutation, ref, wrong_type
from fakeshop.nodes.base import Context
from fakeshop.nodes.fulfillment import HOLDS_LIMIT
from fakeshop.nodes.parts import line_by_id
from fakeshop.records import Location, Order

Part = dict[str, Any]


class Refused(Exception):
    """The request is refused; carries the user error."""

    def __init__(self, field: list[str] | None, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.error = user_error(field, message, code)


def found(ctx: Context, id: str) -> tuple[Order, Part] | None:
    """Find a fulfilment order; an id that cannot be one is refused (row 105)."""
    parsed = parse(id)
    if parsed is None or parsed.type != "FulfillmentOrder" or not parsed.number:
        raise wrong_type(id)
    return ctx.shop.parts.get(("FulfillmentOrder", int(parsed.number)))


@mutation("fulfillmentCreate", "fulfillment")
def create(ctx: Context, fulfillment: dict[str, Any], message: str | None = None) -> Outcome:
    """Ship; not idempotent, a second identical call is refused because nothing remains (row 107)."""
    try:
        order, wanted = wanted_parts(ctx, fulfillment["lineItemsByFulfillmentOrder"])
    except Refused as refused:
        return {"fulfillment": None, "userErrors": [refused.error]}
    part = orders.fulfil(ctx, order, wanted, tracking_of(fulfillment.get("trackingInfo") or {}))
    return {"fulfillment": ref(gid("Fulfillment", part["id"])), "userErrors": []}


def wanted_parts(
    ctx: Context, given: list[dict[str, Any]]
) -> tuple[Order, list[tuple[Part, dict[int, int] | None]]]:
    """Check what is to be shipped; raises Refused."""
    orders_: list[int] = []
    wanted: list[tuple[Part, dict[int, int] | None]] = []
    order: Order | None = None
    for index, one in enumerate(given):
        _check_amounts(one.get("fulfillmentOrderLineItems") or [], index)
    for index, one in enumerate(given):
        entry = found(ctx, one["fulfillmentOrderId"])
        if entry is None:
            raise Refused(["fulfillment"], "Fulfillment order does not exist.")
        own, part = entry
        if part["status"] not in ("OPEN", "IN_PROGRESS"):
            status = part["status"].lower()
            raise Refused(
                ["fulfillment"], f"Fulfillment order {part['id']} has an unfulfillable status= {status}."
            )
        order = own
        orders_.append(own.id)
        wanted.append((part, quantities_of(part, one.get("fulfillmentOrderLineItems"), _path(index))))
    if order is None:
        raise Refused(["fulfillment"], "Fulfillment order does not exist.")
    _check_one("All fulfillment orders must belong to the same order. Multiple orders", orders_)
    places = [part["location"] for part, _ in wanted]
    _check_one("All fulfillment orders must be assigned to a single location. Multiple locations", places)
    return order, wanted


def _path(index: int) -> list[str]:
    return ["fulfillment", "lineItemsByFulfillmentOrder", str(index), "fulfillmentOrderLineItems"]


def _check_amounts(lines: list[dict[str, Any]], index: int) -> None:
    """Refuse quantities below 1; this comes before the question whether anything is there."""
    for number, line in enumerate(lines):
        if line["quantity"] < 1:
            raise Refused([*_path(index), str(number), "quantity"], "Quantity must be greater than 0")


def _check_one(what: str, numbers: list[int]) -> None:
    found = list(dict.fromkeys(numbers))
    if len(found) > 1:
        raise Refused(["fulfillment"], f"{what} with ids [{', '.join(map(str, found))}] were found.")


def quantities_of(part: Part, lines: list[dict[str, Any]] | None, path: list[str]) -> dict[int, int] | None:
    """Return the quantities by line id, None for everything; raises Refused (row 104)."""
    if not lines:
        return None
    remaining = {line["id"]: line["remaining"] for line in part["lines"]}
    quantities: dict[int, int] = {}
    for index, line in enumerate(lines):
        number = number_of(line["id"], "FulfillmentOrderLineItem")
        if number not in remaining:
            raise Refused(["fulfillment"], "Fulfillment order line item does not exist.")
        if line["quantity"] < 1:
            raise Refused([*path, str(index), "quantity"], "Quantity must be greater than 0")
        quantities[number] = quantities.get(number, 0) + line["quantity"]
        if quantities[number] > remaining[number]:
            raise Refused(["fulfillment"], "Invalid fulfillment order line item quantity requested.")
    return quantities


def tracking_of(given: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one entry for each parcel."""
    numbers = given.get("numbers") or ([given["number"]] if given.get("number") else [])
    urls = given.get("urls") or ([given["url"]] if given.get("url") else [])
    return [
        {"company": given.get("company"), "number": number, "url": urls[index] if index < len(urls) else None}
        for index, number in enumerate(numbers)
    ]


@mutation("fulfillmentOrderHold", "fulfillmentHold", "fulfillmentOrder", "remainingFulfillmentOrder")
def hold(ctx: Context, id: str, fulfillmentHold: dict[str, Any]) -> Outcome:
    """Put a fulfilment order on hold (row 109)."""
    nothing: Outcome = {"fulfillmentHold": None, "fulfillmentOrder": None, "remainingFulfillmentOrder": None}
    if fulfillmentHold.get("fulfillmentOrderLineItems"):
        raise not_simulated("FulfillmentOrderHoldInput.fulfillmentOrderLineItems")
    entry = found(ctx, id)
    if entry is None:
        error = user_error(["id"], "Fulfillment order does not exist.", "FULFILLMENT_ORDER_NOT_FOUND")
        return nothing | {"userErrors": [error]}
    order, part = entry
    mine = [one for one in part["holds"] if one["app"] == ctx.app.id]
    handle = fulfillmentHold.get("handle") or ""
    if any(one["handle"] == handle for one in mine):
        message = "The handle provided for the fulfillment hold is already in use by this app."
        error = user_error(["fulfillmentHold", "handle"], message, "DUPLICATE_FULFILLMENT_HOLD_HANDLE")
        return nothing | {"userErrors": [error]}
    if len(mine) >= HOLDS_LIMIT:
        message = "The maximum number of fulfillment holds for this fulfillment order has been reached."
        error = user_error(["id"], message, "FULFILLMENT_ORDER_HOLD_LIMIT_REACHED")
        return nothing | {"userErrors": [error]}
    new = {
        "id": ctx.shop.new_id(),
        "app": ctx.app.id,
        "reason": fulfillmentHold["reason"],
        "reason_notes": fulfillmentHold.get("reasonNotes"),
        "handle": handle,
    }
    part["holds"].append(new)
    part["status"] = "ON_HOLD"
    changed(ctx, order, part, "fulfillment_orders/placed_on_hold")
    return nothing | {
        "fulfillmentHold": ref(gid("FulfillmentHold", new["id"])),
        "fulfillmentOrder": ref(id),
        "userErrors": [],
    }


def changed(ctx: Context, order: Order, part: Part, topic: str) -> None:
    """Keep a changed fulfilment order and announce it; the order's own time stays (open question 7)."""
    part["updated"] = ctx.shop.clock.now()
    ctx.shop.put(order)
    ctx.shop.announce(topic, part, ctx.event_id)


@mutation("fulfillmentOrderReleaseHold", "fulfillmentOrder")
def release(
    ctx: Context, id: str, holdIds: list[str] | None = None, externalId: str | None = None
) -> Outcome:
    """Release holds; without ``holdIds`` all of them (row 110)."""
    entry = found(ctx, id)
    if entry is None:
        error = user_error(["id"], "Fulfillment order does not exist.", "FULFILLMENT_ORDER_NOT_FOUND")
        return {"fulfillmentOrder": None, "userErrors": [error]}
    order, part = entry
    gone = None if holdIds is None else {number_of(one, "FulfillmentHold") for one in holdIds}
    part["holds"] = [] if gone is None else [one for one in part["holds"] if one["id"] not in gone]
    if not part["holds"] and part["status"] == "ON_HOLD":
        part["status"] = "OPEN"
        orders.settle(part, ctx.shop.clock.now())
    changed(ctx, order, part, "fulfillment_orders/hold_released")
    return {"fulfillmentOrder": ref(id), "userErrors": []}


@mutation(
    "fulfillmentOrderMove", "movedFulfillmentOrder", "originalFulfillmentOrder", "remainingFulfillmentOrder"
)
def move(
    ctx: Context, id: str, newLocationId: str, fulfillmentOrderLineItems: list[dict[str, Any]] | None = None
) -> Outcome:
    """Move a fulfilment order, or some of its lines, to another location, with its stock (row 108)."""
    nothing: Outcome = dict.fromkeys(
        ("movedFulfillmentOrder", "originalFulfillmentOrder", "remainingFulfillmentOrder")
    )
    entry = found(ctx, id)
    if entry is None:
        return nothing | {"userErrors": [user_error(["id"], "Fulfillment order does not exist.")]}
    order, part = entry
    location = ctx.shop.get(Location, number_of(newLocationId, "Location"))
    if location is None or not location.active:
        return nothing | {"userErrors": [user_error(["id"], "Location not found.")]}
    if part["status"] in ("CLOSED", "CANCELLED"):
        return nothing | {"userErrors": [user_error(None, "Cannot change location.")]}
    if part["status"] == "IN_PROGRESS":
        code = "CANNOT_MOVE_FULFILLMENT_ORDER_WITH_REPORTED_PROGRESS"
        message = "Cannot move a fulfillment order that has had progress reported."
        return nothing | {"userErrors": [user_error(["id"], message, code)]}
    try:
        quantities = quantities_of(part, fulfillmentOrderLineItems, ["fulfillmentOrderLineItems"])
    except Refused as refused:
        return nothing | {"userErrors": [refused.error]}
    old = part["location"]
    moved, units = moved_part(ctx, order, part, location.id, quantities)
    moves = []
    for line, quantity in units:
        moves.append((old, line, {"committed": -quantity, "available": quantity}))
        moves.append((location.id, line, {"committed": quantity, "available": -quantity}))
    orders.move(ctx, order, "fulfillment_order_move", moves)
    changed(ctx, order, moved, "fulfillment_orders/moved")
    remaining = None if moved is part else ref(id)
    return {
        "movedFulfillmentOrder": ref(gid("FulfillmentOrder", moved["id"])),
        "originalFulfillmentOrder": ref(id),
        "remainingFulfillmentOrder": remaining,
        "userErrors": [],
    }


def moved_part(
    ctx: Context, order: Order, part: Part, location: int, quantities: dict[int, int] | None
) -> tuple[Part, list[tuple[Part, int]]]:
    """Return the fulfilment order at the new location, and the lines with their units that went there."""
    remaining = {line["id"]: line["remaining"] for line in part["lines"]}
    if quantities is None or quantities == {number: units for number, units in remaining.items() if units}:
        part["location"] = location
        return part, [(line_by_id(order, line["line"]), line["remaining"]) for line in part["lines"]]
    now = ctx.shop.clock.now()
    units = []
    lines = []
    for line in part["lines"]:
        quantity = quantities.get(line["id"], 0)
        if not quantity:
            continue
        line["remaining"] -= quantity
        line["total"] -= quantity
        own = line_by_id(order, line["line"])
        units.append((own, quantity))
        lines.append({"id": ctx.shop.new_id(), "line": own["id"], "total": quantity, "remaining": quantity})
    part["lines"] = [line for line in part["lines"] if line["total"]]
    part["updated"] = now
    new = {
        **part,
        "id": ctx.shop.new_id(),
        "location": location,
        "status": "OPEN",
        "created": now,
        "holds": [],
        "lines": lines,
    }
    order.fulfillment_orders.append(new)
    return new, units

"""What happens to returns: asked for, approved, goods dealt with, closed (shopify.md 5.5; rows 118, 119)."""

from typing import Any

from fakeshop.nodes.base import Context
from fakeshop.nodes.parts import line_by_id
from fakeshop.nodes.returns import disposed_of
from fakeshop.orders import move, tell
from fakeshop.records import Order
from fakeshop.shop import Shop

Part = dict[str, Any]


class Refused(ValueError):
    """The return is not in a state for this, or what is named is not there; `code` as Shopify has it."""

    def __init__(self, field: list[str], message: str, code: str) -> None:
        super().__init__(message)
        self.field, self.code = field, code


def ask(ctx: Context, order: Order, lines: list[Part], path: list[str], *, approved: bool) -> Part:
    """Begin a return of shipped units; a line: `fulfillment_line` (number), `quantity`, reason and notes.

    `path` is where the lines stand in the request, `approved` whether nobody need agree to it any more.

    Raises Refused for lines that were not shipped or are in other returns already.
    """
    shop, now = ctx.shop, ctx.shop.clock.now()
    for index, line in enumerate(lines):
        _check_reason([*path, str(index)], line, approved)
        _check(order, [*path, str(index)], lines[:index], line)
    part: Part = {
        "id": shop.new_id(),
        "name": f"{order.name}-R{len(order.returns) + 1}",
        "status": "REQUESTED",
        "created": now,
        "approved": None,
        "closed": None,
        "lines": [{"id": shop.new_id()} | line for line in lines],
        "reverse": [],
    }
    order.returns.append(part)
    if approved:
        _open(shop, part)
    _tell(ctx, order, part, "returns/approve" if approved else "returns/request")
    return part


def _check_reason(path: list[str], line: Part, approved: bool) -> None:
    if line["return_reason"] is None:
        if not approved:
            raise Refused([*path, "returnReason"], "Return reason can't be blank", "BLANK")
        message = "Return line items Either return reason or return reason definition must be provided"
        raise Refused(path, message, "NOT_FOUND")
    if approved and line["return_reason"] == "OTHER" and not line["return_reason_note"]:
        raise Refused([*path, "returnReasonNote"], "Return reason note can't be blank", "BLANK")


def _check(order: Order, path: list[str], before: list[Part], line: Part) -> None:
    shipped = {one["id"]: one["quantity"] for parcel in order.fulfillments for one in parcel["lines"]}
    number = line["fulfillment_line"]
    if number not in shipped:
        raise Refused([*path, "fulfillmentLineItemId"], "Fulfillment Line Item was not found.", "NOT_FOUND")
    coming_back = sum(
        other["quantity"]
        for part in order.returns
        if part["status"] not in ("DECLINED", "CANCELED")
        for other in part["lines"]
        if other["fulfillment_line"] == number
    ) + sum(other["quantity"] for other in before if other["fulfillment_line"] == number)
    if not 0 < line["quantity"] <= shipped[number] - coming_back:
        message = "Return line item has an invalid quantity."
        raise Refused([*path, "quantity"], message, "INVALID")


def _open(shop: Shop, part: Part) -> None:
    part["status"], part["approved"] = "OPEN", shop.clock.now()
    lines = [
        {
            "id": shop.new_id(),
            "fulfillment_line": line["fulfillment_line"],
            "total": line["quantity"],
            "dispositions": [],
        }
        for line in part["lines"]
    ]
    part["reverse"].append({"id": shop.new_id(), "lines": lines})


def _tell(ctx: Context, order: Order, part: Part, topic: str) -> None:
    ctx.shop.announce(topic, (order, part), ctx.event_id)
    tell(ctx, order, "orders/updated")


def approve(ctx: Context, order: Order, part: Part) -> None:
    """Agree to a return that was asked for; its goods may come."""
    if part["status"] != "REQUESTED":
        message = "Return is not approvable. Only returns with status REQUESTED can be approved."
        raise Refused(["input", "id"], message, "INVALID_STATE")
    _open(ctx.shop, part)
    _tell(ctx, order, part, "returns/approve")


def close(ctx: Context, order: Order, part: Part) -> None:
    """End an open return; one that has ended stays as it is."""
    if part["status"] == "CLOSED":
        return
    if part["status"] != "OPEN":
        raise Refused(["id"], "Return status is invalid.", "INVALID_STATE")
    part["status"], part["closed"] = "CLOSED", ctx.shop.clock.now()
    _tell(ctx, order, part, "returns/close")


def reverse_of(order: Order, line: Part) -> int:
    """Return the number of the reverse fulfilment order that a line belongs to."""
    wholes = (one for part in order.returns for one in part["reverse"])
    return next(one["id"] for one in wholes if any(own is line for own in one["lines"]))


def dispose(ctx: Context, order: Order, given: list[tuple[Part, int, str, int | None]]) -> None:
    """Deal with goods that came: (line, units, type, location); RESTOCKED raises available there.

    Raises Refused, and changes nothing, where more comes than was announced or a location is missing.
    """
    coming: dict[int, int] = {}
    for index, (line, quantity, kind, location) in enumerate(given):
        path = ["dispositionInputs", str(index)]
        coming[line["id"]] = coming.get(line["id"], 0) + quantity
        if quantity < 1 or disposed_of(line) + coming[line["id"]] > line["total"]:
            raise Refused([*path, "quantity"], "Quantity is more than is left to dispose", "INVALID")
        if kind == "RESTOCKED" and location is None:
            raise Refused([*path, "locationId"], "Location can't be blank", "BLANK")
    parcels = {one["id"]: one["line"] for parcel in order.fulfillments for one in parcel["lines"]}
    moves = []
    for line, quantity, kind, location in given:
        disposition = {"type": kind, "quantity": quantity, "location": location}
        line["dispositions"].append({"id": ctx.shop.new_id(), "created": ctx.shop.clock.now()} | disposition)
        if kind == "RESTOCKED" and location is not None:
            item = line_by_id(order, parcels[line["fulfillment_line"]])
            moves.append((location, item, {"available": quantity}))
    move(ctx, order, "restock", moves)
    tell(ctx, order, "orders/updated")

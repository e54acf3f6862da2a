"""Returns (shopify.md 5.5; rows 118, 119). None of them takes an idempotency key."""

from typing import Any

from fakeshop import returns
from fakeshop.errors import not_simulated, user_error
from fakeshop.gids import gid, number_of, parse
from fakeshop.mutations import Outcome, mutation, ref, wrong_type
from fakeshop.mutations.orders import order_of
from fakeshop.nodes.base import Context
from fakeshop.records import Location, Order
from fakeshop.returns import Refused


def refused(result: str, error: Refused) -> Outcome:
    """Answer without a result."""
    return {result: None, "userErrors": [user_error(error.field, str(error), error.code)]}


@mutation("returnRequest", "return")
def request(ctx: Context, input: dict[str, Any]) -> Outcome:
    """Ask for a return."""
    return ask(ctx, "input", input, approved=False)


@mutation("returnCreate", "return")
def create(ctx: Context, returnInput: dict[str, Any]) -> Outcome:
    """Begin a return that needs no approval."""
    return ask(ctx, "returnInput", returnInput, approved=True)


def ask(ctx: Context, argument: str, given: dict[str, Any], *, approved: bool) -> Outcome:
    """Make a return of what was given."""
    strange = {name for name, value in given.items() if value} - {
        "orderId",
        "returnLineItems",
        "notifyCustomer",
    }
    if strange:
        raise not_simulated(f"{argument}.{min(strange)}")
    order = order_of(ctx, given["orderId"])
    try:
        if order is None:
            raise Refused([argument, "orderId"], "Order does not exist", "NOT_FOUND")
        lines = [line_of(one) for one in given["returnLineItems"]]
        part = returns.ask(ctx, order, lines, [argument, "returnLineItems"], approved=approved)
    except Refused as error:
        return refused("return", error)
    return {"return": ref(gid("Return", part["id"])), "userErrors": []}


def line_of(given: dict[str, Any]) -> dict[str, Any]:
    """Return a line as it is kept; what cannot be kept is refused."""
    for name in ("returnReasonDefinitionId", "restockingFee"):
        if given.get(name) is not None:
            raise not_simulated(f"A return line with {name}")
    return {
        "fulfillment_line": number_of(given["fulfillmentLineItemId"], "FulfillmentLineItem"),
        "quantity": given["quantity"],
        "return_reason": given.get("returnReason"),
        "return_reason_note": given.get("returnReasonNote") or "",
        "customer_note": given.get("customerNote"),
    }


def found(ctx: Context, id: str, kind: str) -> tuple[Order, dict[str, Any]] | None:
    """Find a part of a return; an id of another type is refused."""
    parsed = parse(id)
    if parsed is None or parsed.type != kind:
        raise wrong_type(id)
    return ctx.shop.parts.get((kind, int(parsed.number)))


@mutation("returnApproveRequest", "return")
def approve(ctx: Context, input: dict[str, Any]) -> Outcome:
    """Agree to a return; a second time it is in another state (row 118)."""
    return act(ctx, input["id"], ["input", "id"], returns.approve)


@mutation("returnClose", "return")
def close(ctx: Context, id: str) -> Outcome:
    """End a return; a second time nothing happens (row 118)."""
    return act(ctx, id, ["id"], returns.close)


def act(ctx: Context, id: str, field: list[str], do: Any) -> Outcome:
    """Do something with a return."""
    entry = found(ctx, id, "Return")
    try:
        if entry is None:
            raise Refused(field, "Return not found.", "NOT_FOUND")
        do(ctx, *entry)
    except Refused as error:
        return refused("return", error)
    return {"return": ref(id), "userErrors": []}


@mutation("reverseFulfillmentOrderDispose", "reverseFulfillmentOrderLineItems")
def dispose(ctx: Context, dispositionInputs: list[dict[str, Any]]) -> Outcome:
    """Deal with goods that came back, all or nothing (row 119)."""
    result, kind = "reverseFulfillmentOrderLineItems", "ReverseFulfillmentOrderLineItem"
    wanted, orders, wholes = [], [], set()
    try:
        if not dispositionInputs:
            raise Refused(["dispositionInputs"], "The array cannot be empty.", "BLANK")
        for index, one in enumerate(dispositionInputs):
            path = ["dispositionInputs", str(index)]
            entry = found(ctx, one["reverseFulfillmentOrderLineItemId"], kind)
            if entry is None:
                message = "Reverse fulfillment order line item does not exist"
                raise Refused([*path, "reverseFulfillmentOrderLineItemId"], message, "NOT_FOUND")
            location = number_of(one.get("locationId") or "", "Location")
            if location is not None and ctx.shop.get(Location, location) is None:
                raise Refused([*path, "locationId"], "Location does not exist", "NOT_FOUND")
            orders.append(entry[0])
            wholes.add(returns.reverse_of(*entry))
            wanted.append((entry[1], one["quantity"], one["dispositionType"], location))
        if len(wholes) > 1:
            message = "Cannot dispose items from more than one reverse fulfillment order."
            raise Refused(["dispositionInputs"], message, "INVALID")
        returns.dispose(ctx, orders[0], wanted)
    except Refused as error:
        return refused(result, error)
    lines = [ref(gid(kind, line["id"])) for line, *_ in wanted]
    return {result: lines, "userErrors": []}

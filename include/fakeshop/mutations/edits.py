"""Order edits (shopify.md 5.3; row 121)."""

from typing import Any

from fakeshop import edits
from fakeshop.errors import not_simulated, user_error
from fakeshop.gids import gid, number_of, parse
from fakeshop.mutations import Outcome, mutation, ref, wrong_type
from fakeshop.mutations.orders import order_of
from fakeshop.nodes.base import Context
from fakeshop.nodes.parts import line_by_id
from fakeshop.records import Order

BEGUN: Outcome = {"calculatedOrder": None, "orderEditSession": None}
STAGED: Outcome = {"calculatedOrder": None, "calculatedLineItem": None, "orderEditSession": None}


@mutation("orderEditBegin", *BEGUN)
def begin(ctx: Context, id: str) -> Outcome:
    """Begin an edit of an order."""
    order = order_of(ctx, id)
    if order is None:
        return BEGUN | {"userErrors": [user_error(["id"], "The order does not exist.")]}
    if order.cancelled is not None:
        return BEGUN | {"userErrors": [user_error(None, "The order cannot be edited.")]}
    part = edits.begin(ctx, order)
    return {"calculatedOrder": ref(gid("CalculatedOrder", part["id"])), "userErrors": []}


def session(ctx: Context, id: str) -> tuple[Order, dict[str, Any]] | None:
    """Find an edit under way; an id of another type is refused."""
    parsed = parse(id)
    if parsed is None or parsed.type != "CalculatedOrder":
        raise wrong_type(id)
    entry = ctx.shop.parts.get(("CalculatedOrder", int(parsed.number)))
    return None if entry is None or entry[1]["committed"] else entry


@mutation("orderEditSetQuantity", *STAGED)
def set_quantity(
    ctx: Context, id: str, lineItemId: str, quantity: int, restock: bool | None = None, **others: Any
) -> Outcome:
    """Stage a smaller quantity of a line."""
    if others:
        raise not_simulated(f"orderEditSetQuantity({min(others)})")
    entry = session(ctx, id)
    if entry is None:
        return STAGED | {"userErrors": [user_error(["id"], "The calculated order does not exist.")]}
    order, part = entry
    number = number_of(lineItemId, "CalculatedLineItem")
    staged = next((line for line in part["lines"] if line["id"] == number), None)
    if staged is None:
        return STAGED | {
            "userErrors": [user_error(["lineItemId"], "The line item does not exist on the order.")]
        }
    if quantity < 0:
        message = "must be greater than or equal to 0"
        return STAGED | {"userErrors": [user_error(["quantity"], message)]}
    if quantity > line_by_id(order, staged["line"])["current_quantity"]:
        raise not_simulated("Adding units to an order")
    if quantity < edits.least(order, staged):
        message = "Quantity must not be less than what is fulfilled."
        return STAGED | {"userErrors": [user_error(["quantity"], message)]}
    staged |= {"quantity": quantity, "restock": bool(restock)}
    ctx.shop.put(order)
    return {
        "calculatedOrder": ref(id),
        "calculatedLineItem": ref(gid("CalculatedLineItem", staged["id"])),
        "userErrors": [],
    }


@mutation("orderEditCommit", "order", "successMessages")
def commit(
    ctx: Context, id: str, notifyCustomer: bool | None = None, staffNote: str | None = None
) -> Outcome:
    """Make the staged changes."""
    entry = session(ctx, id)
    if entry is None:
        error = user_error(["id"], "The calculated order does not exist.")
        return {"order": None, "successMessages": None, "userErrors": [error]}
    order, part = entry
    if not edits.changes(order, part):
        error = user_error(["id"], "There must be at least one change to be made.")
        return {"order": None, "successMessages": None, "userErrors": [error]}
    edits.commit(ctx, order, part, notify=bool(notifyCustomer), note=staffNote)
    return {"order": ref(gid("Order", order.id)), "successMessages": ["Order updated"], "userErrors": []}

"""Edits of orders: units leave an order before they are shipped (shopify.md 5.3; row 121)."""

from typing import Any

from fakeshop.nodes.base import Context
from fakeshop.nodes.orders import unfulfilled
from fakeshop.nodes.parts import line_by_id
from fakeshop.orders import move, release, tell
from fakeshop.records import Order

Part = dict[str, Any]


def begin(ctx: Context, order: Order) -> Part:
    """Begin an edit; nothing happens to the order before it is committed."""
    lines = [
        {"id": ctx.shop.new_id(), "line": line["id"], "quantity": line["current_quantity"], "restock": False}
        for line in order.lines
    ]
    part: Part = {
        "id": ctx.shop.new_id(),
        "created": ctx.shop.clock.now(),
        "committed": False,
        "lines": lines,
        "removals": [],
        "notify": False,
        "note": None,
    }
    order.edits.append(part)
    ctx.shop.put(order)
    return part


def least(order: Order, staged: Part) -> int:
    """Units of a line that are shipped and cannot be taken out of the order."""
    line = line_by_id(order, staged["line"])
    return line["current_quantity"] - unfulfilled(line)


def changes(order: Order, part: Part) -> bool:
    """Say whether anything is staged."""
    return any(one["quantity"] != line_by_id(order, one["line"])["current_quantity"] for one in part["lines"])


def commit(ctx: Context, order: Order, part: Part, *, notify: bool, note: str | None) -> None:
    """Take the removed units out: committed −, and available + where they are restocked."""
    moves = []
    for staged in part["lines"]:
        line = line_by_id(order, staged["line"])
        gone = line["current_quantity"] - staged["quantity"]
        if gone <= 0:
            continue
        for location, units in release(order, line, gone, ctx.shop.clock.now()):
            back = {"available": units} if staged["restock"] else {}
            moves.append((location, line, {"committed": -units} | back))
        line["current_quantity"] -= gone
        part["removals"].append({"id": line["id"], "delta": gone})
    part |= {"committed": True, "notify": notify, "note": note}
    order.edited = order.edited or bool(part["removals"])
    move(ctx, order, "edit", moves)
    ctx.shop.announce("orders/edited", (order, part), ctx.event_id)
    tell(ctx, order, "orders/updated")

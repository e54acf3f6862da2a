"""What stands inside orders: dictionaries, shown together with the order they belong to."""

from typing import Any

from fakeshop.gids import gid
from fakeshop.nodes.base import Context, Node, connection
from fakeshop.records import Order


class PartNode(Node):
    """A nested part of an order: ``it`` is the part."""

    __slots__ = ("order_record",)

    def __init__(self, ctx: Context, order: Order, part: dict[str, Any]) -> None:
        super().__init__(ctx, part)
        self.order_record = order

    def id(self) -> str:
        return gid(self.TYPE, self.it["id"])


class PartOfOrderNode(PartNode):
    """A part that leads back to its order."""

    def order(self) -> Node:
        return Node.CLASSES["Order"](self.ctx, self.order_record)


class PartOfLineNode(PartNode):
    """A part that is about a line of the order."""

    def lineItem(self) -> Node:
        line = line_by_id(self.order_record, self.it["line"])
        return Node.CLASSES["LineItem"](self.ctx, self.order_record, line)


def line_by_id(order: Order, number: int) -> dict[str, Any]:
    """Find a line."""
    return next(line for line in order.lines if line["id"] == number)


def part_connection(
    ctx: Context, order: Order, kind: type[PartNode], parts: list[dict[str, Any]], args: dict[str, Any]
) -> Any:
    """Build a connection over nested parts."""
    by_id = {part["id"]: part for part in parts}
    return connection(ctx, sorted(by_id), args, lambda number: kind(ctx, order, by_id[number]))

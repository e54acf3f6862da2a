"""Returns and the goods that come back with them."""

from typing import Any

from fakeshop.clock import iso
from fakeshop.nodes.base import connection
from fakeshop.nodes.fulfillment import FulfillmentLineItemNode
from fakeshop.nodes.inventory import LocationNode
from fakeshop.nodes.parts import PartNode, PartOfOrderNode, part_connection
from fakeshop.records import Location


def disposed_of(line: dict[str, Any]) -> int:
    """Units of a line of a reverse fulfilment order that were dealt with."""
    return sum(one["quantity"] for one in line["dispositions"])


class ReturnPartNode(PartNode):
    """A nested part of a return that is about shipped units."""

    def fulfillmentLineItem(self) -> Any:
        return FulfillmentLineItemNode(self.ctx, self.order_record, self._shipped())

    def _shipped(self) -> dict[str, Any]:
        lines = (line for parcel in self.order_record.fulfillments for line in parcel["lines"])
        return next(line for line in lines if line["id"] == self.it["fulfillment_line"])


class ReturnNode(PartOfOrderNode):
    """A return."""

    attributes = "name status"

    def createdAt(self) -> str | None:
        return iso(self.it["created"])

    def requestApprovedAt(self) -> str | None:
        return iso(self.it["approved"])

    def closedAt(self) -> str | None:
        return iso(self.it["closed"])

    def decline(self) -> None:
        return None

    def totalQuantity(self) -> int:
        return sum(line["quantity"] for line in self.it["lines"])

    def returnLineItems(self, **args: Any) -> Any:
        return part_connection(self.ctx, self.order_record, ReturnLineItemNode, self.it["lines"], args)

    def reverseFulfillmentOrders(self, **args: Any) -> Any:
        return part_connection(
            self.ctx, self.order_record, ReverseFulfillmentOrderNode, self.it["reverse"], args
        )

    def exchangeLineItems(self, includeRemovedItems: bool = False, **args: Any) -> Any:
        return connection(self.ctx, [], args, lambda _: None)


class ReturnLineItemNode(ReturnPartNode):
    """A line of a return."""

    attributes = "quantity returnReason returnReasonNote customerNote"

    def processedQuantity(self) -> int:
        owner = next(part for part in self.order_record.returns if self.it in part["lines"])
        return sum(
            disposed_of(line)
            for reverse in owner["reverse"]
            for line in reverse["lines"]
            if line["fulfillment_line"] == self.it["fulfillment_line"]
        )

    def unprocessedQuantity(self) -> int:
        return self.it["quantity"] - self.processedQuantity()

    def refundableQuantity(self) -> int:
        return self.it["quantity"]

    def returnReasonDefinition(self) -> None:
        return None


class ReverseFulfillmentOrderNode(PartOfOrderNode):
    """What is to come back."""

    def status(self) -> str:
        left = any(disposed_of(line) < line["total"] for line in self.it["lines"])
        return "OPEN" if left else "CLOSED"

    def lineItems(self, **args: Any) -> Any:
        kind = ReverseFulfillmentOrderLineItemNode
        return part_connection(self.ctx, self.order_record, kind, self.it["lines"], args)


class ReverseFulfillmentOrderLineItemNode(ReturnPartNode):
    """A line of what is to come back."""

    def totalQuantity(self) -> int:
        return self.it["total"]

    def dispositions(self) -> list[Any]:
        kind = ReverseFulfillmentOrderDispositionNode
        return [kind(self.ctx, self.order_record, one) for one in self.it["dispositions"]]


class ReverseFulfillmentOrderDispositionNode(PartNode):
    """What became of units that came back."""

    attributes = "type quantity"

    def createdAt(self) -> str | None:
        return iso(self.it["created"])

    def location(self) -> Any:
        number = self.it["location"]
        return None if number is None else LocationNode(self.ctx, self.ctx.shop.get(Location, number))

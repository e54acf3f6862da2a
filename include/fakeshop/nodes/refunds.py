"""Refunds, and payments of either direction."""

from typing import Any

from fakeshop.clock import iso
from fakeshop.errors import access_denied
from fakeshop.nodes.base import money_bag
from fakeshop.nodes.inventory import LocationNode
from fakeshop.nodes.parts import PartOfLineNode, PartOfOrderNode, part_connection
from fakeshop.records import Location


class RefundNode(PartOfOrderNode):
    """A refund."""

    attributes = "note"

    def legacyResourceId(self) -> str:
        return str(self.it["id"])

    def createdAt(self) -> str | None:
        return iso(self.it["created"])

    def processedAt(self) -> str | None:
        return iso(self.it["created"])

    def updatedAt(self) -> str | None:
        return iso(self.it["created"])

    def staffMember(self) -> Any:
        if "read_users" not in self.ctx.scopes:
            raise access_denied("staffMember", ("read_users",))
        return None

    def totalRefundedSet(self) -> dict[str, Any]:
        return money_bag(self.it["amount"], self.order_record.currency)

    def refundLineItems(self, **args: Any) -> Any:
        return part_connection(self.ctx, self.order_record, RefundLineItemNode, self.it["lines"], args)


class RefundLineItemNode(PartOfLineNode):
    """A line of a refund."""

    attributes = "quantity restockType"

    def restocked(self) -> bool:
        return self.it["restock_type"] != "NO_RESTOCK"

    def location(self) -> Any:
        number = self.it["location"]
        return None if number is None else LocationNode(self.ctx, self.ctx.shop.get(Location, number))


class OrderTransactionNode(PartOfOrderNode):
    """A payment or a refund of money."""

    attributes = "kind status gateway"

    def createdAt(self) -> str | None:
        return iso(self.it["created"])

    def processedAt(self) -> str | None:
        return iso(self.it["created"])

    def amountSet(self) -> dict[str, Any]:
        return money_bag(self.it["amount"], self.order_record.currency)

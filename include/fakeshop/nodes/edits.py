"""Orders as they would be after an edit."""

from typing import Any

from fakeshop.nodes.orders import LineItemNode, OrderNode, unfulfilled
from fakeshop.nodes.parts import PartNode, line_by_id, part_connection


class CalculatedOrderNode(PartNode):
    """An order as it would be after an edit."""

    attributes = "committed"

    def originalOrder(self) -> OrderNode:
        return OrderNode(self.ctx, self.order_record)

    def lineItems(self, query: str | None = None, **args: Any) -> Any:
        return part_connection(self.ctx, self.order_record, CalculatedLineItemNode, self.it["lines"], args)

    def subtotalLineItemsQuantity(self) -> int:
        return sum(line["quantity"] for line in self.it["lines"])


class CalculatedLineItemNode(PartNode):
    """A line of an order that is being edited."""

    attributes = "quantity"

    def _line(self) -> LineItemNode:
        line = line_by_id(self.order_record, self.it["line"])
        return LineItemNode(self.ctx, self.order_record, line)

    def editableQuantity(self) -> int:
        return self.it["quantity"] - self._shipped()

    def editableQuantityBeforeChanges(self) -> int:
        return self._line().it["current_quantity"] - self._shipped()

    def restockable(self) -> bool:
        return True

    def restocking(self) -> bool:
        return self.it["restock"]

    def sku(self) -> str | None:
        return self._line().it["sku"]

    def title(self) -> str:
        return self._line().it["title"]

    def variant(self) -> Any:
        return self._line().variant()

    def originalUnitPriceSet(self) -> dict[str, Any]:
        return self._line().originalUnitPriceSet()

    def _shipped(self) -> int:
        line = self._line().it
        return line["current_quantity"] - unfulfilled(line)

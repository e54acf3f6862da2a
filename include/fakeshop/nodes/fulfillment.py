"""Fulfilment orders, their holds, and shipments."""

from typing import Any

from fakeshop.clock import iso
from fakeshop.gids import gid
from fakeshop.nodes.inventory import LocationNode
from fakeshop.nodes.parts import PartNode, PartOfLineNode, PartOfOrderNode, line_by_id, part_connection
from fakeshop.records import Location
from fakeshop.search import Fields, Filter

HOLDS_LIMIT = 10


class FulfillmentOrderNode(PartOfOrderNode):
    """What one location is to ship of an order."""

    attributes = "status requestStatus"

    def createdAt(self) -> str | None:
        return iso(self.it["created"])

    def updatedAt(self) -> str | None:
        return iso(self.it["updated"])

    def fulfillAt(self) -> str | None:
        return iso(self.it["created"])

    def fulfillBy(self) -> None:
        return None

    def orderId(self) -> str:
        return gid("Order", self.order_record.id)

    def orderName(self) -> str:
        return self.order_record.name

    def orderProcessedAt(self) -> str | None:
        return iso(self.order_record.created)

    def assignedLocation(self) -> dict[str, Any]:
        location = self.ctx.shop.get(Location, self.it["location"])
        address = location.address
        return {
            "name": location.name,
            "location": LocationNode(self.ctx, location),
            "address1": address.get("address1"),
            "address2": address.get("address2"),
            "city": address.get("city"),
            "countryCode": address.get("countryCode", "US"),
            "phone": address.get("phone"),
            "province": address.get("province"),
            "zip": address.get("zip"),
        }

    def supportedActions(self) -> list[dict[str, Any]]:
        actions = {
            "OPEN": ["CREATE_FULFILLMENT", "REPORT_PROGRESS", "MOVE", "HOLD"],
            "IN_PROGRESS": ["CREATE_FULFILLMENT", "REPORT_PROGRESS", "HOLD", "MARK_AS_OPEN"],
            "ON_HOLD": ["RELEASE_HOLD", "HOLD", "MOVE"],
        }
        found = list(actions.get(self.it["status"], []))
        if self.it["status"] == "OPEN":
            if sum(line["remaining"] for line in self.it["lines"]) > 1:
                found.append("SPLIT")
            if self._has_neighbour():
                found.append("MERGE")
        if sum(hold["app"] == self.ctx.app.id for hold in self.it["holds"]) >= HOLDS_LIMIT:
            found = [one for one in found if one != "HOLD"]
        return [{"action": one, "externalUrl": None} for one in found]

    def _has_neighbour(self) -> bool:
        """Say whether another open fulfilment order of the order is at the same place."""
        place = self.it["location"]
        others = [one for one in self.order_record.fulfillment_orders if one is not self.it]
        return any(one["status"] == "OPEN" and one["location"] == place for one in others)

    def fulfillmentHolds(self) -> list[Any]:
        return [FulfillmentHoldNode(self.ctx, self.order_record, hold) for hold in self.it["holds"]]

    def lineItems(self, **args: Any) -> Any:
        return part_connection(
            self.ctx, self.order_record, FulfillmentOrderLineItemNode, self.it["lines"], args
        )

    def fulfillments(self, **args: Any) -> Any:
        mine = [one for one in self.order_record.fulfillments if self.it["id"] in one["fulfillment_orders"]]
        return part_connection(self.ctx, self.order_record, FulfillmentNode, mine, args)


class FulfillmentOrderLineItemNode(PartOfLineNode):
    """A line of a fulfilment order."""

    def totalQuantity(self) -> int:
        return self.it["total"]

    def remainingQuantity(self) -> int:
        return self.it["remaining"]

    def inventoryItemId(self) -> str | None:
        return gid("InventoryItem", self._line()["item"])

    def sku(self) -> str | None:
        return self._line()["sku"]

    def productTitle(self) -> str:
        return self._line()["title"]

    def requiresShipping(self) -> bool:
        return True

    def _line(self) -> dict[str, Any]:
        return line_by_id(self.order_record, self.it["line"])


class FulfillmentHoldNode(PartNode):
    """A hold on a fulfilment order."""

    attributes = "reason reasonNotes handle"

    def displayReason(self) -> str:
        return self.it["reason"].replace("_", " ").capitalize()

    def heldByRequestingApp(self) -> bool:
        return self.it["app"] == self.ctx.app.id


class FulfillmentNode(PartOfOrderNode):
    """A shipment."""

    attributes = "status name"

    def legacyResourceId(self) -> str:
        return str(self.it["id"])

    def createdAt(self) -> str | None:
        return iso(self.it["created"])

    def updatedAt(self) -> str | None:
        return iso(self.it["updated"])

    def displayStatus(self) -> str:
        return "CANCELED" if self.it["status"] == "CANCELLED" else "FULFILLED"

    def totalQuantity(self) -> int:
        return sum(line["quantity"] for line in self.it["lines"])

    def location(self) -> Any:
        return LocationNode(self.ctx, self.ctx.shop.get(Location, self.it["location"]))

    def trackingInfo(self, first: int | None = None) -> list[dict[str, Any]]:
        return self.it["tracking"][:first]

    def fulfillmentLineItems(self, **args: Any) -> Any:
        return part_connection(self.ctx, self.order_record, FulfillmentLineItemNode, self.it["lines"], args)

    def fulfillmentOrders(self, **args: Any) -> Any:
        mine = [
            one for one in self.order_record.fulfillment_orders if one["id"] in self.it["fulfillment_orders"]
        ]
        return part_connection(self.ctx, self.order_record, FulfillmentOrderNode, mine, args)


class FulfillmentLineItemNode(PartOfLineNode):
    """A line of a shipment."""

    attributes = "quantity"


FO_FIELDS = Fields(
    {
        "id": Filter("id", lambda part: part["id"]),
        "status": Filter("exact", lambda part: part["status"]),
        "assigned_location_id": Filter("id", lambda part: part["location"]),
        "updated_at": Filter("time", lambda part: part["updated"]),
    }
)

"""Orders and what hangs on them. Nested parts are dictionaries that carry their order under ``order``."""

from decimal import Decimal
from typing import Any

from fakeshop.clock import iso
from fakeshop.errors import access_denied
from fakeshop.gids import gid
from fakeshop.nodes.base import Context, Node, connection, found, money_bag
from fakeshop.nodes.catalogue import HasMetafields, ProductNode, ProductVariantNode
from fakeshop.nodes.inventory import LocationNode
from fakeshop.records import Location, Order, Product, Variant
from fakeshop.scopes import READ_FULFILLMENT_ORDERS
from fakeshop.search import Fields, Filter

HOLDS_LIMIT = 10


def total_of(order: Order, quantity: str = "quantity") -> Decimal:
    """Sum of price × quantity; ``current_quantity`` for what is left of the order."""
    return sum((Decimal(line["price"]) * line[quantity] for line in order.lines), Decimal(0))


def refunded_of(order: Order) -> Decimal:
    """Sum of what was paid back."""
    amounts = [Decimal(t["amount"]) for t in order.transactions if t["kind"] == "REFUND"]
    return sum(amounts, Decimal(0))


def financial_status(order: Order) -> str | None:
    """Return ``displayFinancialStatus``: null before there is any payment."""
    refunded = refunded_of(order)
    if refunded and order.financial_status == "PAID":
        return "REFUNDED" if refunded >= total_of(order) else "PARTIALLY_REFUNDED"
    return order.financial_status


def fulfillment_status(order: Order) -> str:
    """Return ``displayFulfillmentStatus``."""
    shipped = sum(line["fulfilled"] for line in order.lines)
    open_ = sum(unfulfilled(line) for line in order.lines)
    if any(one["status"] == "ON_HOLD" for one in order.fulfillment_orders):
        return "ON_HOLD"
    if shipped:
        return "PARTIALLY_FULFILLED" if open_ else "FULFILLED"
    if any(one["status"] == "IN_PROGRESS" for one in order.fulfillment_orders):
        return "IN_PROGRESS"
    return "UNFULFILLED"


def fulfillment_words(order: Order) -> list[str]:
    """Return what the filter ``fulfillment_status`` compares: the status, and the words that stand for it.

    Unshipped is an order of which nothing was shipped and not everything is on hold or scheduled.
    """
    status = fulfillment_status(order)
    words = [status]
    if status == "FULFILLED":
        words.append("shipped")
    if status == "PARTIALLY_FULFILLED":
        words.append("partial")
    waiting = [
        one["status"] for one in order.fulfillment_orders if one["status"] not in ("CLOSED", "CANCELLED")
    ]
    later = bool(waiting) and set(waiting) <= {"ON_HOLD", "SCHEDULED"}
    if not any(line["fulfilled"] for line in order.lines) and not later:
        words.append("unshipped")
    if "SCHEDULED" in waiting:
        words.append("scheduled")
    if any(one["request_status"] == "REJECTED" for one in order.fulfillment_orders):
        words.append("request_declined")
    return words


def return_status(order: Order) -> str:
    """Return ``returnStatus``."""
    found = {one["status"] for one in order.returns}
    if "REQUESTED" in found:
        return "RETURN_REQUESTED"
    if "OPEN" in found:
        return "IN_PROGRESS"
    return "RETURNED" if found else "NO_RETURN"


def unfulfilled(line: dict[str, Any]) -> int:
    """Return how many units of a line are still to ship."""
    return max(0, line["current_quantity"] - (line["fulfilled"] - line["returned"]))


class PartNode(Node):
    """A nested part of an order: ``it`` is the pair of order and part."""

    __slots__ = ("order_record",)

    def __init__(self, ctx: Context, order: Order, part: dict[str, Any]) -> None:
        super().__init__(ctx, part)
        self.order_record = order

    def id(self) -> str:
        return gid(self.TYPE, self.it["id"])


class OrderNode(HasMetafields):
    """An order."""

    attributes = "name number note email phone tags cancelReason test edited"
    times = "createdAt updatedAt cancelledAt closedAt"

    def id(self) -> str:
        return gid("Order", self.it.id)

    def legacyResourceId(self) -> str:
        return str(self.it.id)

    def processedAt(self) -> str | None:
        return iso(self.it.created)

    def closed(self) -> bool:
        return self.it.closed is not None

    def confirmed(self) -> bool:
        return True

    def currencyCode(self) -> str:
        return self.it.currency

    def sourceName(self) -> str:
        return self.it.source

    def customAttributes(self) -> list[dict[str, str]]:
        return self.it.attributes

    def cancellation(self) -> dict[str, Any] | None:
        return None if self.it.cancelled is None else {"staffNote": self.it.staff_note}

    def displayFinancialStatus(self) -> str | None:
        return financial_status(self.it)

    def displayFulfillmentStatus(self) -> str:
        return fulfillment_status(self.it)

    def returnStatus(self) -> str:
        return return_status(self.it)

    def returns(self, query: str | None = None, **args: Any) -> Any:
        wanted = found(self.ctx, "returns", self.it.returns, {"query": query}, RETURN_FIELDS)
        return self._parts(PARTS["Return"], list(wanted), args)

    def fullyPaid(self) -> bool:
        return self.it.financial_status == "PAID"

    def unpaid(self) -> bool:
        return self.it.financial_status in (None, "PENDING")

    def shippingAddress(self) -> dict[str, Any] | None:
        return address_of(self.it.shipping_address)

    def totalPriceSet(self) -> dict[str, Any]:
        return money_bag(f"{total_of(self.it):.2f}", self.it.currency)

    def originalTotalPriceSet(self) -> dict[str, Any]:
        return self.totalPriceSet()

    def currentTotalPriceSet(self) -> dict[str, Any]:
        return money_bag(f"{total_of(self.it, 'current_quantity'):.2f}", self.it.currency)

    def totalRefundedSet(self) -> dict[str, Any]:
        return money_bag(f"{refunded_of(self.it):.2f}", self.it.currency)

    def currentSubtotalLineItemsQuantity(self) -> int:
        return sum(line["current_quantity"] for line in self.it.lines)

    def lineItems(self, **args: Any) -> Any:
        return self._parts(LineItemNode, self.it.lines, args)

    def fulfillmentOrders(self, query: str | None = None, displayable: bool = False, **args: Any) -> Any:
        self.ctx.need("fulfillmentOrders", READ_FULFILLMENT_ORDERS)
        wanted = found(self.ctx, "fulfillmentOrders", self.it.fulfillment_orders, {"query": query}, FO_FIELDS)
        return self._parts(FulfillmentOrderNode, list(wanted), args)

    def fulfillments(self, first: int | None = None, query: str | None = None) -> list[Any]:
        return [FulfillmentNode(self.ctx, self.it, part) for part in self.it.fulfillments[:first]]

    def refunds(self, first: int | None = None) -> list[Any]:
        return [RefundNode(self.ctx, self.it, part) for part in self.it.refunds[:first]]

    def transactions(self, first: int | None = None, **_: Any) -> list[Any]:
        return [OrderTransactionNode(self.ctx, self.it, part) for part in self.it.transactions[:first]]

    def _parts(self, kind: type[PartNode], parts: list[dict[str, Any]], args: dict[str, Any]) -> Any:
        return part_connection(self.ctx, self.it, kind, parts, args)


def part_connection(
    ctx: Context, order: Order, kind: type[PartNode], parts: list[dict[str, Any]], args: dict[str, Any]
) -> Any:
    """Build a connection over nested parts."""
    by_id = {part["id"]: part for part in parts}
    return connection(ctx, sorted(by_id), args, lambda number: kind(ctx, order, by_id[number]))


def address_of(address: dict[str, str] | None) -> dict[str, Any] | None:
    """Return a MailingAddress."""
    if address is None:
        return None
    names = ("name", "firstName", "lastName", "company", "address1", "address2", "city", "province", "zip")
    more = ("country", "countryCodeV2", "provinceCode", "phone")
    return {name: address.get(name) for name in (*names, *more)}


class LineItemNode(PartNode):
    """A line of an order."""

    attributes = "sku quantity currentQuantity title"

    def name(self) -> str:
        return self.it["title"]

    def unfulfilledQuantity(self) -> int:
        return unfulfilled(self.it)

    def refundableQuantity(self) -> int:
        return self.it["current_quantity"]

    def nonFulfillableQuantity(self) -> int:
        return self.it["quantity"] - unfulfilled(self.it)

    def requiresShipping(self) -> bool:
        return True

    def customAttributes(self) -> list[dict[str, str]]:
        return []

    def originalUnitPriceSet(self) -> dict[str, Any]:
        return money_bag(self.it["price"], self.order_record.currency)

    def discountedUnitPriceSet(self) -> dict[str, Any]:
        return self.originalUnitPriceSet()

    def originalTotalSet(self) -> dict[str, Any]:
        return money_bag(f"{Decimal(self.it['price']) * self.it['quantity']:.2f}", self.order_record.currency)

    def variant(self) -> Any:
        variant = self.ctx.shop.get(Variant, self.it["variant"])
        return variant and ProductVariantNode(self.ctx, variant)

    def variantTitle(self) -> str | None:
        variant = self.ctx.shop.get(Variant, self.it["variant"])
        return variant and variant.title

    def product(self) -> Any:
        variant = self.ctx.shop.get(Variant, self.it["variant"])
        return variant and ProductNode(self.ctx, self.ctx.shop.get(Product, variant.product))


class FulfillmentOrderNode(PartNode):
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

    def order(self) -> OrderNode:
        return OrderNode(self.ctx, self.order_record)

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


class FulfillmentOrderLineItemNode(PartNode):
    """A line of a fulfilment order."""

    def _line(self) -> dict[str, Any]:
        return next(line for line in self.order_record.lines if line["id"] == self.it["line"])

    def lineItem(self) -> LineItemNode:
        return LineItemNode(self.ctx, self.order_record, self._line())

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


class FulfillmentHoldNode(PartNode):
    """A hold on a fulfilment order."""

    attributes = "reason reasonNotes handle"

    def displayReason(self) -> str:
        return self.it["reason"].replace("_", " ").capitalize()

    def heldByRequestingApp(self) -> bool:
        return self.it["app"] == self.ctx.app.id


class FulfillmentNode(PartNode):
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

    def order(self) -> OrderNode:
        return OrderNode(self.ctx, self.order_record)

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


class FulfillmentLineItemNode(PartNode):
    """A line of a shipment."""

    attributes = "quantity"

    def lineItem(self) -> LineItemNode:
        line = next(line for line in self.order_record.lines if line["id"] == self.it["line"])
        return LineItemNode(self.ctx, self.order_record, line)


class RefundNode(PartNode):
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

    def order(self) -> OrderNode:
        return OrderNode(self.ctx, self.order_record)

    def staffMember(self) -> Any:
        if "read_users" not in self.ctx.scopes:
            raise access_denied("staffMember", ("read_users",))
        return None

    def totalRefundedSet(self) -> dict[str, Any]:
        return money_bag(self.it["amount"], self.order_record.currency)

    def refundLineItems(self, **args: Any) -> Any:
        return part_connection(self.ctx, self.order_record, RefundLineItemNode, self.it["lines"], args)


class RefundLineItemNode(PartNode):
    """A line of a refund."""

    attributes = "quantity restockType"

    def restocked(self) -> bool:
        return self.it["restock_type"] != "NO_RESTOCK"

    def lineItem(self) -> LineItemNode:
        line = next(line for line in self.order_record.lines if line["id"] == self.it["line"])
        return LineItemNode(self.ctx, self.order_record, line)

    def location(self) -> Any:
        number = self.it["location"]
        return None if number is None else LocationNode(self.ctx, self.ctx.shop.get(Location, number))


class OrderTransactionNode(PartNode):
    """A payment or a refund of money."""

    attributes = "kind status gateway"

    def createdAt(self) -> str | None:
        return iso(self.it["created"])

    def processedAt(self) -> str | None:
        return iso(self.it["created"])

    def amountSet(self) -> dict[str, Any]:
        return money_bag(self.it["amount"], self.order_record.currency)

    def order(self) -> OrderNode:
        return OrderNode(self.ctx, self.order_record)


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
        line = next(line for line in self.order_record.lines if line["id"] == self.it["line"])
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


PARTS: dict[str, type[PartNode]] = {
    "LineItem": LineItemNode,
    "FulfillmentOrder": FulfillmentOrderNode,
    "FulfillmentOrderLineItem": FulfillmentOrderLineItemNode,
    "FulfillmentHold": FulfillmentHoldNode,
    "Fulfillment": FulfillmentNode,
    "FulfillmentLineItem": FulfillmentLineItemNode,
    "Refund": RefundNode,
    "RefundLineItem": RefundLineItemNode,
    "OrderTransaction": OrderTransactionNode,
    "CalculatedOrder": CalculatedOrderNode,
    "CalculatedLineItem": CalculatedLineItemNode,
}


def part_node(ctx: Context, type_: str, number: int) -> PartNode | None:
    """Return a nested part by its type and number; None when there is none."""
    entry = ctx.shop.parts.get((type_, number))
    return None if entry is None or not visible(ctx, entry[0]) else PARTS[type_](ctx, *entry)


def visible(ctx: Context, order: Order) -> bool:
    """Say whether the app may see the order: only the last 60 days without read_all_orders (row 120)."""
    if "read_all_orders" in ctx.scopes:
        return True
    return ctx.shop.clock.now() - order.created <= ctx.shop.settings.order_visibility_days * 86_400


def order_status(order: Order) -> str:
    """Return what the filter ``status`` compares."""
    if order.cancelled is not None:
        return "cancelled"
    return "closed" if order.closed is not None else "open"


ORDER_FIELDS = Fields(
    {
        "created_at": Filter("time", lambda order: order.created),
        "updated_at": Filter("time", lambda order: order.updated),
        "processed_at": Filter("time", lambda order: order.created),
        "id": Filter("id", lambda order: order.id),
        "name": Filter("exact", lambda order: [order.name, str(order.number)]),
        "status": Filter(
            "exact",
            lambda order: [order_status(order), *([] if order.closed else ["not_closed"]), "any"],
        ),
        "financial_status": Filter("exact", financial_status),
        "fulfillment_status": Filter("exact", fulfillment_words),
        "return_status": Filter("exact", return_status),
        "email": Filter("exact", lambda order: order.email),
        "tag": Filter("exact", lambda order: order.tags),
        "sku": Filter("exact", lambda order: [line["sku"] for line in order.lines]),
        "source_name": Filter("exact", lambda order: order.source),
        "test": Filter("bool", lambda order: order.test),
    },
    words=("name", "email"),
    others=frozenset({
        "cart_token", "channel", "channel_id", "chargeback_status", "checkout_token", "confirmation_number",
        "current_total_price", "customer_id", "delivery_method", "discount_code", "fraud_protection_level",
        "fulfillment_location_id", "gateway", "location_id", "payment_id", "payment_provider_id", "po_number",
        "reference_location_id", "risk_level", "sales_channel", "source_identifier",
        "subtotal_line_items_quantity", "tag_not", "total_weight",
    }),
)  # fmt: skip

FO_FIELDS = Fields(
    {
        "id": Filter("id", lambda part: part["id"]),
        "status": Filter("exact", lambda part: part["status"]),
        "assigned_location_id": Filter("id", lambda part: part["location"]),
        "updated_at": Filter("time", lambda part: part["updated"]),
    }
)
RETURN_FIELDS = Fields(
    {
        "id": Filter("id", lambda part: part["id"]),
        "status": Filter("exact", lambda part: part["status"]),
        "name": Filter("exact", lambda part: part["name"]),
    }
)

"""Orders and their lines."""

from decimal import Decimal
from typing import Any

from fakeshop.clock import iso
from fakeshop.gids import gid
from fakeshop.nodes.base import Context, Node, found, money_bag
from fakeshop.nodes.catalogue import HasMetafields, ProductNode, ProductVariantNode
from fakeshop.nodes.fulfillment import FO_FIELDS, FulfillmentNode, FulfillmentOrderNode
from fakeshop.nodes.parts import PartNode, part_connection
from fakeshop.nodes.refunds import OrderTransactionNode, RefundNode
from fakeshop.records import Order, Product, Variant
from fakeshop.scopes import READ_FULFILLMENT_ORDERS
from fakeshop.search import Fields, Filter


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
        return self._parts(Node.CLASSES["Return"], list(wanted), args)

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


def part_node(ctx: Context, type_: str, number: int) -> Node | None:
    """Return a nested part by its type and number; None when there is none."""
    entry = ctx.shop.parts.get((type_, number))
    return None if entry is None or not visible(ctx, entry[0]) else Node.CLASSES[type_](ctx, *entry)


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

RETURN_FIELDS = Fields(
    {
        "id": Filter("id", lambda part: part["id"]),
        "status": Filter("exact", lambda part: part["status"]),
        "name": Filter("exact", lambda part: part["name"]),
    }
)

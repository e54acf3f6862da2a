"""The root fields of queries."""

from collections.abc import Callable
from typing import Any

from graphql import GraphQLResolveInfo

from fakeshop.errors import AdminError, not_simulated
from fakeshop.gids import parse
from fakeshop.nodes import edits, returns  # noqa: F401 - their classes are found by type name
from fakeshop.nodes.base import Context, Node, connection, found, sort_keys
from fakeshop.nodes.catalogue import (
    MetafieldNode,
    ProductNode,
    ProductVariantNode,
    product_fields,
    variant_fields,
    variant_keys,
)
from fakeshop.nodes.fulfillment import FO_FIELDS, FulfillmentOrderNode
from fakeshop.nodes.inventory import (
    InventoryAdjustmentGroupNode,
    InventoryLevelNode,
    inventory_properties,
    item_fields,
    item_node,
    location_fields,
    location_node,
    row_of_level,
)
from fakeshop.nodes.operations import (
    AppInstallationNode,
    BulkOperationNode,
    JobNode,
    OrderCancelJobResultNode,
    ShopNode,
    WebhookSubscriptionNode,
    api_version,
    bulk_fields,
    bulk_value,
    count,
)
from fakeshop.nodes.orders import (
    ORDER_FIELDS,
    OrderNode,
    financial_status,
    fulfillment_status,
    part_node,
    total_of,
    visible,
)
from fakeshop.records import (
    BulkOperation,
    Job,
    Location,
    Metafield,
    Order,
    Product,
    Subscription,
    Variant,
)
from fakeshop.schema import versions
from fakeshop.scopes import NEEDED

ORDER_VALUES: dict[str, Callable[[Order], Any] | None] = {
    "ID": None,
    "CREATED_AT": lambda order: order.created,
    "PROCESSED_AT": lambda order: order.created,
    "UPDATED_AT": lambda order: order.updated,
    "ORDER_NUMBER": lambda order: order.number,
    "TOTAL_PRICE": lambda order: float(total_of(order)),
    "FINANCIAL_STATUS": lambda order: financial_status(order) or "",
    "FULFILLMENT_STATUS": fulfillment_status,
}
PRODUCT_VALUES: dict[str, Callable[[Product], Any] | None] = {
    "ID": None,
    "CREATED_AT": lambda product: product.created,
    "UPDATED_AT": lambda product: product.updated,
    "TITLE": lambda product: product.title,
    "VENDOR": lambda product: product.vendor,
    "PRODUCT_TYPE": lambda product: product.product_type,
}
LOCATION_VALUES: dict[str, Callable[[Location], Any] | None] = {
    "ID": None,
    "NAME": lambda location: location.name,
    "CREATED_AT": lambda location: location.created,
}


def by_gid(ctx: Context, given: str) -> Node | None:
    """Return the node of a global id; None when there is none, whatever its type."""
    parsed = parse(given)
    if parsed is None or (isinstance(parsed.number, str) and parsed.type != "Job"):
        return None
    shop, number = ctx.shop, parsed.number
    simple: dict[str, tuple[type, type[Node]]] = {
        "Product": (Product, ProductNode),
        "ProductVariant": (Variant, ProductVariantNode),
        "BulkOperation": (BulkOperation, BulkOperationNode),
        "WebhookSubscription": (Subscription, WebhookSubscriptionNode),
        "Metafield": (Metafield, MetafieldNode),
    }
    if parsed.type in simple:
        kind, node = simple[parsed.type]
        record = shop.get(kind, number)
        return None if record is None else node(ctx, record)
    return part_node(ctx, parsed.type, number) or special(ctx, parsed.type, number, parsed.item)


def special(ctx: Context, type_: str, number: Any, item: int | None) -> Node | None:
    """Return the nodes that are not found under their own number among the records."""
    shop = ctx.shop
    if type_ == "InventoryItem":
        return item_node(ctx, number)
    if type_ == "Location":
        return location_node(ctx, number)
    if type_ == "InventoryLevel":
        row = row_of_level(ctx, number, item)
        return None if row is None else InventoryLevelNode(ctx, row)
    if type_ == "InventoryAdjustmentGroup":
        entry = shop.entry_of_group(number)
        return None if entry is None else InventoryAdjustmentGroupNode(ctx, entry)
    if type_ == "Order":
        order = shop.get(Order, number)
        return OrderNode(ctx, order) if order is not None and visible(ctx, order) else None
    if type_ == "Job":
        job = next((job for job in shop.all(Job).values() if job.uuid == number), None)
        return None if job is None else JobNode(ctx, job)
    if type_ == "OrderCancelJobResult":
        record = shop.get(Job, number)
        return None if record is None else OrderCancelJobResultNode(ctx, record)
    return None


def of_type(ctx: Context, given: str, type_: str) -> Node | None:
    """Return a node that must be of a type; an id of another type is refused (row 82)."""
    parsed = parse(given)
    if parsed is None or parsed.type != type_:
        raise AdminError("RESOURCE_NOT_FOUND", f"Invalid id: {given}")
    return by_gid(ctx, given)


class QueryRoot(Node):
    """The root of queries; ``it`` is unused."""

    def node(self, id: str) -> Any:
        return by_gid(self.ctx, id)

    def nodes(self, ids: list[str]) -> list[Any]:
        return [by_gid(self.ctx, one) for one in ids]

    def shop(self) -> ShopNode:
        return ShopNode(self.ctx, None)

    def currentAppInstallation(self) -> AppInstallationNode:
        return AppInstallationNode(self.ctx, None)

    def publicApiVersions(self) -> list[dict[str, Any]]:
        return [api_version(version) for version in versions()]

    # catalogue

    def product(self, id: str) -> Any:
        return of_type(self.ctx, id, "Product")

    def productVariant(self, id: str) -> Any:
        return of_type(self.ctx, id, "ProductVariant")

    def products(self, sortKey: str = "ID", **args: Any) -> Any:
        return self._records("products", Product, ProductNode, product_fields(self.ctx.shop), args,
                             self._value(PRODUCT_VALUES, sortKey))  # fmt: skip

    def productsCount(self, **args: Any) -> dict[str, Any]:
        shop = self.ctx.shop
        return count(
            len(
                list(found(self.ctx, "productsCount", shop.all(Product).values(), args, product_fields(shop)))
            )
        )

    def productVariantsCount(self, **args: Any) -> dict[str, Any]:
        shop = self.ctx.shop
        chosen = found(
            self.ctx, "productVariantsCount", shop.all(Variant).values(), args, variant_fields(shop)
        )
        return count(len(list(chosen)))

    def productVariants(self, sortKey: str = "ID", **args: Any) -> Any:
        shop = self.ctx.shop
        chosen = found(self.ctx, "productVariants", shop.all(Variant).values(), args, variant_fields(shop))
        keys = variant_keys(sortKey, list(chosen))
        return connection(
            self.ctx, keys, args, lambda number: ProductVariantNode(self.ctx, shop.get(Variant, number))
        )

    # inventory

    def inventoryItem(self, id: str) -> Any:
        return of_type(self.ctx, id, "InventoryItem")

    def inventoryItems(self, **args: Any) -> Any:
        shop = self.ctx.shop
        if args.get("query"):
            chosen = found(self.ctx, "inventoryItems", shop.by_item.values(), args, item_fields())
            keys = sorted(variant.item for variant in chosen)
        else:
            keys = sorted(shop.by_item)
        return connection(self.ctx, keys, args, lambda number: item_node(self.ctx, number))

    def inventoryLevel(self, id: str) -> Any:
        return of_type(self.ctx, id, "InventoryLevel")

    def inventoryProperties(self) -> dict[str, Any]:
        return inventory_properties(self.ctx)

    def location(self, id: str | None = None) -> Any:
        if id is None:
            numbers = [one.id for one in self.ctx.shop.locations.values() if one.active]
            return location_node(self.ctx, min(numbers, default=None))
        return of_type(self.ctx, id, "Location")

    def locations(
        self,
        includeInactive: bool = False,
        includeLegacy: bool = False,
        sortKey: str = "NAME",
        **args: Any,
    ) -> Any:
        shown = [
            one
            for one in self.ctx.shop.locations.values()
            if (includeInactive or one.active) and (includeLegacy or not one.legacy)
        ]
        chosen = found(self.ctx, "locations", shown, args, location_fields())
        keys = sort_keys(chosen, self._value(LOCATION_VALUES, sortKey))
        return connection(self.ctx, keys, args, lambda number: location_node(self.ctx, number))

    def locationsCount(self, **args: Any) -> dict[str, Any]:
        locations = self.ctx.shop.locations.values()
        return count(len(list(found(self.ctx, "locationsCount", locations, args, location_fields()))))

    # orders

    def order(self, id: str) -> Any:
        return of_type(self.ctx, id, "Order")

    def orders(self, sortKey: str = "PROCESSED_AT", **args: Any) -> Any:
        return self._records("orders", Order, OrderNode, ORDER_FIELDS, args,
                             self._value(ORDER_VALUES, sortKey), self._visible())  # fmt: skip

    def ordersCount(self, **args: Any) -> dict[str, Any]:
        return count(len(list(found(self.ctx, "ordersCount", self._visible(), args, ORDER_FIELDS))))

    def refund(self, id: str) -> Any:
        return of_type(self.ctx, id, "Refund")

    def fulfillment(self, id: str) -> Any:
        return of_type(self.ctx, id, "Fulfillment")

    def return_(self, id: str) -> Any:
        return of_type(self.ctx, id, "Return")

    def reverseFulfillmentOrder(self, id: str) -> Any:
        return of_type(self.ctx, id, "ReverseFulfillmentOrder")

    def fulfillmentOrder(self, id: str) -> Any:
        return of_type(self.ctx, id, "FulfillmentOrder")

    def fulfillmentOrders(self, includeClosed: bool = False, sortKey: str = "ID", **args: Any) -> Any:
        if sortKey not in ("ID", "UPDATED_AT", "CREATED_AT"):
            raise self._no_sort(sortKey)
        parts = {
            part["id"]: (order, part)
            for order in self._visible()
            for part in order.fulfillment_orders
            if includeClosed or part["status"] not in ("CLOSED", "CANCELLED")
        }
        chosen = found(self.ctx, "fulfillmentOrders", [part for _, part in parts.values()], args, FO_FIELDS)
        if sortKey == "ID":
            keys: list[Any] = sorted(part["id"] for part in chosen)
        else:
            field = "updated" if sortKey == "UPDATED_AT" else "created"
            keys = sorted((part[field], part["id"]) for part in chosen)
        return connection(self.ctx, keys, args, lambda number: FulfillmentOrderNode(self.ctx, *parts[number]))

    def _visible(self) -> list[Order]:
        return [order for order in self.ctx.shop.all(Order).values() if visible(self.ctx, order)]

    # operations

    def job(self, id: str) -> Any:
        return of_type(self.ctx, id, "Job")

    def bulkOperation(self, id: str) -> Any:
        return of_type(self.ctx, id, "BulkOperation")

    def bulkOperations(self, sortKey: str = "CREATED_AT", **args: Any) -> Any:
        return self._records("bulkOperations", BulkOperation, BulkOperationNode, bulk_fields(), args,
                             bulk_value(sortKey))  # fmt: skip

    def currentBulkOperation(self, type: str = "QUERY") -> Any:
        mine = [one for one in self.ctx.shop.all(BulkOperation).values() if one.type == type]
        return BulkOperationNode(self.ctx, max(mine, key=lambda one: one.id)) if mine else None

    def webhookSubscription(self, id: str) -> Any:
        return of_type(self.ctx, id, "WebhookSubscription")

    def webhookSubscriptions(
        self,
        topics: list[str] | None = None,
        uri: str | None = None,
        callbackUrl: str | None = None,
        sortKey: str = "CREATED_AT",
        **args: Any,
    ) -> Any:
        address = uri or callbackUrl
        chosen = [
            one
            for one in self.ctx.shop.all(Subscription).values()
            if one.app == self.ctx.app.id
            and (topics is None or one.topic in topics)
            and (address is None or one.uri == address)
        ]
        keys = sort_keys(chosen, None if sortKey == "ID" else lambda one: one.created)
        shop = self.ctx.shop
        return connection(
            self.ctx,
            keys,
            args,
            lambda number: WebhookSubscriptionNode(self.ctx, shop.get(Subscription, number)),
        )

    # helpers

    def _records(
        self,
        path: str,
        kind: type,
        node: type[Node],
        fields: Any,
        args: dict[str, Any],
        value: Callable[[Any], Any] | None,
        records: Any = None,
    ) -> Any:
        shop = self.ctx.shop
        chosen = found(self.ctx, path, shop.all(kind).values() if records is None else records, args, fields)
        return connection(
            self.ctx, sort_keys(chosen, value), args, lambda number: node(self.ctx, shop.get(kind, number))
        )

    def _value(self, values: dict[str, Any], sort_key: str) -> Any:
        if sort_key not in values:
            raise self._no_sort(sort_key)
        return values[sort_key]

    def _no_sort(self, sort_key: str) -> AdminError:
        return AdminError("NOT_SIMULATED", f"The sort key {sort_key} is not simulated by the local shop.")


def root_field(ctx: Context, info: GraphQLResolveInfo, **args: Any) -> Any:
    """Resolve a root field of a query, after looking at the scopes."""
    name = info.field_name
    if name in NEEDED:
        ctx.need(name, NEEDED[name])
    method = QueryRoot.FIELDS.get(name)
    if method is None:
        raise not_simulated(f"QueryRoot.{name}")
    return method(QueryRoot(ctx, None), **args)

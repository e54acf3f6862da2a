"""Which access scopes open which root fields (shopify.md 6.3)."""

WRITE_INVENTORY = ("write_inventory",)
READ_PRODUCTS = ("read_products",)
READ_INVENTORY = ("read_inventory",)
READ_ITEMS = ("read_inventory", "read_products")
READ_LOCATIONS = ("read_locations", "read_inventory")
READ_ORDERS = ("read_orders",)
WRITE_ORDERS = ("write_orders",)
WRITE_ORDER_EDITS = ("write_order_edits",)
READ_RETURNS = ("read_returns",)
WRITE_RETURNS = ("write_returns",)
READ_FULFILLMENT_ORDERS = (
    "read_assigned_fulfillment_orders",
    "read_merchant_managed_fulfillment_orders",
    "read_third_party_fulfillment_orders",
    "read_marketplace_fulfillment_orders",
)
WRITE_FULFILLMENTS = (
    "write_assigned_fulfillment_orders",
    "write_merchant_managed_fulfillment_orders",
    "write_third_party_fulfillment_orders",
)
MANAGE_FULFILLMENT_ORDERS = (
    "write_merchant_managed_fulfillment_orders",
    "write_third_party_fulfillment_orders",
)

NEEDED: dict[str, tuple[str, ...]] = {
    "product": READ_PRODUCTS,
    "products": READ_PRODUCTS,
    "productsCount": READ_PRODUCTS,
    "productVariant": READ_PRODUCTS,
    "productVariants": READ_PRODUCTS,
    "inventoryItem": READ_ITEMS,
    "inventoryItems": READ_ITEMS,
    "inventoryLevel": READ_INVENTORY,
    "inventoryProperties": READ_INVENTORY,
    "location": READ_LOCATIONS,
    "locations": READ_LOCATIONS,
    "locationsCount": READ_LOCATIONS,
    "order": READ_ORDERS,
    "orders": READ_ORDERS,
    "ordersCount": READ_ORDERS,
    "refund": READ_ORDERS,
    "fulfillment": READ_ORDERS,
    "fulfillmentOrder": READ_FULFILLMENT_ORDERS,
    "fulfillmentOrders": READ_FULFILLMENT_ORDERS,
    "inventoryAdjustQuantities": WRITE_INVENTORY,
    "inventorySetQuantities": WRITE_INVENTORY,
    "inventoryMoveQuantities": WRITE_INVENTORY,
    "inventoryActivate": WRITE_INVENTORY,
    "inventoryDeactivate": WRITE_INVENTORY,
    "inventoryBulkToggleActivation": WRITE_INVENTORY,
    "inventoryItemUpdate": WRITE_INVENTORY,
    "orderCancel": WRITE_ORDERS,
    "orderUpdate": WRITE_ORDERS,
    "refundCreate": WRITE_ORDERS,
    "orderEditBegin": WRITE_ORDER_EDITS,
    "orderEditSetQuantity": WRITE_ORDER_EDITS,
    "orderEditCommit": WRITE_ORDER_EDITS,
    "return": READ_RETURNS,
    "reverseFulfillmentOrder": READ_RETURNS,
    "returnRequest": WRITE_RETURNS,
    "returnCreate": WRITE_RETURNS,
    "returnApproveRequest": WRITE_RETURNS,
    "returnClose": WRITE_RETURNS,
    "reverseFulfillmentOrderDispose": WRITE_RETURNS,
    "fulfillmentCreate": WRITE_FULFILLMENTS,
    "fulfillmentOrderMove": MANAGE_FULFILLMENT_ORDERS,
    "fulfillmentOrderHold": MANAGE_FULFILLMENT_ORDERS,
    "fulfillmentOrderReleaseHold": (*MANAGE_FULFILLMENT_ORDERS, "write_marketplace_fulfillment_orders"),
}

RECOMMENDED = [
    "read_products",
    "write_inventory",
    "read_locations",
    "write_orders",
    "read_all_orders",
    "write_order_edits",
    "write_merchant_managed_fulfillment_orders",
    "write_third_party_fulfillment_orders",
    "write_returns",
    "write_fulfillments",
]


def granted(scopes: list[str]) -> frozenset[str]:
    """Return all scopes that a list stands for: writing includes reading."""
    return frozenset(scopes) | {f"read_{s.removeprefix('write_')}" for s in scopes if s.startswith("write_")}

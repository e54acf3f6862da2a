"""The topics that the local shop fires, by their header form."""

TOPICS = {
    "orders/create": "ORDERS_CREATE",
    "orders/updated": "ORDERS_UPDATED",
    "orders/cancelled": "ORDERS_CANCELLED",
    "orders/paid": "ORDERS_PAID",
    "orders/fulfilled": "ORDERS_FULFILLED",
    "orders/partially_fulfilled": "ORDERS_PARTIALLY_FULFILLED",
    "orders/edited": "ORDERS_EDITED",
    "returns/request": "RETURNS_REQUEST",
    "returns/approve": "RETURNS_APPROVE",
    "returns/close": "RETURNS_CLOSE",
    "refunds/create": "REFUNDS_CREATE",
    "fulfillments/create": "FULFILLMENTS_CREATE",
    "fulfillment_orders/moved": "FULFILLMENT_ORDERS_MOVED",
    "fulfillment_orders/placed_on_hold": "FULFILLMENT_ORDERS_PLACED_ON_HOLD",
    "fulfillment_orders/hold_released": "FULFILLMENT_ORDERS_HOLD_RELEASED",
    "inventory_levels/update": "INVENTORY_LEVELS_UPDATE",
    "inventory_levels/connect": "INVENTORY_LEVELS_CONNECT",
    "inventory_levels/disconnect": "INVENTORY_LEVELS_DISCONNECT",
    "inventory_items/update": "INVENTORY_ITEMS_UPDATE",
    "bulk_operations/finish": "BULK_OPERATIONS_FINISH",
}
HEADER = {enum: header for header, enum in TOPICS.items()}

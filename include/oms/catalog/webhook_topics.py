"""The topics that the OMS knows, by category (orders.md 10); anything else that comes is ignored."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """Something that a shop tells of."""

    header: str
    """As deliveries and the inbox name it."""
    enum: str
    """As the Admin API names it."""
    category: str
    tells: str
    job: str | None = None
    """The DAG that works its deliveries off; None: there is none yet, and nobody is to subscribe to it."""


TOPICS = {
    topic.header: topic
    for topic in (
        Topic("orders/create", "ORDERS_CREATE", "orders", "New orders"),
        Topic("orders/cancelled", "ORDERS_CANCELLED", "orders", "Cancelled orders"),
        Topic("order_transactions/create", "ORDER_TRANSACTIONS_CREATE", "orders", "Payment status"),
        Topic("refunds/create", "REFUNDS_CREATE", "orders", "Returns"),
        Topic(
            "inventory_levels/update",
            "INVENTORY_LEVELS_UPDATE",
            "inventory",
            "Inventory level update",
            job="receive_inventory_level_webhooks",
        ),
        Topic("products/create", "PRODUCTS_CREATE", "products", "New products"),
        Topic("products/delete", "PRODUCTS_DELETE", "products", "Deleted products"),
        Topic("bulk_operations/finish", "BULK_OPERATIONS_FINISH", "system", "A bulk operation has ended"),
    )
}
BY_ENUM = {topic.enum: topic for topic in TOPICS.values()}
CATEGORIES = tuple(dict.fromkeys(topic.category for topic in TOPICS.values()))

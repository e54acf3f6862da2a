"""The bodies of webhooks: REST-shaped, snake case, numeric ids (shopify.md 4.4)."""

from decimal import Decimal
from typing import Any

from fakeshop.clock import iso
from fakeshop.gids import gid, level_gid
from fakeshop.nodes.orders import financial_status, fulfillment_status, total_of, unfulfilled
from fakeshop.records import BulkOperation, Order, Variant
from fakeshop.shop import Shop

Body = dict[str, Any]


def payload(shop: Shop, topic: str, subject: Any) -> Body:
    """Return the body for a topic and what it is about."""
    if topic == "refunds/create":
        return refund(subject, subject.refunds[-1])
    if topic == "fulfillments/create":
        return fulfillment(subject, subject.fulfillments[-1])
    if topic == "orders/edited":
        return edit(*subject)
    if topic.startswith("returns/"):
        return return_(*subject)
    if topic.startswith("orders/"):
        return order(shop, subject)
    if topic.startswith("fulfillment_orders/"):
        part = subject
        return {
            "fulfillment_order": {"id": gid("FulfillmentOrder", part["id"]), "status": part["status"].lower()}
        }
    if topic.startswith("inventory_levels/"):
        return level(shop, subject, short=topic.endswith("disconnect"))
    if topic == "inventory_items/update":
        return item(subject)
    return bulk(subject)


def level(shop: Shop, row: int, *, short: bool) -> Body:
    """Body of inventory_levels/*: only ``available``, whoever changed it."""
    levels = shop.levels
    place = shop.locations[levels.location[row]]
    body: Body = {"inventory_item_id": levels.item[row], "location_id": place.id}
    if short:
        return body
    return body | {
        "available": levels.get(row, "available"),
        "updated_at": iso(levels.updated[row]),
        "admin_graphql_api_id": level_gid(place.level_number, levels.item[row]),
    }


def item(variant: Variant) -> Body:
    """Body of inventory_items/update."""
    return {
        "id": variant.item,
        "admin_graphql_api_id": gid("InventoryItem", variant.item),
        "sku": variant.sku,
        "tracked": variant.tracked,
        "requires_shipping": variant.requires_shipping,
        "created_at": iso(variant.created),
        "updated_at": iso(variant.item_updated),
    }


def bulk(operation: BulkOperation) -> Body:
    """Body of bulk_operations/finish: it has no address of the result."""
    return {
        "admin_graphql_api_id": gid("BulkOperation", operation.id),
        "completed_at": iso(operation.completed),
        "created_at": iso(operation.created),
        "error_code": operation.error_code and operation.error_code.lower(),
        "status": operation.status.lower(),
        "type": operation.type.lower(),
    }


def money_set(amount: Decimal | str, currency: str) -> Body:
    """Return a price in both currencies, which are the same here."""
    one = {"amount": f"{Decimal(amount):.2f}", "currency_code": currency}
    return {"shop_money": one, "presentment_money": one}


def order(shop: Shop, record: Order) -> Body:
    """Body of orders/*."""
    total, current = total_of(record), total_of(record, "current_quantity")
    status = {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial"}.get(fulfillment_status(record))
    return {
        "id": record.id,
        "admin_graphql_api_id": gid("Order", record.id),
        "name": record.name,
        "number": record.number - 1000,
        "order_number": record.number,
        "created_at": iso(record.created),
        "updated_at": iso(record.updated),
        "processed_at": iso(record.created),
        "cancelled_at": iso(record.cancelled),
        "cancel_reason": record.cancel_reason and record.cancel_reason.lower(),
        "closed_at": iso(record.closed),
        "confirmed": True,
        "test": record.test,
        "currency": record.currency,
        "presentment_currency": record.currency,
        "financial_status": (financial_status(record) or "").lower() or None,
        "fulfillment_status": status,
        "note": record.note,
        "note_attributes": [{"name": one["key"], "value": one["value"]} for one in record.attributes],
        "tags": ", ".join(record.tags),
        "source_name": record.source,
        "location_id": None,
        "email": record.email,
        "phone": record.phone,
        "total_price": f"{total:.2f}",
        "current_total_price": f"{current:.2f}",
        "total_price_set": money_set(total, record.currency),
        "current_total_price_set": money_set(current, record.currency),
        "line_items": [line(shop, one) for one in record.lines],
        "shipping_address": record.shipping_address,
        "refunds": [refund(record, one) for one in record.refunds],
        "fulfillments": [fulfillment(record, one) for one in record.fulfillments],
        "returns": [return_(record, one) for one in record.returns],
        "payment_gateway_names": ["bogus"],
    }


def line(shop: Shop, part: Body) -> Body:
    """Return a line item."""
    variant = shop.get(Variant, part["variant"])
    left = unfulfilled(part)
    status = None if part["fulfilled"] == 0 else ("partial" if left else "fulfilled")
    return {
        "id": part["id"],
        "admin_graphql_api_id": gid("LineItem", part["id"]),
        "product_id": variant and variant.product,
        "variant_id": part["variant"],
        "sku": part["sku"],
        "title": part["title"],
        "quantity": part["quantity"],
        "current_quantity": part["current_quantity"],
        "fulfillable_quantity": left,
        "fulfillment_status": status,
        "fulfillment_service": "manual",
        "price": part["price"],
        "requires_shipping": True,
        "taxable": True,
        "gift_card": False,
        "product_exists": variant is not None,
        "properties": [],
    }


def refund(record: Order, part: Body) -> Body:
    """Body of refunds/create."""
    return {
        "id": part["id"],
        "admin_graphql_api_id": gid("Refund", part["id"]),
        "order_id": record.id,
        "created_at": iso(part["created"]),
        "processed_at": iso(part["created"]),
        "note": part["note"],
        "restock": any(one["restock_type"] != "NO_RESTOCK" for one in part["lines"]),
        "refund_line_items": [
            {
                "id": one["id"],
                "line_item_id": one["line"],
                "location_id": one["location"],
                "quantity": one["quantity"],
                "restock_type": one["restock_type"].lower(),
            }
            for one in part["lines"]
        ],
        "transactions": [
            {"id": one["id"], "order_id": record.id, "kind": "refund", "amount": one["amount"]}
            for one in record.transactions
            if one["kind"] == "REFUND"
        ],
    }


def fulfillment(record: Order, part: Body) -> Body:
    """Body of fulfillments/create."""
    return {
        "id": part["id"],
        "admin_graphql_api_id": gid("Fulfillment", part["id"]),
        "order_id": record.id,
        "name": part["name"],
        "status": part["status"].lower(),
        "location_id": part["location"],
        "created_at": iso(part["created"]),
        "updated_at": iso(part["updated"]),
        "tracking_numbers": [one["number"] for one in part["tracking"]],
        "line_items": [{"id": one["line"], "quantity": one["quantity"]} for one in part["lines"]],
    }


def edit(record: Order, part: Body) -> Body:
    """Body of orders/edited."""
    return {
        "order_edit": {
            "id": part["id"],
            "order_id": record.id,
            "notify_customer": part["notify"],
            "line_items": {"additions": [], "removals": part["removals"]},
            "staff_note": part["note"],
            "created_at": iso(part["created"]),
        }
    }


def return_(record: Order, part: Body) -> Body:
    """Body of returns/*."""
    shipped = {one["id"]: one["line"] for parcel in record.fulfillments for one in parcel["lines"]}
    lines = [
        {
            "id": one["id"],
            "admin_graphql_api_id": gid("ReturnLineItem", one["id"]),
            "quantity": one["quantity"],
            "return_reason": one["return_reason"].lower(),
            "return_reason_note": one["return_reason_note"],
            "customer_note": one["customer_note"],
            "fulfillment_line_item": {
                "id": one["fulfillment_line"],
                "admin_graphql_api_id": gid("FulfillmentLineItem", one["fulfillment_line"]),
                "line_item": {
                    "id": shipped[one["fulfillment_line"]],
                    "admin_graphql_api_id": gid("LineItem", shipped[one["fulfillment_line"]]),
                },
            },
        }
        for one in part["lines"]
    ]
    return {
        "id": part["id"],
        "admin_graphql_api_id": gid("Return", part["id"]),
        "status": part["status"].lower(),
        "name": part["name"],
        "order": {"id": record.id, "admin_graphql_api_id": gid("Order", record.id)},
        "total_return_line_items": sum(one["quantity"] for one in part["lines"]),
        "total_exchange_line_items": 0,
        "exchange_line_items": [],
        "return_shipping_fees": [],
        "return_line_items": lines,
    }

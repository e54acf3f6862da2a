"""Orders: cancel, update, refund, tags, metafields (shopify.md 5.3; rows 111-117)."""

import uuid
from decimal import Decimal
from typing import Any

from fakeshop import orders
from fakeshop.errors import not_simulated, user_error
from fakeshop.gids import gid, number_of, parse
from fakeshop.metafields import name_problem, resolved, value_problem
from fakeshop.mutations import Outcome, mutation, ref, wrong_type
from fakeshop.nodes.base import Context
from fakeshop.nodes.catalogue import digest_of
from fakeshop.nodes.orders import refunded_of, total_of, visible
from fakeshop.records import Job, Location, Metafield, Order, Product

STAFF_NOTE_LIMIT = 255
METAFIELDS_LIMIT = 25
OWNERS: dict[str, type] = {"Order": Order, "Product": Product}


def order_of(ctx: Context, id: str) -> Order | None:
    """Find an order that the app may see; an id of another type is refused."""
    parsed = parse(id)
    if parsed is None or parsed.type != "Order":
        raise wrong_type(id)
    order = ctx.shop.get(Order, parsed.number)
    return order if order is not None and visible(ctx, order) else None


def not_cancelled(field: list[str], message: str, code: str = "INVALID") -> Outcome:
    """Answer without a job."""
    error = user_error(field, message, code)
    return {"job": None, "jobResult": None, "orderCancelUserErrors": [error], "userErrors": [error]}


@mutation("orderCancel", "job", "jobResult")
def cancel(
    ctx: Context,
    orderId: str,
    reason: str,
    restock: bool,
    refundMethod: dict[str, Any] | None = None,
    refund: bool | None = None,
    notifyCustomer: bool = False,
    staffNote: str | None = None,
) -> Outcome:
    """Cancel an order. The effect comes at once, the job says so after ``job_seconds``."""
    shop = ctx.shop
    if refund is not None and refundMethod is not None:
        message = "Only one of the arguments `refund` or `refund_method` is allowed."
        return not_cancelled(["refund"], message)
    if refundMethod and refundMethod.get("storeCreditRefund"):
        raise not_simulated("OrderCancelRefundMethodInput.storeCreditRefund")
    if staffNote is not None and len(staffNote) > STAFF_NOTE_LIMIT:
        message = f"Staff note is too long. Maximum length is {STAFF_NOTE_LIMIT} characters."
        return not_cancelled(["staffNote"], message)
    order = order_of(ctx, orderId)
    if order is None:
        return not_cancelled(["orderId"], "Order does not exist", "NOT_FOUND")
    money = bool(refund or (refundMethod or {}).get("originalPaymentMethodsRefund"))
    try:
        orders.cancel(ctx, order, restock=restock, reason=reason, refund_money=money, staff_note=staffNote)
    except orders.OrderRefused as refused:
        return not_cancelled(["orderId"], str(refused))
    done_at = shop.clock.precise() + shop.settings.job_seconds
    job = shop.put(Job(shop.new_id(), str(uuid.uuid4()), order.id, done_at))
    return {
        "job": ref(gid("Job", job.uuid)),
        "jobResult": ref(gid("OrderCancelJobResult", job.id)),
        "orderCancelUserErrors": [],
        "userErrors": [],
    }


@mutation("orderUpdate", "order")
def update(ctx: Context, input: dict[str, Any]) -> Outcome:
    """Change an order; tags and attributes replace what was there (row 114)."""
    known = {"note", "email", "phone", "tags", "customAttributes", "shippingAddress"}
    strange = set(input) - known - {"id"}
    if strange:
        raise not_simulated(f"OrderInput.{min(strange)}")
    order = order_of(ctx, input["id"])
    if order is None:
        return {"order": None, "userErrors": [user_error(["id"], "Order does not exist")]}
    if set(input) == {"id"}:
        message = "No valid update parameters have been provided"
        return {"order": None, "userErrors": [user_error(None, message)]}
    for name in ("note", "email", "phone"):
        if name in input:
            setattr(order, name, input[name])
    if "tags" in input:
        order.tags = tags_of(input["tags"] or [])
    if "customAttributes" in input:
        order.attributes = input["customAttributes"] or []
    if "shippingAddress" in input:
        order.shipping_address = input["shippingAddress"]
    orders.tell(ctx, order, "orders/updated")
    return {"order": ref(input["id"]), "userErrors": []}


def tags_of(given: list[str]) -> list[str]:
    """Return tags sorted, each once whatever its case: the first spelling stays; a comma separates two."""
    kept: dict[str, str] = {}
    for part in (part.strip() for text in given for part in text.split(",")):
        if part:
            kept.setdefault(part.lower(), part)
    return [kept[name] for name in sorted(kept)]


def tagged(ctx: Context, id: str) -> Order | Product | None:
    """Find what carries tags (row 115)."""
    parsed = parse(id)
    if parsed is None or parsed.type not in OWNERS:
        raise wrong_type(id)
    return ctx.shop.get(OWNERS[parsed.type], parsed.number)


def change_tags(ctx: Context, id: str, tags: list[str]) -> Outcome:
    """Give an owner its new tags."""
    owner = tagged(ctx, id)
    assert owner is not None
    owner.tags = tags
    if isinstance(owner, Order):
        orders.tell(ctx, owner, "orders/updated")
    else:
        owner.updated = ctx.shop.clock.now()
        ctx.shop.put(owner)
    return {"node": ref(id), "userErrors": []}


def no_owner(id: str) -> Outcome:
    """Answer for an id that nothing has."""
    parsed = parse(id)
    return {"node": None, "userErrors": [user_error(["id"], f"{parsed and parsed.type} does not exist")]}


@mutation("tagsAdd", "node")
def tags_add(ctx: Context, id: str, tags: list[str]) -> Outcome:
    """Add tags; adding twice is harmless."""
    owner = tagged(ctx, id)
    return no_owner(id) if owner is None else change_tags(ctx, id, tags_of([*owner.tags, *tags]))


@mutation("tagsRemove", "node")
def tags_remove(ctx: Context, id: str, tags: list[str]) -> Outcome:
    """Remove tags."""
    owner = tagged(ctx, id)
    gone = {part.strip() for text in tags for part in text.split(",")}
    return (
        no_owner(id)
        if owner is None
        else change_tags(ctx, id, [one for one in owner.tags if one not in gone])
    )


@mutation("refundCreate", "order", "refund", needs_key=True)
def refund_create(ctx: Context, input: dict[str, Any]) -> Outcome:
    """Refund lines and money (row 117)."""
    known = {"orderId", "note", "refundLineItems", "transactions", "notify", "allowOverRefunding",
             "refundMethods", "currency"}  # fmt: skip
    strange = set(input) - known
    if strange or input.get("refundMethods"):
        raise not_simulated(f"RefundInput.{min(strange, default='refundMethods')}")
    nothing: Outcome = {"order": None, "refund": None}
    order = order_of(ctx, input["orderId"])
    if order is None:
        return nothing | {"userErrors": [user_error(["orderId"], "Order does not exist")]}
    lines, errors = refund_lines(ctx, order, input.get("refundLineItems") or [])
    payments = input.get("transactions") or []
    errors += [error for one in payments if (error := payment_error(order, one))]
    amount = sum((Decimal(one["amount"]) for one in payments), Decimal(0))
    received = total_of(order) - refunded_of(order) if order.financial_status == "PAID" else Decimal(0)
    if amount > received and not input.get("allowOverRefunding"):
        message = f"Refund amount ${amount:.2f} is greater than net payment received ${received:.2f}"
        errors.append(user_error(None, message))
    if errors:
        return nothing | {"userErrors": errors}
    part = orders.refund(ctx, order, lines, f"{amount:.2f}", input.get("note"))
    return {"order": ref(input["orderId"]), "refund": ref(gid("Refund", part["id"])), "userErrors": []}


def payment_error(order: Order, given: dict[str, Any]) -> dict[str, Any] | None:
    """Return what is wrong with a transaction of a refund: it pays back one that the order has."""
    if given["kind"] != "REFUND":
        return user_error(None, f"Kind {given['kind'].lower()} is not a valid transaction")
    parent = number_of(given.get("parentId") or "", "OrderTransaction")
    if all(one["id"] != parent for one in order.transactions):
        return user_error(["transactions"], "Transactions require a parent_id associated with the order")
    return None


def refund_lines(
    ctx: Context, order: Order, given: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Check the lines of a refund; return them and what is wrong."""
    known = {line["id"]: line for line in order.lines}
    left = {number: line["current_quantity"] for number, line in known.items()}
    lines, errors = [], []
    for index, one in enumerate(given):
        path = ["refundLineItems", str(index)]
        number = number_of(one["lineItemId"], "LineItem")
        kind = one.get("restockType") or "NO_RESTOCK"
        location = number_of(one.get("locationId") or "", "Location")
        if number not in known:
            errors.append(user_error([*path, "lineItemId"], "Line item does not exist"))
            continue
        left[number] -= one["quantity"]
        if left[number] < 0:
            message = "Quantity cannot refund more items than were purchased"
            errors.append(user_error([*path, "quantity"], message))
        if kind == "RETURN" and ctx.shop.get(Location, location) is None:
            errors.append(user_error([*path, "locationId"], "Location must be specified when restocking"))
        lines.append(
            {"line": number, "quantity": one["quantity"], "restock_type": kind, "location": location}
        )
    return lines, errors


@mutation("metafieldsSet", "metafields")
def metafields_set(ctx: Context, metafields: list[dict[str, Any]]) -> Outcome:
    """Set up to 25 metafields, all or nothing (row 116)."""
    shop, now = ctx.shop, ctx.shop.clock.now()
    if len(metafields) > METAFIELDS_LIMIT:
        message = f"Exceeded the maximum metafields input limit of {METAFIELDS_LIMIT}."
        error = user_error(["metafields"], message, "LESS_THAN_OR_EQUAL_TO") | {"elementIndex": None}
        return {"metafields": None, "userErrors": [error]}
    errors, planned = [], []
    for index, given in enumerate(metafields):
        error, found = check_metafield(ctx, given)
        if error is not None:
            field, message, code = error
            path = ["metafields", str(index), field]
            errors.append(user_error(path, message, code) | {"elementIndex": index})
        planned.append((given, found))
    if errors:
        return {"metafields": None, "userErrors": errors}
    written = []
    for given, old in planned:
        record = old or new_metafield(ctx, given)
        record.value, record.updated = given["value"], now
        record.type = given.get("type") or record.type
        written.append(shop.put(record))
    return {"metafields": [ref(gid("Metafield", one.id)) for one in written], "userErrors": []}


def check_metafield(
    ctx: Context, given: dict[str, Any]
) -> tuple[tuple[str, str, str] | None, Metafield | None]:
    """Return what is wrong with a metafield, and the one it replaces."""
    owner = parse(given["ownerId"])
    kinds = {"Order": Order, "Product": Product, "ProductVariant": None, "Location": Location}
    if owner is None or owner.type not in kinds:
        raise not_simulated(f"Metafields of {owner and owner.type}")
    kind = kinds[owner.type]
    exists = (
        ctx.shop.records["Variant"].get(owner.number) if kind is None else ctx.shop.get(kind, owner.number)
    )
    if exists is None:
        return ("ownerId", "Owner does not exist.", "INVALID_VALUE"), None
    namespace = resolved(given.get("namespace"), ctx.app.id)
    problem = name_problem(namespace, given["key"], ctx.app.id)
    if problem:
        return problem, None
    found = next(
        (
            one
            for one in ctx.shop.all(Metafield).values()
            if (one.owner, one.owner_type, one.namespace, one.key)
            == (owner.number, owner.type, namespace, given["key"])
        ),
        None,
    )
    if "compareDigest" in given:
        expected = given["compareDigest"]
        if expected != (digest_of(found) if found else None):
            message = "The resource has been updated since it was loaded. Try again with an updated digest."
            return ("compareDigest", message, "STALE_OBJECT"), None
    if found is None and not given.get("type"):
        return ("type", "Type can't be blank", "BLANK"), None
    type_ = given.get("type") or (found.type if found else "")
    return value_problem(type_, given["value"]), found


def new_metafield(ctx: Context, given: dict[str, Any]) -> Metafield:
    """Build a metafield that did not exist."""
    owner = parse(given["ownerId"])
    assert owner is not None
    now = ctx.shop.clock.now()
    namespace = resolved(given.get("namespace"), ctx.app.id)
    return Metafield(
        ctx.shop.new_id(), owner.type, int(owner.number), namespace, given["key"], given["type"], "", now, now
    )

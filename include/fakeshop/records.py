"""What a shop remembers besides levels. Plain records; times are seconds since 1970, money is text."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class App:
    """An app installed in the shop: its secret signs webhooks, its tokens open the API."""

    id: int
    client_id: str
    client_secret: str
    scopes: list[str]
    installed: bool = True
    same_organisation: bool = True
    tokens: dict[str, int | None] = field(default_factory=dict)  # token -> time of issue; None never expires


@dataclass(slots=True)
class Location:
    """A place that holds stock; ``level_number`` is the number in the ids of its levels."""

    id: int
    name: str
    level_number: int
    created: int
    updated: int
    active: bool = True
    fulfills_online: bool = True
    legacy: bool = False
    address: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Product:
    """A product and the ids of its variants, in their order."""

    id: int
    title: str
    created: int
    updated: int
    handle: str = ""
    status: str = "ACTIVE"
    vendor: str = ""
    product_type: str = ""
    tags: list[str] = field(default_factory=list)
    variants: list[int] = field(default_factory=list)
    description: str = ""


@dataclass(slots=True)
class Variant:
    """A variant together with its inventory item (one to one)."""

    id: int
    product: int
    item: int
    created: int
    updated: int
    item_updated: int
    sku: str | None = None
    barcode: str | None = None
    title: str = "Default Title"
    price: str = "10.00"
    cost: str | None = None
    position: int = 1
    tracked: bool = True
    requires_shipping: bool = True
    bundle: bool = False
    policy: str = "DENY"
    options: dict[str, str] | None = None


@dataclass(slots=True)
class Order:
    """An order with everything that hangs on it; nested parts are dictionaries with ids of their own."""

    id: int
    number: int
    created: int
    updated: int
    currency: str
    lines: list[dict[str, Any]]
    fulfillment_orders: list[dict[str, Any]]
    fulfillments: list[dict[str, Any]] = field(default_factory=list)
    refunds: list[dict[str, Any]] = field(default_factory=list)
    transactions: list[dict[str, Any]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    note: str | None = None
    email: str | None = None
    phone: str | None = None
    attributes: list[dict[str, str]] = field(default_factory=list)
    shipping_address: dict[str, str] | None = None
    source: str = "web"
    financial_status: str | None = "PAID"
    """None: nothing was paid or asked for yet."""
    cancelled: int | None = None
    cancel_reason: str | None = None
    staff_note: str | None = None
    closed: int | None = None
    test: bool = False
    edited: bool = False
    returns: list[dict[str, Any]] = field(default_factory=list)
    edits: list[dict[str, Any]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"#{self.number}"


UNDER_WAY = ("CREATED", "RUNNING", "CANCELING")
"""Statuses of bulk operations that are not over."""


@dataclass(slots=True)
class BulkOperation:
    """A bulk query or mutation; ``text`` is the document, ``path`` the staged input of a mutation."""

    id: int
    type: str
    text: str
    created: int
    version: str
    app: int
    status: str = "CREATED"
    path: str | None = None
    group_objects: bool = False
    completed: int | None = None
    error_code: str | None = None
    objects: int = 0
    roots: int = 0
    file: str | None = None
    file_size: int | None = None
    partial: bool = False


@dataclass(slots=True)
class StagedUpload:
    """Permission to upload one file, and whether it came."""

    id: int
    key: str
    method: str
    created: int
    fields: dict[str, str]
    size: int | None = None


@dataclass(slots=True)
class Subscription:
    """A webhook subscription of an app."""

    id: int
    app: int
    topic: str
    uri: str
    version: str
    created: int
    updated: int
    filter: str | None = None
    include_fields: list[str] = field(default_factory=list)
    metafield_namespaces: list[str] = field(default_factory=list)
    name: str | None = None
    failures: int = 0


@dataclass(slots=True)
class Delivery:
    """One webhook on its way: the body is fixed when the event happens, retries repeat it."""

    id: int
    subscription: int
    webhook_id: str
    event_id: str
    topic: str
    body: str
    triggered: float
    """With its fraction: it tells apart what happened in one second."""
    attempts: int = 0
    due: float = 0


@dataclass(slots=True)
class Job:
    """An asynchronous job; ``done_at`` is when polling starts to say that it is done."""

    id: int
    uuid: str
    order: int
    done_at: float
    kind: str = "orderCancel"


@dataclass(slots=True)
class Metafield:
    """A metafield of any owner."""

    id: int
    owner_type: str
    owner: int
    namespace: str
    key: str
    type: str
    value: str
    created: int
    updated: int


KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        App,
        Location,
        Product,
        Variant,
        Order,
        BulkOperation,
        StagedUpload,
        Subscription,
        Delivery,
        Job,
        Metafield,
    )
}

"""One shop: its records and levels in memory, its changes on their way to disk."""

import sys
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import orjson

from fakeshop.bucket import Bucket
from fakeshop.clock import Clock
from fakeshop.levels import STORED, LevelTable
from fakeshop.records import KINDS, App, BulkOperation, Location, Order, Subscription, Variant
from fakeshop.store import Store
from fakeshop.webhooks.topics import HEADER

RATES = {"standard": 100, "advanced": 200, "plus": 1000, "enterprise": 2000}
FIRST_ID = 5_000_000_000_000
IDS_PER_SHOP = 100_000_000_000
TOKEN_LIFE = 86_400
RECENT_GROUPS = 50
RETRY_SECONDS = (60, 180, 600, 1200, 2400, 3600, 3600, 2760)  # eight retries in four hours


@dataclass
class Settings:
    """The switches of a shop (shopify.md 7.9); the side door changes them."""

    domain: str
    name: str
    currency: str = "USD"
    plan: str = "standard"
    inactive_levels: str = "accept"  # or "silent", or "error" (not for 2026-10)
    bulk_seconds: float = 0.0
    bulk_shuffle: bool = True
    webhooks_on: bool = True
    webhook_delay: float = 0.0
    webhook_duplicate: float = 0.0
    webhook_drop: float = 0.0
    webhook_reorder: bool = False
    webhook_retry_seconds: list[float] = field(default_factory=lambda: list(RETRY_SECONDS))
    webhook_private_targets: bool = True
    job_seconds: float = 0.5
    order_visibility_days: int = 60
    api_version: str = "2026-10"


# One applied change of one quantity: name, delta, item, location, ledger document.
Change = tuple[str, int, int, int, str | None]


class Entry(NamedTuple):
    """What changed together and why; ``group`` is the adjustment group of an API call."""

    at: int
    source: str
    event: str
    group: int | None
    reason: str | None
    reference: str | None
    key: str | None
    changes: list[Change]


class Shop:
    """The state of one shop. Whoever changes something marks it; ``commit`` writes what was marked."""

    def __init__(self, number: int, handle: str, settings: Settings, store: Store, clock: Clock) -> None:
        self.number = number
        self.handle = handle
        self.settings = settings
        self.store = store
        self.clock = clock
        self.levels = LevelTable()
        self.records: dict[str, dict[int, Any]] = {kind: {} for kind in KINDS}
        self.by_item: dict[int, Variant] = {}
        self.parts: dict[tuple[str, int], tuple[Order, dict[str, Any]]] = {}
        self.next_id = FIRST_ID + number * IDS_PER_SHOP
        self.next_order = 1001
        self.running_keys: dict[tuple[int, str], object] = {}
        self.buckets: dict[int, Bucket] = {}
        self.new_bulk: list[BulkOperation] = []
        self.topics: set[str] = set()
        self.events: list[tuple[str, Any, str]] = []
        self._dirty: dict[tuple[str, int], Any] = {}
        self._dirty_levels: set[int] = set()
        self._entries: list[Entry] = []
        self._recent: dict[int, Entry] = {}
        self._settings_dirty = True

    # ids and look-ups

    def new_id(self) -> int:
        """Issue an id; ids are above 2^32 and never come back."""
        self.next_id += 1
        self._settings_dirty = True
        return self.next_id

    def issued(self, number: int) -> None:
        """Take note of an id that was chosen outside, so that it is not issued again."""
        first = FIRST_ID + self.number * IDS_PER_SHOP
        if self.next_id < number < first + IDS_PER_SHOP:
            self.next_id = number

    def all(self, kind: type) -> dict[int, Any]:
        """Return the records of a kind by id."""
        return self.records[kind.__name__]

    def get(self, kind: type, number: int | str | None) -> Any:
        """Return a record; None when there is none."""
        return self.records[kind.__name__].get(number)

    @property
    def locations(self) -> dict[int, Location]:
        return self.records["Location"]

    def app_of(self, token: str) -> App | None:
        """Return the app that a token belongs to; None when it is unknown or older than a day."""
        for app in self.all(App).values():
            issued = app.tokens.get(token, -1)
            if issued is None or (issued >= 0 and self.clock.now() - issued <= TOKEN_LIFE):
                return app if app.installed else None
        return None

    def bucket(self, app: App) -> Bucket:
        """Return the leaky bucket of an app in this shop."""
        rate = RATES[self.settings.plan]
        bucket = self.buckets.get(app.id)
        if bucket is None or bucket.rate != rate:
            bucket = self.buckets[app.id] = Bucket(rate)
        return bucket

    # changing

    def put(self, record: Any) -> Any:
        """Add or replace a record, and mark it."""
        kind = type(record).__name__
        self.records[kind][record.id] = record
        self._dirty[kind, record.id] = record
        self._index(kind, record)
        return record

    def drop(self, record: Any) -> None:
        """Delete a record."""
        kind = type(record).__name__
        self.records[kind].pop(record.id, None)
        self._dirty[kind, record.id] = None
        if kind == "Subscription":
            self._listen()

    def touch_level(self, row: int) -> None:
        """Mark a level as changed now."""
        self.levels.updated[row] = self.clock.now()
        self._dirty_levels.add(row)

    def mark_levels(self, rows: range) -> None:
        """Mark new levels without moving their time."""
        self._dirty_levels.update(rows)

    def settings_changed(self) -> None:
        """Mark the switches as changed."""
        self._settings_dirty = True

    def note(self, entry: Entry) -> None:
        """Write an entry into the journal of applied changes."""
        self._entries.append(entry)
        self.remember(entry)

    def remember(self, entry: Entry) -> None:
        """Keep an entry at hand as its adjustment group shows it."""
        if entry.group is not None:
            self._recent[entry.group] = entry
            if len(self._recent) > RECENT_GROUPS:
                self._recent.pop(next(iter(self._recent)))

    def _listen(self) -> None:
        """Note which topics somebody listens to: the others cost nothing."""
        heard = {subscription.topic for subscription in self.all(Subscription).values()}
        self.topics = {HEADER[topic] for topic in heard if topic in HEADER}

    def has_subscription(self, topic: str) -> bool:
        """Say whether anybody listens to a topic."""
        return topic in self.topics

    def announce(self, topic: str, subject: Any, event_id: str) -> None:
        """Remember that something happened which webhooks may tell (topic in its header form)."""
        if topic in self.topics:
            self.events.append((topic, subject, event_id))

    def _index(self, kind: str, record: Any) -> None:
        if kind == "Subscription":
            self._listen()
        elif kind == "Variant":
            self.by_item[record.item] = record
        elif kind == "Order":
            for name, parts in order_parts(record):
                for part in parts:
                    self.parts[name, part["id"]] = (record, part)

    # disk

    def commit(self) -> None:
        """Write everything marked and make it durable."""
        self.flush()
        self.store.commit()

    def flush(self) -> None:
        """Write everything marked into the open transaction."""
        if self._dirty:
            self._flush_records()
        if self._dirty_levels:
            self._flush_levels()
        if self._entries:
            self._flush_entries()
        if self._settings_dirty:
            body = {
                "number": self.number,
                "settings": asdict(self.settings),
                "next_id": self.next_id,
                "next_order": self.next_order,
            }
            self.store.put_setting(f"shop/{self.handle}", orjson.dumps(body))
            self._settings_dirty = False

    def _flush_records(self) -> None:
        kept = [
            (self.number, kind, number, orjson.dumps(record, option=orjson.OPT_PASSTHROUGH_SUBCLASS))
            for (kind, number), record in self._dirty.items()
            if record is not None
        ]
        gone = [(self.number, *key) for key, record in self._dirty.items() if record is None]
        self.store.write("insert or replace into record values (?, ?, ?, ?)", kept)
        self.store.write("delete from record where shop = ? and kind = ? and id = ?", gone)
        self._dirty.clear()

    def _flush_levels(self) -> None:
        levels = self.levels
        columns = levels.quantities
        rows = [
            (
                self.number,
                levels.location[row],
                levels.item[row],
                *[column[row] for column in columns],
                levels.active[row],
                levels.created[row],
                levels.updated[row],
            )
            for row in self._dirty_levels
        ]
        self.store.write("insert or replace into level values (?,?,?,?,?,?,?,?,?,?,?,?,?)", rows)
        self._dirty_levels.clear()

    def _flush_entries(self) -> None:
        rows = [(self.number, *entry[:-1], orjson.dumps(entry.changes)) for entry in self._entries]
        self.store.write(
            "insert into journal (shop, at, source, event, adjustment_group, reason, reference, key, changes)"
            " values (?,?,?,?,?,?,?,?,?)",
            rows,
        )
        self._entries.clear()

    def entry_of_group(self, group: int) -> Entry | None:
        """Read an adjustment group back from the journal."""
        if group in self._recent:
            return self._recent[group]
        found = next(
            self.store.read(
                "select at, source, event, adjustment_group, reason, reference, key, changes"
                " from journal where shop = ? and adjustment_group = ?",
                self.number,
                group,
            ),
            None,
        )
        return found and Entry(*found[:-1], [tuple(change) for change in orjson.loads(found[-1])])

    def load(self) -> None:
        """Read records and levels from disk."""
        for kind, body in self.store.read("select kind, body from record where shop = ?", self.number):
            record = KINDS[kind](**orjson.loads(body))
            if kind == "Variant":
                record.title, record.price = sys.intern(record.title), sys.intern(record.price)
            self.records[kind][record.id] = record
            self._index(kind, record)
        columns = "location, item, q0, q1, q2, q3, q4, q5, q6, active, created, updated"
        query = f"select {columns} from level where shop = ?"  # noqa: S608 - a constant
        for location, item, *numbers, active, created, updated in self.store.read(query, self.number):
            variant = self.by_item.get(item)
            self.levels.add(
                location,
                variant.item if variant else item,
                tuple(numbers),
                active=bool(active),
                created=created,
                updated=updated,
            )

    def add_level(self, location: int, item: int, *, active: bool = True, **quantities: int) -> int:
        """Add a level with the given quantities (others 0) and mark it; return its row."""
        now = self.clock.now()
        numbers = tuple(quantities.get(name, 0) for name in STORED)
        row = self.levels.add(location, item, numbers, active=active, created=now, updated=now)
        self._dirty_levels.add(row)
        return row


def order_parts(order: Order) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the nested parts of an order that have ids of their own, by GraphQL type."""
    parts = [
        ("LineItem", order.lines),
        ("FulfillmentOrder", order.fulfillment_orders),
        ("Fulfillment", order.fulfillments),
        ("Refund", order.refunds),
        ("OrderTransaction", order.transactions),
        ("Return", order.returns),
        ("CalculatedOrder", order.edits),
    ]
    for fulfillment_order in order.fulfillment_orders:
        parts.append(("FulfillmentOrderLineItem", fulfillment_order["lines"]))
        parts.append(("FulfillmentHold", fulfillment_order.get("holds", [])))
    parts.extend(("FulfillmentLineItem", fulfillment["lines"]) for fulfillment in order.fulfillments)
    parts.extend(("RefundLineItem", refund["lines"]) for refund in order.refunds)
    parts.extend(("CalculatedLineItem", edit["lines"]) for edit in order.edits)
    for one in order.returns:
        parts += [("ReturnLineItem", one["lines"]), ("ReverseFulfillmentOrder", one["reverse"])]
        for reverse in one["reverse"]:
            parts.append(("ReverseFulfillmentOrderLineItem", reverse["lines"]))
            parts.extend(
                ("ReverseFulfillmentOrderDisposition", line["dispositions"]) for line in reverse["lines"]
            )
    return parts

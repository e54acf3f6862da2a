"""Why a number is what it is: the ledger entries behind it, and what Shopify was told because of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, dict_row

from oms.database import Connection, statements
from oms.errors import NeedsPerson
from oms.texts import trimmed

sql = statements(__file__)

SHOWN = 50
"""Entries and lines of each level that are shown unless asked otherwise; older ones are summed up."""


_CALL = re.compile(r"api:(?P<client>[^:]+):(?P<key>.+):(?P<element>\d+):\d{13}")
"""Of oms.adjust_position; the last number is the millisecond, as a key may be used again after 30 days."""
_CALL_WITHOUT_KEY = re.compile(r"api:(?P<client>[^:]+):[0-9a-f-]{36}:\d+")
_WEBHOOK = re.compile(r"webhook:(?P<shop>[^:]+):(?P<event>.+)")


class NotKnown(NeedsPerson, ValueError):
    """Nothing has the given identifier, or several things have it; the message says what to give instead."""


@dataclass(frozen=True)
class Entry:
    """One ledger entry: its cause, and QOH and ATP of the facility after it (units)."""

    entry_id: int
    location_seq_id: str
    qoh_diff: int
    atp_diff: int
    running_qoh: int
    running_atp: int
    reason_id: str | None
    reason: str | None
    effective_at: datetime
    """When it happened in the store."""
    recorded_at: datetime
    """When the transaction that wrote it began."""
    visible_at: datetime
    """When that transaction was committed: from then on the entry counts."""
    log_id: int | None
    file_name: str | None
    line_number: int | None
    repaired_line: int | None
    """The refused line that the row stands for, of log repaired_log_id."""
    repaired_log_id: int | None
    run: str | None
    order_id: int | None
    order_name: str | None
    order_item_seq: int | None
    shipment_id: int | None
    source_key: str | None
    comments: str | None
    counted_by_entry: int | None
    undoes_entry: int | None
    undone_by_entry: int | None

    @property
    def cause(self) -> str:
        """Where it came from, in words."""
        parts = []
        if self.file_name is not None:
            parts.append(f"file {self.file_name} line {self.line_number} (log {self.log_id})")
        if self.repaired_line is not None:
            parts.append(f"repairs line {self.repaired_line} of log {self.repaired_log_id}")
        if self.order_id is not None:
            name = f" {self.order_name}" if self.order_name else ""
            parts.append(f"order {self.order_id}{name} item {self.order_item_seq}")
        if self.shipment_id is not None:
            parts.append(f"shipment {self.shipment_id}")
        if self.source_key is not None and self.undoes_entry is None:
            parts.append(_spoken(self.source_key))
        if self.undoes_entry is not None:
            parts.append(f"undoes entry {self.undoes_entry}")
        if self.undone_by_entry is not None:
            parts.append(f"undone by entry {self.undone_by_entry}")
        if self.counted_by_entry is not None:
            parts.append(f"already counted by entry {self.counted_by_entry}")
        return ", ".join(parts)


def _spoken(source_key: str) -> str:
    """A cause that is no file and no document, as a person calls it."""
    if call := _CALL.fullmatch(source_key):
        element = f", element {call['element']}" if call["element"] != "0" else ""
        return f"call of {call['client']}, Idempotency-Key {call['key']}{element}"
    if call := _CALL_WITHOUT_KEY.fullmatch(source_key):
        return f"call of {call['client']}, no Idempotency-Key"
    if event := _WEBHOOK.fullmatch(source_key):
        return f"webhook {event['event']} of shop {event['shop']}"
    return f"cause {source_key}"


@dataclass(frozen=True)
class Line:
    """One change sent, or to be sent, to Shopify: its batch is the call, `run_id` the run that planned it."""

    line_id: int
    created_at: datetime
    mode: str
    delta: int
    compared_with: int
    desired: int
    guarded: bool
    status: str
    error_code: str | None
    error_message: str | None
    batch_id: str
    batch_status: str
    attempts: int
    first_sent_at: datetime | None
    answered_at: datetime | None
    adjustment_group_id: str | None
    bulk_operation_id: str | None
    run_id: str


@dataclass(frozen=True)
class Level:
    """What a shop shows of the stock at one of its locations: the present book and the last lines."""

    shop_id: str
    shopify_location_id: int
    location_name: str
    sync_mode: str
    shopify_inventory_item_id: int
    book: int | None
    opened_at: datetime | None
    set_aside_code: str | None
    drift: int | None
    looked_at: datetime | None
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Why:
    """The figures of a product at a facility, and what they are made of."""

    product_id: int
    product: str
    facility_id: str
    at: datetime | None
    """None: now."""
    qoh: int
    atp: int
    entry_count: int
    opening_qoh: int
    opening_atp: int
    """Sum of the entries before the first one shown."""
    entries: tuple[Entry, ...]
    levels: tuple[Level, ...]
    position_qoh: int
    position_atp: int
    ledger_qoh: int
    ledger_atp: int
    wrong_locations: tuple[str, ...]
    """Storage locations whose position is not the sum of its ledger."""

    @property
    def adds_up(self) -> bool:
        """Whether every position is the sum of its entries, and the chain shown ends at the figure."""
        last = self.entries[-1] if self.entries else None
        end = (last.running_qoh, last.running_atp) if last else (self.opening_qoh, self.opening_atp)
        return not self.wrong_locations and end == (self.qoh, self.atp)


def why(
    conn: Connection,
    identifier: str,
    facility: str,
    *,
    id_type: str = "SKU",
    at: datetime | None = None,
    storage: str | None = None,
    shop_id: str | None = None,
    location: int | None = None,
    last: int = SHOWN,
) -> Why:
    """The chain behind QOH and ATP of a product at a facility, now or at a past instant.

    id_type as in import files, or PRODUCT_ID; facility: our id or the external one; storage: one storage
    location; shop_id, location: only what was pushed there; at: aware. Figures of an instant are those that
    a reader saw then: an entry counts from the commit of its transaction on. Raises NotKnown.
    """
    product_id, product = _product(conn, identifier, id_type)
    facility_id = _facility(conn, facility)
    asked = {
        "product_id": product_id,
        "facility_id": facility_id,
        "storage": storage,
        "at": at,
        "last": last,
        "shop_id": shop_id,
        "location": location,
    }
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(sql.chain, asked).fetchall()
    total = rows[0]
    if total["places"] == 0 and storage is not None:
        raise NotKnown(f"{product} has no position at {facility_id}, storage location {storage}")
    entries = tuple(_entry(row) for row in rows if row["entry_id"] is not None)
    qoh, atp = int(total["qoh"]), int(total["atp"])
    return Why(
        product_id=product_id,
        product=product,
        facility_id=facility_id,
        at=at,
        qoh=qoh,
        atp=atp,
        entry_count=total["entries"],
        opening_qoh=qoh - sum(entry.qoh_diff for entry in entries),
        opening_atp=atp - sum(entry.atp_diff for entry in entries),
        entries=entries,
        levels=_levels(conn, asked),
        position_qoh=int(total["position_qoh"] or 0),
        position_atp=int(total["position_atp"] or 0),
        ledger_qoh=int(total["ledger_qoh"]),
        ledger_atp=int(total["ledger_atp"]),
        wrong_locations=tuple(total["wrong"]),
    )


def _product(conn: Connection, identifier: str, id_type: str) -> tuple[int, str]:
    match_key = re.sub("[^A-Z0-9]", "", id_type.upper())
    found = conn.execute(sql.products, {"match_key": match_key, "value": trimmed(identifier)}).fetchall()
    if not found:
        raise NotKnown(f"no product has the {id_type} {identifier!r}; --id-type names another identifier")
    if len(found) > 1:
        numbers = ", ".join(str(number) for number, _ in found)
        raise NotKnown(
            f"{id_type} {identifier!r} is that of products {numbers}: give one with --id-type PRODUCT_ID"
        )
    return found[0]


def _facility(conn: Connection, facility: str) -> str:
    found = conn.execute(sql.facility, {"facility": facility}).fetchone()
    if found is None:
        raise NotKnown(f"no facility has the id or external id {facility!r}")
    return found[0]


def _entry(row: dict[str, Any]) -> Entry:
    numbers = ("running_qoh", "running_atp")
    return Entry(
        **{name: int(row[name]) if name in numbers else row[name] for name in Entry.__dataclass_fields__}
    )


def _levels(conn: Connection, asked: dict[str, Any]) -> tuple[Level, ...]:
    levels = []
    for row in conn.execute(sql.levels, asked).fetchall():
        shop_id, location, _, _, item, *_ = row
        values = {"shop_id": shop_id, "location": location, "item": item}
        with conn.cursor(row_factory=class_row(Line)) as cursor:
            lines = cursor.execute(sql.lines, asked | values).fetchall()
        levels.append(Level(*row, tuple(lines)))
    return tuple(levels)


def told(found: Why) -> Sequence[str]:
    """The answer for a person, line by line."""
    when = f" at {_time(found.at)}" if found.at else ""
    text = [f"{found.product} (product {found.product_id}) at {found.facility_id}{when}: "
            f"QOH {found.qoh}, ATP {found.atp}", ""]  # fmt: skip
    text.append(f"{'entry':>10} {'QOH':>7} {'ATP':>7} {'= QOH':>8} {'= ATP':>8}  what")
    before = found.entry_count - len(found.entries)
    if before:
        opening = f"{found.opening_qoh:>8} {found.opening_atp:>8}"
        text.append(f"{'':>10} {'':>7} {'':>7} {opening}  opening balance: the {before} entries before")
    for entry in found.entries:
        text.append(
            f"{entry.entry_id:>10} {entry.qoh_diff:>+7} {entry.atp_diff:>+7} {entry.running_qoh:>8} "
            f"{entry.running_atp:>8}  {entry.cause}"
        )
        reason = f"{entry.reason_id} ({entry.reason})" if entry.reason_id else "no reason"
        details = [f"{reason}, at {entry.location_seq_id}", f"happened {_time(entry.effective_at)}"]
        details.append(f"recorded {_time(entry.recorded_at)}, visible {_time(entry.visible_at)}")
        details += [f"run {entry.run}"] if entry.run else []
        details += [f"“{entry.comments}”"] if entry.comments else []
        text.append(f"{'':>45}{'; '.join(details)}")
    for level in found.levels:
        text += ["", *_told_level(level, found.entries)]
    text += ["", _sum(found)]
    return text


def _told_level(level: Level, entries: Sequence[Entry]) -> list[str]:
    book = "never compared, no book" if level.opened_at is None else f"book {level.book}"
    notes = [book]
    notes += [f"set aside: {level.set_aside_code}"] if level.set_aside_code else []
    notes += [f"drift {level.drift:+} seen {_time(level.looked_at)}"] if level.drift is not None else []
    text = [
        f"shop {level.shop_id}, location {level.shopify_location_id} ({level.location_name}, "
        f"{level.sync_mode}), item {level.shopify_inventory_item_id}: {', '.join(notes)}"
    ]
    if not level.lines:
        text.append("  nothing was sent")
    for line in level.lines:
        seen = [entry.entry_id for entry in entries if entry.visible_at <= line.created_at]
        after = f" after entry {max(seen)}" if seen else ""
        answer = f" as {line.adjustment_group_id}" if line.adjustment_group_id else ""
        answer += f" in {line.bulk_operation_id}" if line.bulk_operation_id else ""
        answer += f", answered {_time(line.answered_at)}" if line.answered_at else ""
        fault = f" {line.error_code}: {line.error_message}" if line.error_code else ""
        text.append(
            f"  {_time(line.created_at)}{after}: {line.delta:+} ({line.compared_with} -> {line.desired}, "
            f"{line.mode}) {line.status}{fault}"
        )
        text.append(
            f"      batch {line.batch_id} {line.batch_status}, {line.attempts} calls{answer};"
            f" run {line.run_id}"
        )
    return text


def _sum(found: Why) -> str:
    of = (
        f"the {found.entry_count} entries" if found.at is None else f"the {found.entry_count} entries by then"
    )
    if found.adds_up:
        return (
            f"adds up: {of} sum to QOH {found.qoh}, ATP {found.atp}, and every position is its ledger's sum"
        )
    return (
        f"DOES NOT ADD UP: the ledger sums to QOH {found.ledger_qoh}, ATP {found.ledger_atp}, the positions"
        f" say QOH {found.position_qoh}, ATP {found.position_atp} (storage locations "
        f"{', '.join(found.wrong_locations)}); `python -m oms check` lists every such position"
    )


def _time(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S.%f}"[:-3] + f"{moment:%z}"

"""Receiving incoming shipments: the only moment at which they change stock (inventory.md 1.3, 5.8, 5.13)."""

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg.rows import class_row

from oms import crashpoints
from oms.database import Connection, statements
from oms.errors import NeedsPerson
from oms.inventory import entries

sql = statements(__file__)

CAUSE = ("reason_id", "shipment_id", "source_key", "run_id")

WRITTEN = crashpoints.register(
    "receive.written", "receipt and ledger entries are written, their transaction is still open"
)


class ReceiptRefused(NeedsPerson, ValueError):
    """The receipt makes no sense as it is; nothing is written. The message says what would be right."""


@dataclass(frozen=True)
class Units:
    """What was accepted and rejected of an item."""

    accepted: int
    rejected: int = 0


@dataclass(frozen=True)
class ReceivedItem:
    """An item of a receipt."""

    shipment_item_seq: int
    product_id: int
    sku: str
    quantity: int
    accepted: int
    rejected: int
    outstanding: int
    """Units of the shipment that are neither accepted nor rejected after this receipt."""


@dataclass(frozen=True)
class Received:
    """A receipt; `is_new` False: it was taken in before, and nothing was written."""

    shipment_id: int
    facility_id: str
    receipt_no: int
    is_new: bool
    items: list[ReceivedItem]


def receive_shipment(
    conn: Connection,
    shipment_id: int,
    *,
    receipt_no: int = 1,
    items: Mapping[int, Units] | None = None,
    reason: str = "VAR_SHIP_RECV",
    received_by: str,
) -> Received:
    """Take in a receipt inside the caller's transaction: accepted units join QOH and ATP at the destination.

    `items` by item number of the shipment; None: all that is outstanding is accepted. The same receipt
    number again changes nothing. Rejected units add nothing. The shipment is RECEIVED when no unit of it is
    outstanding.

    Raises:
        ReceiptRefused: unknown, outgoing or cancelled shipment, unknown item, more units than are
            outstanding, or a receipt number that stood for something else.
    """
    shipment = conn.execute(sql.lock_shipment, {"shipment_id": shipment_id}).fetchone()
    facility_id, location_seq_id = _receivable(shipment_id, shipment)
    key = {"shipment_id": shipment_id, "receipt_no": receipt_no}
    earlier = {seq: Units(*units) for seq, *units in conn.execute(sql.receipt, key).fetchall()}
    if earlier:
        _refuse_other(shipment_id, receipt_no, earlier, items)
        return Received(shipment_id, facility_id, receipt_no, False, _told(conn, key))
    open_items = dict(conn.execute(sql.outstanding, key).fetchall())
    if items is None:
        items = {seq: Units(left) for seq, left in open_items.items() if left > 0}
    _refuse_impossible(shipment_id, items, open_items)
    values = key | {
        "facility_id": facility_id,
        "location_seq_id": location_seq_id,
        "items": list(items),
        "accepted": [units.accepted for units in items.values()],
        "rejected": [units.rejected for units in items.values()],
        "reason": reason,
        "received_by": received_by,
    }
    conn.execute(sql.write_receipt, values)
    conn.execute(sql.add_positions, values)
    entries.write(conn, sql.entries, CAUSE, values)
    conn.execute(sql.finish_shipment, values)
    crashpoints.point(WRITTEN)
    return Received(shipment_id, facility_id, receipt_no, True, _told(conn, key))


def find_shipment(conn: Connection, name: str, shipment_type: str | None = None) -> int:
    """The shipment of an id of ours or, failing that, of the ERP.

    Raises ReceiptRefused if there is none, or if incoming shipments of several types have that id.
    """
    found = conn.execute(sql.find_shipment, {"name": name, "type": shipment_type}).fetchall()
    if not found:
        raise ReceiptRefused(f"no incoming shipment has the id {name}; import it first")
    if len(found) > 1:
        types = ", ".join(kind for _, kind in found)
        raise ReceiptRefused(f"shipments of several types have the id {name}: {types}; name the type")
    return found[0][0]


def _receivable(shipment_id: int, shipment: tuple | None) -> tuple[str, str]:
    """Where the units go: the destination and its pick face."""
    if shipment is None:
        raise ReceiptRefused(f"there is no shipment {shipment_id}")
    status, is_incoming, facility_id, is_virtual, location_seq_id = shipment
    if not is_incoming:
        raise ReceiptRefused(f"shipment {shipment_id} goes out; only incoming shipments are received")
    if status == "CANCELLED":
        raise ReceiptRefused(f"shipment {shipment_id} is cancelled")
    if facility_id is None:
        raise ReceiptRefused(f"shipment {shipment_id} has no destination")
    if is_virtual:
        raise ReceiptRefused(f"shipment {shipment_id}: {facility_id} is virtual and never holds stock")
    return facility_id, location_seq_id


def _refuse_other(
    shipment_id: int, receipt_no: int, earlier: Mapping[int, Units], items: Mapping[int, Units] | None
) -> None:
    if items is not None and dict(items) != earlier:
        said = ", ".join(
            f"item {seq}: {units.accepted} accepted, {units.rejected} rejected"
            for seq, units in sorted(earlier.items())
        )
        raise ReceiptRefused(
            f"receipt {receipt_no} of shipment {shipment_id} was taken in before and said {said}; "
            "a further receipt needs a number of its own"
        )


def _refuse_impossible(shipment_id: int, items: Mapping[int, Units], open_items: Mapping[int, int]) -> None:
    if not items:
        raise ReceiptRefused(f"shipment {shipment_id} has no unit that is outstanding")
    for seq, units in items.items():
        if seq not in open_items:
            raise ReceiptRefused(
                f"shipment {shipment_id} has no item {seq}; it has {', '.join(map(str, sorted(open_items)))}"
            )
        if units.accepted < 0 or units.rejected < 0 or units.accepted + units.rejected == 0:
            raise ReceiptRefused(
                f"item {seq}: {units.accepted} accepted and {units.rejected} rejected; give whole numbers, "
                "at least one unit in all"
            )
        if units.accepted + units.rejected > open_items[seq]:
            raise ReceiptRefused(
                f"item {seq} of shipment {shipment_id}: {units.accepted + units.rejected} units, but only "
                f"{open_items[seq]} are outstanding; book a surplus as an inventory variance"
            )


def _told(conn: Connection, key: Mapping[str, int]) -> list[ReceivedItem]:
    return conn.cursor(row_factory=class_row(ReceivedItem)).execute(sql.told, key).fetchall()

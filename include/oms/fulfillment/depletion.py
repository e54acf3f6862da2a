"""The POS hears once of every unit that left its shelf by packing (inventory.md 5.19, orders.md 13)."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from oms import exports
from oms.database import Connection, statements
from oms.exports import Line
from oms.work import Work

sql = statements(__file__)

DAG_ID = "export_packed_order_depletion"
COLUMNS = (
    "store_id", "order_name", "shipment_id", "shipment_item_seq_id", "sku", "upc", "quantity", "packed_at",
)  # fmt: skip


def export(work: Work) -> dict[str, Any]:
    """Write one file of what was packed, or unpacked by force, since the file before; return counts.

    Lines are marked in the transaction that records the file; one that dies later is written by the next run
    under the same name with the same bytes. Raises FilesWait if an earlier file could not be written.
    """
    return exports.export(work, exports.Export(DAG_ID, COLUMNS, "packed_orders", _lines, _mark))


def _lines(work: Work) -> list[Line]:
    facilities = work.params["facilityId"]
    choice = {
        "facilities": [facilities] if isinstance(facilities, str) else facilities,
        "types": work.params["facilityTypeId"],
    }
    return [
        Line(
            (shipment, int(item), event),
            (store, order, shipment, item, sku, upc, quantity, _local(packed_at, time_zone)),
        )
        for event, store, order, shipment, item, sku, upc, quantity, packed_at, time_zone in (
            work.conn.execute(sql.lines, choice)
        )
    ]


def _local(moment: datetime, time_zone: str) -> str:
    return moment.astimezone(ZoneInfo(time_zone)).isoformat(timespec="seconds")


def forget(conn: Connection, export_id: int) -> None:
    """Let the next file tell the lines of a file that was given up."""
    conn.execute(sql.forget, {"export_id": export_id})


def _mark(work: Work, told: list[Line], path: str) -> None:
    shipments, items, events = zip(*(line.key for line in told), strict=True)
    values = {"shipments": [*shipments], "items": [*items], "events": [*events]}
    resource = work.params["propertyResource"]
    work.conn.execute(sql.mark, values | {"path": path, "property_resource": resource})

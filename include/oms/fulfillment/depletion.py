"""The POS hears once of every unit that left its shelf by packing (inventory.md 5.19, orders.md 13)."""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from oms import exports
from oms.database import Connection, statements
from oms.work import Work

log = logging.getLogger(__name__)
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
    with exports.one_at_a_time(work.conn, DAG_ID):
        if work.params["dryRun"]:
            lines = _read(work)
            for line in lines:
                log.info("would tell the POS: %s", dict(zip(COLUMNS, line.cells, strict=True)))
            return {"lines": len(lines), "files": []}
        writer = exports.Writer(work.conn, work.open_sftp, DAG_ID)
        writer.write()
        lines = _record(work, writer)
        writer.write()
        writer.raise_if_any_waits()
    files = writer.written
    log.info("%s lines in %s files", lines, len(files))
    return {"lines": lines, "files": files}


@dataclass(frozen=True)
class _Line:
    """A line of the file, and the event it tells."""

    shipment_id: int
    item_seq: str
    event: str
    cells: tuple[Any, ...]


def _read(work: Work) -> list[_Line]:
    facilities = work.params["facilityId"]
    choice = {
        "facilities": [facilities] if isinstance(facilities, str) else facilities,
        "types": work.params["facilityTypeId"],
    }
    return [
        _Line(
            shipment,
            item,
            event,
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


def _record(work: Work, writer: exports.Writer) -> int:
    with work.conn.transaction():
        lines = _read(work)
        if not lines:
            return 0
        resource = work.params["propertyResource"]
        folder = writer.open_place(resource, work.params["exportPath"])
        path = exports.record(
            work.conn,
            run_name=work.run_name,
            subject="",
            property_resource=resource,
            folder=folder,
            name=lambda stamp: f"packed_orders_{stamp}.csv",
            content=exports.csv_bytes(COLUMNS, (line.cells for line in lines)),
            rows=len(lines),
        )
        work.conn.execute(
            sql.mark,
            {
                "path": path,
                "property_resource": resource,
                "shipments": [line.shipment_id for line in lines],
                "items": [int(line.item_seq) for line in lines],
                "events": [line.event for line in lines],
            },
        )
    return len(lines)

"""Carries out restocks that are due: received and shown in the shop, each once (spec inventory.md 5.13)."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import class_row

from oms import crashpoints, locks
from oms.database import Connection, statements
from oms.errors import ComesBack, NeedsPerson, NothingToDo
from oms.inventory import receiving
from oms.restock.errors import RestockRefused, RestocksLeft
from oms.restock.scheduling import shipment_of
from oms.sync.options import PushOptions
from oms.sync.push import push_products
from oms.work import Work

sql = statements(__file__)
log = logging.getLogger(__name__)

SENT = crashpoints.register("restock.sent", "the shop has answered for all lines, the restock is not DONE")

LATE = timedelta(minutes=2)
PATIENCE = timedelta(minutes=10)
"""How long a run that was asked for may take before another one is."""
AT_ONCE = 100
"""Runs that are asked for at one look; Airflow starts no more than 1,024 of one task."""
REASON = "VAR_SCH_SHIP_RECV"


class PutOff(NothingToDo):
    """The restock was given a later time, or up, after it was found to be due: there is nothing to do now."""


@dataclass(frozen=True)
class Due:
    """A restock to be carried out."""

    shipment_id: int
    restock_name: str
    shop_id: str
    facility_id: str
    run_at: datetime
    status: str


def carry_out_or_ask(work: Work) -> list[dict[str, Any]]:
    """Carry out the restock of `shipmentId`; without one return, for each that is due, a run that names it.

    So every restock has its own run in the history. One that a run was asked for is due again after some
    minutes, should nothing come of that run; two runs of a restock do not hurt each other. What is due beyond
    `AT_ONCE` is left to the next look.
    Raises what `run` raises.
    """
    if shipment_of(work.params) is not None:
        log.info("%s", run(work))
        return []
    asked = work.conn.execute(sql.ask_for_runs, {"patience": PATIENCE, "at_once": AT_ONCE}).fetchall()
    return [
        {
            "trigger_run_id": f"restock_{shipment_id}_{at:%Y-%m-%dT%H:%M:%S.%f}",
            "conf": {"shipmentId": str(shipment_id), "limit": work.params["limit"]},
        }
        for shipment_id, at in asked
    ]


def run(work: Work) -> dict[str, Any]:
    """Carry out every restock that is due, or the one of `shipmentId`; return the counts.

    A run that a person starts carries it out now, another one only if it is due. params: `shipmentId`,
    `limit` (levels in one call). A restock that fails keeps no other one waiting and is tried again by later
    runs; one that another run is busy with is left to that. A restock that is done or cancelled changes
    nothing.

    Raises RestockRefused for a shipment that is no restock or was cancelled, RestocksLeft for what failed.
    """
    wanted = shipment_of(work.params)
    if wanted is not None:
        _refuse_unless_open(work.conn, wanted)
    found = _due(work.conn, wanted)
    counts = {"due": len(found), "done": 0, "busy": 0, "applied": 0}
    faults: list[str] = []
    for due in found:
        with locks.held_if_free(work.conn, locks.RESTOCK.of(due.shipment_id)) as is_ours:
            if not is_ours:
                log.info("restock %s: another run is busy with it", due.shipment_id)
                counts["busy"] += 1
                continue
            try:
                at_once = wanted is not None and work.run_type == "manual"
                counts["applied"] += _carry_out(work, due, at_once=at_once)
                counts["done"] += 1
            except PutOff as later:
                log.info("%s", later)
            except (NeedsPerson, ComesBack, psycopg.Error) as error:  # every restock on its own; told below
                log.exception("restock %s (%s) is not done", due.shipment_id, due.restock_name)
                faults.append(f"{due.shipment_id} ({due.restock_name}): {error}")
                work.conn.execute(
                    sql.note_failure, {"shipment_id": due.shipment_id, "error": str(error)[:1000]}
                )
    if faults:
        raise RestocksLeft(f"{len(faults)} of {len(found)} restocks are not done: {'; '.join(faults)}")
    return counts


def _due(conn: Connection, shipment_id: int | None) -> list[Due]:
    return conn.cursor(row_factory=class_row(Due)).execute(sql.due, {"shipment_id": shipment_id}).fetchall()


def _refuse_unless_open(conn: Connection, shipment_id: int) -> None:
    found = conn.execute(sql.status, {"shipment_id": shipment_id}).fetchone()
    if found is None:
        raise RestockRefused(f"there is no scheduled restock with the shipment {shipment_id}")
    if found[0] == "CANCELLED":
        raise RestockRefused(f"restock {shipment_id} was cancelled; prepare it again")
    if found[0] == "DONE":
        log.info("restock %s is done already: nothing is received, nothing is sent", shipment_id)


def _carry_out(work: Work, due: Due, *, at_once: bool) -> int:
    """Receive and push one restock; return how many levels the shop has changed."""
    _tell_time(due)
    options = PushOptions(limit=work.params["limit"])
    report = push_products(
        work.open_oms_db,
        work.open_shop(due.shop_id),
        due.shop_id,
        "RESTOCK",
        [due.facility_id],
        lambda conn: receive(conn, due.shipment_id, work.run_name, at_once=at_once),
        options,
        work.run_name,
    )
    crashpoints.point(SENT)
    work.conn.execute(sql.finish, {"shipment_id": due.shipment_id})
    log.info("restock %s (%s) is done\n%s", due.shipment_id, due.restock_name, report.table())
    return report.applied


def receive(conn: Connection, shipment_id: int, run_name: str, *, at_once: bool) -> Collection[int]:
    """Receive what is outstanding, once, in the caller's transaction; return the products of the shipment.

    at_once: whatever its time is. Raises PutOff if it was given a later time meanwhile, or was cancelled.
    """
    found = conn.execute(sql.lock, {"shipment_id": shipment_id}).fetchone()
    status, run_at, is_due, receipt_no, is_outstanding = found
    if status == "CANCELLED":
        raise PutOff(f"restock {shipment_id} was cancelled meanwhile")
    if status == "PENDING":
        if not is_due and not at_once:
            raise PutOff(f"restock {shipment_id} was put off until {run_at:%Y-%m-%d %H:%M:%S} UTC meanwhile")
        if is_outstanding:
            receiving.receive_shipment(
                conn, shipment_id, receipt_no=receipt_no, reason=REASON, received_by=run_name
            )
        else:
            log.warning("restock %s: all units were received by hand before", shipment_id)
        conn.execute(sql.mark_received, {"shipment_id": shipment_id, "run_name": run_name})
    return [number for (number,) in conn.execute(sql.products, {"shipment_id": shipment_id})]


def _tell_time(due: Due) -> None:
    late = datetime.now(UTC) - due.run_at
    if due.status == "RECEIVED":
        log.info("restock %s (%s) is received; the rest is sent", due.shipment_id, due.restock_name)
    elif late > LATE:
        log.warning("restock %s (%s) is late by %s", due.shipment_id, due.restock_name, late)
    elif late < timedelta(0):
        log.warning(
            "restock %s (%s) is run ahead of its time by %s", due.shipment_id, due.restock_name, -late
        )

"""Takes back what a file has booked: compensating entries, all or nothing, once."""

import logging
from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row

from oms import crashpoints, locks
from oms.database import Connection, statements
from oms.imports.errors import UndoRefused
from oms.imports.file_types import file_type
from oms.inventory import entries
from oms.work import Work

log = logging.getLogger(__name__)
sql = statements(__file__)

CAUSE = ("reason_id", "effective_at", "source_key", "run_id", "comments", "undoes_entry")

WRITTEN = crashpoints.register("undo.written", "compensating entries are written, not committed")
UNDONE = crashpoints.register("undo.undone", "the undoing is committed, the task has not answered")

SHOWN = 20
"""Positions that a refusal names; the log of the task has all."""


@dataclass(frozen=True)
class Undone:
    """What was taken back: entries, units on hand they moved either way, positions.

    held_back_at: facilities at which mode DELTA leaves it to the hard sync, as it did the file (6.5).
    """

    log_id: int
    file_name: str
    entries: int
    units: int
    positions: int
    dry_run: bool
    held_back_at: tuple[str, ...] = ()

    def __str__(self) -> str:
        would = "would be taken back" if self.dry_run else "taken back"
        return (
            f"{self.file_name} (log {self.log_id}): {self.entries:,} entries of {self.units:,} units at "
            f"{self.positions:,} positions {would}"
        )


def undo(
    conn: Connection, log_id: int, *, run_name: str, reason: str | None = None, dry_run: bool = False
) -> Undone:
    """Take back every ledger entry of a closed file by one that moves as much the other way.

    `conn` is in autocommit mode. Afterwards the file may be imported again, its document lines and the lines
    that it repaired among it. Repeated by the same run it answers the same.

    The moments that it has counted positions for (asOf) go with it. Raises UndoRefused, with the positions:
    balances stated later contain or have overridden the file, movements were judged by its count, stock
    would fall below 0 where the file's negativePolicy forbids that, the file is not closed, has booked
    nothing or was undone before, lines of it were repaired.
    """
    with conn.transaction():
        locks.hold(conn, locks.IMPORT_REPAIR.of(log_id))  # nobody repairs lines of the file meanwhile
        row = conn.cursor(row_factory=dict_row).execute(sql.lock_log, {"log_id": log_id}).fetchone()
        if row is None:
            raise UndoRefused(
                f"there is no log {log_id}; the files in archive/ begin with the number of theirs"
            )
        if row["undone_at"] is not None and row["undone_by"] == run_name and not dry_run:
            counts = row["entry_count"], row["units"], row["position_count"]
            held = _held_back_at(conn, log_id)
            return Undone(log_id, row["file_name"], *counts, dry_run=False, held_back_at=held)
        _refuse(conn, row)
        done = _take_back(conn, row, reason, run_name, dry_run)
        crashpoints.point(WRITTEN)
    if not dry_run:
        crashpoints.point(UNDONE)
    log.info("%s", done)
    return done


def _refuse(conn: Connection, row: dict[str, Any]) -> None:
    """Raise UndoRefused where the file as a whole cannot be taken back."""
    name = f"{row['file_name']} (log {row['log_id']})"
    if row["undone_at"] is not None:
        raise UndoRefused(f"{name} was undone at {row['undone_at']:%Y-%m-%d %H:%M} UTC by {row['undone_by']}")
    if row["closed_at"] is None:
        raise UndoRefused(
            f"{name} is {row['status']}: wait until its import has closed it, or cancel it there"
        )
    if row["status"] != "DmlsFinished":
        raise UndoRefused(f"{name} is {row['status']}: nothing of it was booked")
    if row["duplicate_of_log_id"] is not None:
        raise UndoRefused(
            f"{name} is a duplicate of log {row['duplicate_of_log_id']}: nothing of it was booked"
        )
    if instead := file_type(row["params"]["file_type"]).instead_of_undoing:
        raise UndoRefused(f"{name} {instead}")
    repairs = [f"{by} (log {log_id})" for log_id, by in conn.execute(sql.repaired_by, row)]
    if repairs:
        raise UndoRefused(f"lines of {name} were repaired by {', '.join(repairs)}: undo that first")


def _take_back(
    conn: Connection, row: dict[str, Any], reason: str | None, run_name: str, dry_run: bool
) -> Undone:
    name = f"{row['file_name']} (log {row['log_id']})"
    values = row | {
        "may_be_negative": row["params"].get("negative_policy") == "allow",
        "run_name": run_name,
        "reason": reason,
        "comments": f"undo of log {row['log_id']}" + (f": {reason}" if reason else ""),
    }
    count, units, positions = _gather(conn, values)
    if not count:
        raise UndoRefused(f"{name} has moved no stock: there is nothing to undo")
    objections = conn.execute(sql.objections, values).fetchall()
    if objections:
        raise UndoRefused(_told(name, objections, positions))
    if not dry_run:
        entries.write(conn, sql.entries, CAUSE, values)
        conn.execute(sql.restore_moments, values)
        conn.execute(sql.note_undo, values | {"entries": count, "units": units, "positions": positions})
        conn.execute(sql.free_documents, values)
        conn.execute(sql.free_repairs, values)
    held = () if dry_run else _held_back_at(conn, row["log_id"])
    return Undone(row["log_id"], row["file_name"], count, units, positions, dry_run, held)


def _held_back_at(conn: Connection, log_id: int) -> tuple[str, ...]:
    return tuple(facility for (facility,) in conn.execute(sql.held_back_at, {"log_id": log_id}))


def _gather(conn: Connection, values: dict[str, Any]) -> tuple[int, int, int]:
    """The entries of the file in `undo_entry`, their positions locked; how many, units, positions."""
    conn.execute(sql.gather, values)
    conn.execute(sql.lock_positions, values)
    return conn.execute(sql.count_units).fetchone()


def _told(name: str, objections: list[tuple[str, str, str, str]], positions: int) -> str:
    lines = [
        f"{product} at {facility} {location} {objection}"
        for facility, location, product, objection in objections
    ]
    for line in lines:
        log.warning("%s", line)
    more = f"; and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return (
        f"{name} is not undone, not even in part: {len(lines)} of its {positions} positions are in the way: "
        f"{'; '.join(lines[:SHOWN])}{more}"
    )


def run(work: Work) -> dict[str, Any]:
    """Undo the file that the job's parameters name; return the counts, and where the hard sync is needed."""
    params = work.params
    done = undo(
        work.conn,
        params["logId"],
        reason=params["reason"],
        run_name=work.run_name,
        dry_run=params["dryRun"],
    )
    return {
        "entries": done.entries,
        "units": done.units,
        "positions": done.positions,
        "dryRun": done.dry_run,
        "facilities": list(done.held_back_at),
    }

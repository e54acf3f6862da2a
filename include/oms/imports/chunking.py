"""Cuts what has landed into chunks, ready to be applied (architecture.md 4.3)."""

import logging
from collections import defaultdict
from typing import Any

from oms.catalog.model import ImportJob
from oms.database import Connection, statements
from oms.imports import guard, one_file
from oms.imports.file_types import file_type
from oms.imports.jobs import Run, Settings
from oms.imports.packing import pack, shortened
from oms.imports.staging import FACILITY

log = logging.getLogger(__name__)
sql = statements(__file__)


def make_chunks(conn: Connection, landed: list[one_file.Landed], settings: Settings, run: Run) -> None:
    """Cut what was landed into chunks, and make it ready to be applied, in one transaction.

    Files share chunks, oldest file first. Only where groups say nothing about positions, each file is a load
    of its own: a later file must not run beside an earlier one then. A file that waits for a person is a load
    of its own too.
    """
    free = [one for one in landed if not one.doubts]
    held = [one for one in landed if one.doubts]
    loads = [free] if all(one.positional for one in free) else [[one] for one in free]
    with conn.transaction():
        for load in (*loads, *([one] for one in held)):
            if load:
                _make_load(conn, load, settings, run)
        for one in held:
            guard.hold(conn, one.log_id, one.doubts)


def _make_load(conn: Connection, load: list[one_file.Landed], settings: Settings, run: Run) -> None:
    (load_id,) = conn.execute(sql.add_load, {"dag_id": run.dag_id, "run_id": run.run_id}).fetchone()
    rows: dict[str, int] = defaultdict(int)
    scopes: dict[str, set[str]] = defaultdict(set)
    for group in (group for one in load for group in one.groups):
        rows[group.key] += group.rows
        scopes[group.key].add(group.scope)
    chunks = pack(rows, settings.max_chunks, settings.min_chunk_rows)
    names = ", ".join(one.name for one in load[:3]) + (" and more" if len(load) > 3 else "")
    about_stock = file_type(settings.file_type).scope == FACILITY
    for number, chunk in enumerate(chunks):
        own = sorted(set().union(*(scopes[group] for group in chunk.groups)))
        conn.execute(
            sql.add_chunk,
            {
                "load_id": load_id,
                "chunk_no": number,
                "label": shortened(names if chunk.groups == ("",) else f"{chunk.label} ({names})"),
                "row_count": chunk.rows,
                "scopes": own,
                "facility_ids": own if about_stock else [],
            },
        )
    if len(chunks) > 1:
        packed = [(group, number) for number, chunk in enumerate(chunks) for group in chunk.groups]
        conn.execute(
            sql.add_groups,
            {
                "load_id": load_id,
                "group_keys": [group for group, _ in packed],
                "chunk_nos": [number for _, number in packed],
            },
        )
    conn.execute(sql.mark_landed, {"load_id": load_id, "log_ids": [one.log_id for one in load]})
    log.info("load %s: %s, %s rows in %s chunks", load_id, names, sum(rows.values()), len(chunks))


def open_chunks(conn: Connection, job: ImportJob, connection_id: str) -> list[dict[str, Any]]:
    """The chunks of the job's files on a server that are not applied yet, as ids, counts and a label."""
    values = {"dag_id": job.dag_id, "connection_id": connection_id}
    found = conn.execute(sql.open_chunks, values).fetchall()
    return [
        {"load_id": load_id, "chunk_no": number, "label": label, "rows": rows}
        for load_id, number, label, rows in found
    ]

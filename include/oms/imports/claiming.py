"""Claims arrived files, each by one run, and takes over what a dead lander has left (architecture.md 4.2).

A lander holds one session lock for the logs of a batch: a log in DmlsLanding whose lock is free was left by a
dead one and is landed again.
"""

import json
import logging
from collections.abc import Collection, Mapping
from typing import Any

from oms import crashpoints, locks
from oms.catalog.model import ImportJob, Kind
from oms.database import Connection, statements
from oms.imports import arrival, logs, staging
from oms.imports.arrival import RemoteFile
from oms.imports.errors import FileMissing
from oms.imports.file_types import file_type
from oms.imports.jobs import Run, Settings
from oms.imports.staging import Joint
from oms.locks import Lock
from oms.remote import Stamp, folder_of

log = logging.getLogger(__name__)
sql = statements(__file__)

CLAIMED = crashpoints.register("land.claimed", "the log says DmlsLanding, nothing is read yet")

GONE = (
    "its landing was broken off, and now it is not on the server any more; if nobody took it away, the "
    "server removes files that were read: ask the sender for it once more"
)
GAVE_WAY = "GAVE_WAY"
"""A broken landing that newer files have gone ahead of."""
PATIENCE, PATIENCE_WITH_OWN_RUN = 2, 60
"""Seconds to wait for the lock of a log that seems to be left behind."""


def unclaimed(conn: Connection, connection_id: str, folder: str, names: Collection[str]) -> list[str]:
    """Of these names in a folder of a server those that no run has taken yet, in their order."""
    paths = {name: f"{folder.rstrip('/')}/{name}" for name in names}
    taken = _taken(conn, connection_id, list(paths.values()))
    return [name for name, path in paths.items() if path not in taken]


def free(conn: Connection, settings: Settings, found: list[RemoteFile]) -> list[RemoteFile]:
    """Without the files that some run has; with force a person may mean one of those."""
    if settings.force:
        return found
    taken = _taken(conn, settings.connection_id, [file.path for file in found])
    for path in sorted(taken):
        log.info("%s is already being processed", path)
    return [file for file in found if file.path not in taken]


def _taken(conn: Connection, connection_id: str, paths: list[str]) -> set[str]:
    """Those of these files of a server that some run has."""
    values = {"connection_id": connection_id, "paths": paths}
    return {path for (path,) in conn.execute(sql.taken, values)}


def respell(conn: Connection, sftp: Any, settings: Settings) -> None:
    """Give logs of earlier releases, which kept a folder as the job's settings spell it, its one spelling.

    Else an open file would be claimed once more, and the guards would take its feed for a new one.
    """
    values = {"connection_id": settings.connection_id}
    spelled = {folder for (folder,) in conn.execute(sql.folders_of_open_files, values)}
    for old in sorted(spelled | {settings.import_path}):
        if (folder := folder_of(sftp, old)) != old:
            conn.execute(sql.respell, values | {"old": f"{old}/", "new": f"{folder.rstrip('/')}/"})


def take_over_abandoned(
    conn: Connection,
    sftp: Any,
    job: ImportJob,
    settings: Settings,
    run: Run,
    own: list[Lock],
    keys: list[str],
) -> list[tuple[int, RemoteFile]]:
    """Logs that a dead lander left behind, with their files as they are now."""
    taken: list[tuple[int, RemoteFile]] = []
    values = {
        "dag_id": job.dag_id,
        "connection_id": settings.connection_id,
        "servers": keys,
        "most": settings.max_files,
    }
    found = conn.execute(sql.abandoned, values).fetchall()
    for (log_id,) in found:
        row = logs.read_log(conn, log_id)
        if row is None or not _lock_if_left(conn, row, run):
            continue
        own.append(locks.IMPORT_LOG.of(row["lander"]))
        row = logs.read_log(conn, log_id)
        if row is None or row["status"] != "DmlsLanding":
            continue
        if row["staged_with"] is not None:
            staging.drop(conn, Joint(row["staged_with"]))
        log.warning("%s: landing was begun by run %s and not finished", row["remote_path"], row["run_id"])
        try:
            file = arrival.examine(sftp, row["remote_path"])
        except FileMissing:
            logs.leave(conn, row | {"run_id": run.run_id}, GONE, lost=True)
            continue
        if row["error_code"] == GAVE_WAY:
            logs.leave(
                conn, row | {"run_id": run.run_id}, f"its landing was broken off: {row['error_message']}"
            )
            continue
        with conn.transaction():
            conn.execute(logs.sql.leave_copies, {"log_id": log_id})
            conn.execute(
                sql.take_over,
                {
                    "log_id": log_id,
                    "run_id": run.run_id,
                    "size": file.size,
                    "mtime": file.mtime,
                    "server": keys[0],
                },
            )
        taken.append((log_id, file))
    return taken


def _lock_if_left(conn: Connection, row: dict[str, Any], run: Run) -> bool:
    """Take the lock of a log whose lander is dead; False if it lives.

    The server may need a moment to notice that a lander was killed. The earlier attempt of this very run is
    dead for certain.
    """
    patience = PATIENCE_WITH_OWN_RUN if row["run_id"] == run.run_id else PATIENCE
    is_ours = locks.take_within(conn, locks.IMPORT_LOG.of(row["lander"]), patience)
    if not is_ours:
        log.info("%s is being landed by run %s", row["remote_path"], row["run_id"])
    return is_ours


def claim_arrivals(
    conn: Connection,
    job: ImportJob,
    settings: Settings,
    run: Run,
    own: list[Lock],
    found: list[RemoteFile],
    server: str,
) -> list[tuple[int, RemoteFile]]:
    kind = file_type(settings.file_type).kind_of(job.kind, settings)
    claims = claim(conn, job.domain, kind, settings, run, own, found, server)
    if claims:
        crashpoints.point(CLAIMED)
    return claims


def refuse_if_missed(conn: Connection, sftp: Any, settings: Settings, settled: Mapping[str, Stamp]) -> None:
    """Raise FileMissing if the file asked for by name was taken neither by this run nor by another."""
    name = settings.remote_filename
    if name is None or name not in settled:
        return
    size, mtime = settled[name]
    path = f"{folder_of(sftp, settings.import_path).rstrip('/')}/{name}"
    values = {"connection_id": settings.connection_id, "path": path, "size": size, "mtime": mtime}
    if not conn.execute(sql.was_taken, values).fetchone()[0]:
        raise FileMissing(
            f"{path} was asked for and is not taken: it has changed or gone away since it was seen at rest, "
            "or an earlier file of its name is still open; start a new run once it is complete"
        )


def claim(
    conn: Connection,
    domain: str,
    kind: Kind,
    settings: Settings,
    run: Run,
    own: list[Lock],
    files: list[RemoteFile],
    server: str | None = None,
) -> list[tuple[int, RemoteFile]]:
    """Make the logs of files, oldest first, and take one lock for all; without files that another run has."""
    values: dict[str, Any] = {
        "config_id": settings.config_id,
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "connection_id": settings.connection_id,
        "server": server,
        "paths": [file.path for file in files],
        "names": [file.name for file in files],
        "sizes": [file.size for file in files],
        "mtimes": [file.mtime for file in files],
        "domain": domain,
        "kind": kind.name,
        "schedule_now": settings.schedule_now,
        "force": settings.force,
        "params": json.dumps(settings.as_json()),
        "created_by_job_id": settings.created_by_job_id,
    }
    with conn.transaction():
        made = dict(conn.execute(sql.claim, values).fetchall())
        for file in files if settings.force else ():
            if file.path in made:
                continue
            one = values | {"path": file.path, "size": file.size, "mtime": file.mtime}
            if released := conn.execute(sql.release_held, one).fetchone():
                made[file.path] = released[0]
            else:
                conn.execute(sql.resume_held, one)
        if not made:
            return []
        lander = min(made.values())
        conn.execute(sql.set_lander, {"lander": lander, "log_ids": list(made.values())})
        locks.take(conn, lock := locks.IMPORT_LOG.of(lander))
        own.append(lock)
    return [(made[file.path], file) for file in files if file.path in made]

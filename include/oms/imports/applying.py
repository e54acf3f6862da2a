"""Applies chunks of landed files, older files first (architecture.md 4.4, 4.5; inventory.md 3.4)."""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict, fields
from itertools import groupby
from operator import itemgetter
from typing import Any

import psycopg
from psycopg.rows import dict_row

from oms import crashpoints, locks, servers
from oms.catalog.model import KINDS
from oms.database import Connection, statements
from oms.errors import ComesBack
from oms.imports import logs, reading, repairs, staging
from oms.imports.arrival import examine
from oms.imports.errors import (
    FileMissing,
    FileRefused,
    FileUnstable,
    ImportFault,
    OlderFileNotLanded,
    StagingLost,
)
from oms.imports.file_types import file_type
from oms.imports.jobs import Settings
from oms.imports.outcome import Counts, JointPart, Part
from oms.imports.staging import Joint

log = logging.getLogger(__name__)
sql = statements(__file__)

OpenSftp = Callable[[], AbstractContextManager[Any]]

STARTED = crashpoints.register("apply.started", "the chunk is locked, nothing is written yet")
WRITTEN = crashpoints.register(
    "apply.written", "entries and counts are written, their transaction is still open"
)
APPLIED = crashpoints.register("apply.applied", "the chunk is committed, the task has not answered")
RELANDED = crashpoints.register(
    "apply.relanded", "lost staging is filled again, the chunk is not applied yet"
)

LANDER_PATIENCE = 60
"""Seconds to wait for a lander, as long as a server may take for an answer."""
PATIENCE_WITH_DEAD = 300
"""Seconds that a file keeps its place whose lander has ended without a word: time enough to notice that its
task is dead, and to repeat it."""
CHANGES = [kind.name for kind in KINDS.values() if not kind.states]
"""Kinds of files that say what has changed: those ahead of the queue do not wait for them."""
ATTEMPTS = 4
"""Attempts at a chunk whose transaction Postgres ended to resolve a deadlock."""


class _StagingEmpty(ComesBack):
    """The staged rows of logs are gone: a database crash empties unlogged tables."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        super().__init__(rows[0]["remote_path"])


def apply_chunks(conn: Connection, chunks: Iterable[dict[str, Any]], open_sftp: OpenSftp) -> dict[str, int]:
    """Apply chunks one by one, return the sum of their counts; what is wrong with one stops no other.

    Raises the fault of one that cannot be applied, first one that comes back; applying all again is safe.
    """
    total: Counter[str] = Counter(asdict(Counts()))
    faults: list[ImportFault] = []
    for chunk in chunks:
        try:
            total.update(apply_chunk(conn, chunk, open_sftp))
        except ImportFault as fault:
            log.error("load %s chunk %s: %s", chunk["load_id"], chunk["chunk_no"], fault)
            faults.append(fault)
    if faults:
        raise min(faults, key=lambda one: not isinstance(one, ComesBack))
    return dict(total)


def apply_chunk(conn: Connection, chunk: dict[str, Any], open_sftp: OpenSftp) -> dict[str, int]:
    """Apply a chunk, after all older ones that must come first; return its counts.

    `conn` is in autocommit mode. Applying a chunk again finds its counts and changes nothing. `open_sftp`
    is used only when the staged rows are gone and the file must be landed again.

    Raises:
        OlderFileNotLanded: an older file is in the way; a later try may succeed.
        StagingLost: the rows and their file are gone; the file failed, or is held if a part of it is applied.
    """
    own = _read_chunk(conn, chunk["load_id"], chunk["chunk_no"])
    if own["applied_at"] is None:
        _wait_for_landers(conn, own)
        for load_id, chunk_no in conn.execute(sql.older_chunks, own | {"changes": CHANGES}).fetchall():
            log.info("chunk %s of older load %s comes first", chunk_no, load_id)
            _apply_until_done(conn, _read_chunk(conn, load_id, chunk_no), own, open_sftp)
    counts = _apply_until_done(conn, own, own, open_sftp)
    log.info("load %s chunk %s: %s", own["load_id"], own["chunk_no"], asdict(counts))
    return asdict(counts)


def _read_chunk(conn: Connection, load_id: int, chunk_no: int) -> dict[str, Any]:
    values = {"load_id": load_id, "chunk_no": chunk_no}
    found = conn.cursor(row_factory=dict_row).execute(sql.chunk, values).fetchone()
    if found is None:
        raise LookupError(f"load {load_id} has no chunk {chunk_no}")
    return found


def _wait_for_landers(conn: Connection, own: dict[str, Any]) -> None:
    """Wait until older files have landed; a lander that died is not waited for.

    A file whose server broke its landing off keeps its place as long as a lander is waited for, and one
    whose lander is dead a while longer; then it is a new arrival. Raises OlderFileNotLanded until then: the
    next run of its job lands it.
    """
    if own["schedule_now"] and own["force"]:
        return
    values = own | {
        "changes": CHANGES,
        "patience": LANDER_PATIENCE,
        "patience_with_dead": PATIENCE_WITH_DEAD,
    }
    while older := conn.execute(sql.older_landing, values).fetchone():
        log_id, path, broken, lander = older
        log.info("waiting for %s, an older file that is being landed", path)
        row = _once_landed(conn, log_id, lander, path, broken=broken)
        if row is not None and row["status"] == "DmlsLanding":
            raise OlderFileNotLanded(
                f"{path} came before and its landing was broken off; the next run of "
                f"{row['dag_id']} lands it. To go ahead of it, set force"
            )


def _once_landed(
    conn: Connection, log_id: int, lander: int, path: str, *, broken: bool
) -> dict[str, Any] | None:
    """The log of an older file once nobody is landing it."""
    if not locks.take_within(conn, locks.IMPORT_LOG.of(lander), LANDER_PATIENCE):
        raise OlderFileNotLanded(
            f"{path} came before and is still being landed after {LANDER_PATIENCE} s; a later try may find "
            "it landed. To go ahead of it, set force"
        )
    try:
        row = logs.read_log(conn, log_id)
        if broken and row is not None and row["status"] == "DmlsLanding":
            logs.give_way(conn, row)
            return None
        conn.execute(logs.sql.note_abandoned, {"log_id": log_id})
        return row
    finally:
        locks.give_back(conn, locks.IMPORT_LOG.of(lander))


def _apply_until_done(
    conn: Connection, chunk: dict[str, Any], own: dict[str, Any], open_sftp: OpenSftp
) -> Counts:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _apply_once(conn, chunk)
        except _StagingEmpty as empty:
            if chunk["connection_id"] != own["connection_id"]:
                raise OlderFileNotLanded(
                    f"{empty} came before, and its staged rows are gone; the next "
                    "run of its own job lands it again"
                ) from None
            with open_sftp() as sftp:
                servers.recognise(conn, chunk["connection_id"], sftp)
                for row in empty.rows:
                    _land_again(conn, sftp, row)
            for shared in {row["staged_with"] for row in empty.rows} - {None}:
                staging.drop(conn, Joint(shared))
            crashpoints.point(RELANDED)
        except psycopg.errors.DeadlockDetected:
            if attempt == ATTEMPTS:
                raise
            log.warning("load %s chunk %s met a deadlock; trying again", chunk["load_id"], chunk["chunk_no"])
    raise StagingLost(f"the staged rows of load {chunk['load_id']} keep vanishing")


def _apply_once(conn: Connection, chunk: dict[str, Any]) -> Counts:
    """Apply the rows of a chunk, file by file, in one transaction."""
    with conn.transaction():
        (applied,) = conn.execute(sql.lock_chunk, chunk).fetchone()
        if not applied:
            conn.execute(staging.sql.session_settings)
            conn.execute(sql.start_logs, chunk)
            crashpoints.point(STARTED)
            (grouped,) = conn.execute(sql.is_grouped, chunk).fetchone()
            files = conn.cursor(row_factory=dict_row).execute(sql.logs_of_load, chunk).fetchall()
            with_rows = [row for row in files if row["has_rows"]]
            _refuse_lost(conn, with_rows)
            for joint, rows in groupby(with_rows, itemgetter("staged_with")):
                if joint is None:
                    for row in rows:
                        _apply_file(conn, chunk, row, grouped=grouped)
                else:
                    _apply_joint(conn, chunk, Joint(joint), list(rows), grouped=grouped)
            conn.execute(sql.mark_applied, chunk)
            crashpoints.point(WRITTEN)
    if not applied:
        crashpoints.point(APPLIED)
    return Counts(**conn.cursor(row_factory=dict_row).execute(sql.counts_of_chunk, chunk).fetchone())


def _refuse_lost(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Raises _StagingEmpty with all of these files whose staged rows are gone."""
    by_table: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        shared = row["staged_with"]
        by_table[row["log_id"] if shared is None else Joint(shared)].append(row)
    lost = [row for table, own in by_table.items() if not staging.is_staged(conn, table) for row in own]
    if lost:
        raise _StagingEmpty(lost)


def _apply_file(conn: Connection, chunk: dict[str, Any], row: dict[str, Any], *, grouped: bool) -> None:
    settings = Settings.stored(row["params"])
    part = Part(row["log_id"], chunk["load_id"], chunk["chunk_no"], grouped, chunk["run_id"])
    counts = file_type(settings.file_type).apply(conn, part, settings)
    conn.execute(sql.record_counts, chunk | {"log_id": row["log_id"]} | asdict(counts))


def _apply_joint(
    conn: Connection, chunk: dict[str, Any], joint: Joint, rows: list[dict[str, Any]], *, grouped: bool
) -> None:
    """Apply files that follow each other and share their tables, and therefore their settings."""
    settings = Settings.stored(rows[0]["params"])
    log_ids = tuple(row["log_id"] for row in rows)
    part = JointPart(joint, chunk["load_id"], chunk["chunk_no"], grouped, chunk["run_id"], log_ids)
    apply_joint = file_type(settings.file_type).apply_joint
    assert apply_joint is not None, "only files of such types share tables"
    counts = apply_joint(conn, part, settings)
    by_name = {
        one.name: [getattr(of_file, one.name) for of_file in counts.values()] for one in fields(Counts)
    }
    conn.execute(sql.record_joint_counts, chunk | {"log_ids": list(counts)} | by_name)


def _land_again(conn: Connection, sftp: Any, row: dict[str, Any]) -> None:
    """Fill lost staging from the file, which must be the very one that was landed.

    Raises StagingLost if the file is gone or another one. If nothing of it is applied it has failed then, and
    what lies under its name is a new arrival; else the log is held until the file is put back.
    """
    settings = Settings.stored(row["params"])
    log_id = row["log_id"]
    (partly_applied,) = conn.execute(sql.partly_applied, {"log_id": log_id}).fetchone()
    log.warning("%s: the staged rows are gone, most likely by a crash of the database", row["remote_path"])
    with locks.held(conn, locks.IMPORT_LOG.of(log_id)):
        if staging.is_staged(conn, log_id):
            return
        try:
            with conn.transaction():
                conn.execute(staging.sql.session_settings)
                file = examine(sftp, row["remote_path"])
                content, sha256, _ = reading.read_in(conn, sftp, log_id, file, settings, whole=False)
                if sha256 != bytes(row["content_sha256"]):
                    raise FileUnstable(f"{row['remote_path']} has other content than when it was landed")
                of_type, kind = file_type(settings.file_type), KINDS[row["kind"]]
                of_type.judge(conn, log_id, content, settings, again=True)
                if repairs.is_repair(content.header, kind):
                    repairs.claim_again(conn, log_id, kind, settings)
                newly_bad = of_type.set_rejects_aside(conn, log_id, content.header, settings)
                if newly_bad and partly_applied:
                    raise FileUnstable(
                        f"{newly_bad} rows that were good are not any more, and some are applied"
                    )
                conn.execute(sql.restamp, {"log_id": log_id, "size": file.size, "mtime": file.mtime})
                conn.execute(sql.stage_alone, {"log_id": log_id})
        except (FileMissing, FileUnstable, FileRefused) as lost:
            message = f"{row['file_name']}: the staged rows are gone and cannot be landed again: {lost}"
            values = {"log_id": log_id, "code": "ERR_STAGING_LOST", "message": message}
            if not partly_applied:
                with conn.transaction():
                    conn.execute(logs.sql.fail_log, values)
                    conn.execute(sql.restamp, {"log_id": log_id, "size": None, "mtime": None})
                raise StagingLost(f"{message}; nothing of it is applied, drop the file again") from lost
            conn.execute(logs.sql.hold_log, values)
            raise StagingLost(
                f"{message}; a part of it is applied: put the file back as it was, and start the job with "
                f"remoteFilename {row['file_name']} and force"
            ) from lost

"""Stages one file: copied, compared with earlier ones, judged, bad rows set aside (architecture.md 4.2)."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from oms import crashpoints, locks
from oms.catalog.model import KINDS
from oms.database import Connection, statements
from oms.imports import guard, logs, reading, repairs, staging
from oms.imports.arrival import RemoteFile
from oms.imports.errors import FileMissing, FileRefused, FileUnstable, TooManyRejects
from oms.imports.file_types import file_type
from oms.imports.jobs import Settings
from oms.imports.staging import Content, Group, Judged
from oms.imports.streams import InMemory
from oms.remote import is_about_a_file

log = logging.getLogger(__name__)
sql = statements(__file__)

COPIED = crashpoints.register("land.copied", "the rows are staged, their transaction is still open")
STAGED = crashpoints.register("land.staged", "one file is staged and committed, its chunks are not made yet")


@dataclass(frozen=True)
class Landed:
    """A file whose rows are staged and resolved."""

    log_id: int
    name: str
    groups: list[Group]
    positional: bool
    doubts: tuple[guard.Reason, ...] = ()
    """Why a person must look at it first."""


def land_file(
    conn: Connection,
    sftp: Any,
    log_id: int,
    file: RemoteFile,
    settings: Settings,
    in_memory: InMemory | None,
) -> Landed | None:
    """Stage one claimed file; None if it is refused, a duplicate, or not complete."""
    row = logs.read_log(conn, log_id)
    assert row is not None
    own_settings = Settings.stored(row["params"])
    try:
        with conn.transaction():
            conn.execute(staging.sql.session_settings)
            landed = stage(
                conn,
                row,
                file,
                own_settings,
                lambda: reading.read_in(
                    conn,
                    sftp,
                    log_id,
                    file,
                    own_settings,
                    whole=KINDS[row["kind"]].whole,
                    compare=file_type(own_settings.file_type).compare,
                    in_memory=in_memory,
                ),
            )
            crashpoints.point(COPIED)
    except FileRefused as refused:
        log.error("%s is refused: %s", file.path, refused)
        conn.execute(
            logs.sql.fail_log,
            {"log_id": log_id, "code": refused.code, "message": f"{file.name}: {refused.message}"},
        )
        return None
    except (FileUnstable, FileMissing) as unstable:
        logs.leave(conn, row, str(unstable))
        if settings.remote_filename is not None:
            raise
        return None
    except OSError as error:
        if not is_about_a_file(sftp, error):
            raise
        logs.leave(conn, row, f"{file.path} cannot be read: {error}")
        if settings.remote_filename is not None:
            raise
        return None
    crashpoints.point(STAGED)
    return landed


def stage(
    conn: Connection,
    row: dict[str, Any],
    file: RemoteFile,
    settings: Settings,
    read: Callable[[], reading.Read],
) -> Landed | None:
    """Copy, compare with earlier files, resolve, set bad rows aside: all in the caller's transaction.

    read: copies the file into staging.
    """
    log_id, kind, of_type = row["log_id"], KINDS[row["kind"]], file_type(settings.file_type)
    conn.execute(logs.sql.forget_rejects, {"log_id": log_id})
    repairs.forget(conn, log_id)
    try:
        content, sha256, doubts = read()
    except TooManyRejects as refused:
        _end(conn, row, refused)
        return None
    repair = bool(content.rows) and repairs.is_repair(content.header, kind)
    all_returned = repair and repairs.find_origins(conn, log_id, content, settings)
    once = kind.once or settings.refuse_repeated
    if once and content.rows and not settings.force and not all_returned:
        hold_contents(conn, [sha256])
        earlier = conn.execute(
            sql.earlier_same_content,
            {
                "sha256": sha256,
                "config_id": settings.config_id,
                "log_id": log_id,
                "name": None if settings.refuse_repeated else file.name,
            },
        ).fetchone()
        if earlier and settings.refuse_repeated:
            raise FileRefused(
                "ERR_REPEATED",
                f"the same content came as {earlier[1]} (log {earlier[0]}) at {earlier[2]:%F %R} UTC; to "
                "book it again, set force",
            )
        if earlier:
            _record(conn, log_id, content, sha256, 0)
            conn.execute(
                sql.finish_duplicate, {"log_id": log_id, "original": earlier[0], "total": content.rows}
            )
            staging.drop(conn, log_id)
            log.warning(
                "%s has the same content as %s (log %s) of %s UTC: nothing of it is applied; to book it "
                "again, set force",
                file.path,
                earlier[1],
                earlier[0],
                f"{earlier[2]:%F %R}",
            )
            return None
    judged = Judged([], 0, True)
    if content.rows:
        judged = of_type.judge(conn, log_id, content, settings, again=False)
        if repair:
            judged = repairs.claim(conn, log_id, kind, content, judged, settings, scope=of_type.scope)
        if judged.bad:
            of_type.set_rejects_aside(conn, log_id, content.header, settings)
    else:
        log.warning("%s has no rows", file.path)
    good = sum(group.rows for group in judged.groups)
    _record(conn, log_id, content, sha256, content.rows - good)
    if kind.balances and content.rows and not repair:
        guard.note_rows(conn, log_id, judged.groups)
        doubts += guard.reasons_to_hold(conn, log_id, content.rows, settings, of_type.doubts)
    return Landed(log_id, file.name, judged.groups, judged.positional, doubts)


def _end(conn: Connection, row: dict[str, Any], refused: TooManyRejects) -> None:
    """Refuse a file of which too many lines are no rows; the first of them go to its reject file."""
    log_id = row["log_id"]
    staging.set_misshapen_aside(conn, log_id, refused.max_rejects)
    staging.drop(conn, log_id)
    values = {"log_id": log_id, "header": refused.header, "total": refused.rows}
    message = f"{row['file_name']}: {refused.message}"
    conn.execute(logs.sql.end_log, values | {"code": refused.code, "message": message})
    log.error("%s is refused: %s", row["remote_path"], refused)


def _record(conn: Connection, log_id: int, content: Content, sha256: bytes, bad: int) -> None:
    conn.execute(
        sql.record_content,
        {
            "log_id": log_id,
            "sha256": sha256,
            "header": content.header.text if content.header else None,
            "total": content.rows,
            "rejected": bad,
        },
    )


def hold_contents(conn: Connection, contents: Iterable[bytes]) -> None:
    """Let files of equal content that land side by side be compared one after the other.

    Contents share sixteen locks, so that many files need no more of them than one.
    """
    locks.hold(conn, *(locks.IMPORT_CONTENT.of(sha256.hex()[0]) for sha256 in contents))

"""Closes files: the account of rows, the reject file, the move out of the folder (architecture.md 4.6)."""

import csv
import io
import logging
import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from oms import crashpoints, locks, servers
from oms.catalog.model import ImportJob
from oms.database import Connection, statements
from oms.imports import staging
from oms.imports.arrival import RemoteFile, examine
from oms.imports.contracts import REJECT_COLUMNS, reject_places
from oms.imports.errors import TOO_MANY_REJECTS, AccountOpen, FileMissing, FileRefused
from oms.imports.jobs import DEFAULT_CONNECTION, Run, Settings
from oms.imports.json_files import reject_name
from oms.imports.landing import FILES_TOGETHER, TABLES_OF_A_LOAD
from oms.imports.lines import without_cells
from oms.imports.staging import Joint
from oms.remote import (
    in_parallel,
    is_about_a_file,
    make_folders,
    rename,
    server_failures,
    step,
    write_whole,
)

log = logging.getLogger(__name__)
sql = statements(__file__)

FINISHED = crashpoints.register("close.finished", "the account is committed, no file is written or moved yet")
REJECTS_WRITTEN = crashpoints.register(
    "close.rejects", "the reject file is there, the file itself is not moved yet"
)
MOVED = crashpoints.register("close.moved", "the file is moved, its log does not say so yet")
CLOSED = crashpoints.register("close.closed", "the log is closed, the task has not answered")

LONGEST_NAME = 255 - len(".part")
"""Bytes of a file's name."""
FEW_REJECTS = 1000
"""Refused lines of a file that are held in memory, to write the files of many at once."""
QUOTED = 10
"""Refused lines of a file that the log quotes."""
COLUMNS = ("total", "applied", "unchanged", "superseded", "duplicate", "skipped", "rejected")


@dataclass(frozen=True)
class Line:
    """The account of one file."""

    log_id: int
    file_name: str
    status: str
    counts: dict[str, int]
    is_closed: bool
    fault: str | None
    reject_file: str | None
    waits_for_a_person: bool = False
    """Held by a guard: neither a fault nor something the next run goes on with."""
    is_told: bool = False
    """This run has written its account, or closed it: whoever hears of what files change hears of it now."""


@dataclass(frozen=True)
class Account:
    """The files that a run is answerable for."""

    lines: list[Line]

    @property
    def changed(self) -> int:
        """Rows that changed stock, also of a file that could not be moved away."""
        return sum(line.counts["applied"] for line in self.lines if line.is_closed or line.is_told)

    @property
    def changed_files(self) -> list[int]:
        """Logs of the files that changed stock."""
        told = (line for line in self.lines if line.is_closed or line.is_told)
        return [line.log_id for line in told if line.counts["applied"]]

    def raise_if_open(self) -> None:
        """Fail the run if a file is not applied to its last row, or was refused.

        A duplicate that waits until the first file has landed is no fault: nothing of it is left to apply.

        Raises:
            AccountOpen: the next run goes on with the files named.
            FileRefused: files were moved to error/; nothing of them was applied.
        """
        left = [
            f"{line.file_name} ({line.status}: {line.fault or 'not all chunks are applied'})"
            for line in self.lines
            if not line.is_closed
            and not line.waits_for_a_person
            and (line.status != "DmlsFinished" or line.fault)
        ]
        if left:
            raise AccountOpen(f"not closed: {'; '.join(left)}; the next run goes on with it")
        refused = [line for line in self.lines if line.status == "DmlsFailed"]
        if refused:
            raise FileRefused(
                "ERR_FILES_REFUSED", "; ".join(line.fault or line.file_name for line in refused)
            )

    def table(self) -> str:
        """The counts as a table for the log, one line for each file."""
        head = ("log", "file", "status", *COLUMNS)
        body = [
            (str(line.log_id), line.file_name, line.status, *(f"{line.counts[name]:,}" for name in COLUMNS))
            for line in self.lines
        ]
        widths = [max(len(row[column]) for row in (head, *body)) for column in range(len(head))]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if column < 3 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in (head, *body)
        )


def close(
    conn: Connection,
    sftp: Any,
    job: ImportJob,
    run: Run,
    *,
    connection_id: str = DEFAULT_CONNECTION,
    loads: Collection[int] = (),
) -> Account:
    """Close every file of the job and the server whose rows are all accounted for, whichever run began it.

    For each: account (a check adds it up), reject file, move, mark; each of the four can be repeated. `conn`
    is in autocommit mode. `connection_id`: the server of `sftp`. `loads`: whose chunks the
    run had to apply, those of earlier runs among them. The caller decides what an open file means:
    `Account.raise_if_open`. Raises OtherServer, before anything is done, and what is raised where the server
    is lost before anything is closed; later the files that are left are stuck.
    """
    keys = servers.recognise(conn, connection_id, sftp)
    values = {"dag_id": job.dag_id, "connection_id": connection_id, "servers": keys}
    found = conn.execute(sql.closable, values).fetchall()
    closed: list[int] = []
    finished: list[int] = []
    stuck: dict[int, str] = {}
    log_ids = [log_id for (log_id,) in found]
    for start in range(0, len(log_ids), FILES_TOGETHER):
        try:
            closed += _close_some(conn, sftp, log_ids[start : start + FILES_TOGETHER], finished, stuck)
        except server_failures() as lost:
            if not closed:
                raise  # the next try closes all of them
            stuck |= dict.fromkeys(log_ids[start:], f"the server was lost: {lost!r}")
            break
    for log_id, why in stuck.items():
        log.error("log %s is not closed: %s", log_id, why)
    account = _account(conn, job, run, closed, stuck, loads, finished)
    for line in account.lines:
        if line.waits_for_a_person:
            log.warning("%s waits for a person in approve_held_files: %s", line.file_name, line.fault)
        if line.reject_file:
            _quote_rejects(conn, line)
    return account


def _quote_rejects(conn: Connection, line: Line) -> None:
    """Log the first refused lines of a file, and where all of them are."""
    for quoted in conn.execute(sql.first_rejects, {"log_id": line.log_id, "most": QUOTED}):
        log.warning("%s line %s is refused: %s %s: %s", line.file_name, *quoted)
    log.warning(
        "%s: %s lines are refused; all: %s", line.file_name, line.counts["rejected"], line.reject_file
    )


def facilities_of(conn: Connection, log_ids: list[int]) -> list[str]:
    """The facilities that files were about."""
    return conn.execute(sql.facilities_of, {"log_ids": log_ids}).fetchone()[0]


def _close_some(
    conn: Connection, sftp: Any, log_ids: list[int], finished: list[int], stuck: dict[int, str]
) -> list[int]:
    """Close files, step by step for all of them; return those closed, the others with the reason in `stuck`.

    Those that another run has just closed are left out. `finished`: gets those with their account written.
    """
    with locks.held(conn, *(locks.IMPORT_LOG.of(log_id) for log_id in log_ids)):
        finished += _finish(conn, log_ids, stuck)
        rows = conn.cursor(row_factory=dict_row).execute(sql.logs_to_close, {"log_ids": log_ids}).fetchall()
        if not rows:
            return []
        crashpoints.point(FINISHED)
        reject_files = _write_rejects(conn, sftp, [row for row in rows if _has_rejects(row)], stuck)
        crashpoints.point(REJECTS_WRITTEN)
        rows = [row for row in rows if row["log_id"] not in stuck]
        moved_to = _each(sftp, _move, rows, stuck)
        crashpoints.point(MOVED)
        closed = [row for row in rows if row["log_id"] in moved_to]
        for start in range(0, len(closed), TABLES_OF_A_LOAD):
            _mark_closed(conn, closed[start : start + TABLES_OF_A_LOAD], moved_to, reject_files)
        crashpoints.point(CLOSED)
    return list(moved_to)


def _mark_closed(
    conn: Connection,
    rows: list[dict[str, Any]],
    moved_to: Mapping[int, str | None],
    reject_files: Mapping[int, str],
) -> None:
    """Note what became of files and drop their staged rows: a dropped table is a lock or three."""
    log_ids = [row["log_id"] for row in rows]
    values = {
        "log_ids": log_ids,
        "moved_to": [moved_to[log_id] for log_id in log_ids],
        "reject_files": [reject_files.get(log_id) for log_id in log_ids],
    }
    with conn.transaction():
        conn.execute(sql.mark_closed, values)
        for row in rows:
            if row["staged_with"] is None:
                staging.drop(conn, row["log_id"])
        for (joint,) in conn.execute(sql.joint_tables_left, values).fetchall():
            staging.drop(conn, Joint(joint))


def _finish(conn: Connection, log_ids: list[int], stuck: dict[int, str]) -> list[int]:
    """Write the accounts of files; return whose. One that does not add up keeps no other one open."""
    try:
        return [log_id for (log_id,) in conn.execute(sql.finish, {"log_ids": log_ids})]
    except psycopg.errors.CheckViolation as error:
        if len(log_ids) == 1:
            stuck[log_ids[0]] = f"its account does not add up: {error}"
            return []
        return [one for log_id in log_ids for one in _finish(conn, [log_id], stuck)]


def _each(
    sftp: Any,
    work: Callable[[Any, dict[str, Any]], Any],
    rows: list[dict[str, Any]],
    stuck: dict[int, str],
) -> dict[int, Any]:
    """Do a step for each file, several at a time; results by log, refusals of the server in `stuck`."""
    done = {}
    for row, result in zip(rows, in_parallel(sftp, work, rows), strict=True):
        if isinstance(result, OSError) and is_about_a_file(sftp, result):
            stuck[row["log_id"]] = f"the server does not let us move it or write its rejects: {result}"
        elif isinstance(result, BaseException):
            raise result
        else:
            done[row["log_id"]] = result
    return done


def _write_rejects(
    conn: Connection, sftp: Any, rows: list[dict[str, Any]], stuck: dict[int, str]
) -> dict[int, str]:
    """Write the reject files; their paths by log. Many small ones at once, a large one block by block."""
    written: dict[int, str] = {}
    contents: dict[int, bytes] = {}
    for row in rows:
        log_id, settings = row["log_id"], Settings.stored(row["params"])
        if row["rejected_count"] <= FEW_REJECTS:
            contents[log_id] = b"".join(reject_lines(conn, log_id, row["header"], settings))
            continue
        written |= _each(
            sftp,
            lambda session, large: write_rejects(conn, session, large, _folder(large)),
            [row],
            stuck,
        )

    def write(session: Any, row: dict[str, Any]) -> str:
        path = _reject_path(row, _folder(row))
        write_whole(session, path, [contents[row["log_id"]]])
        return path

    small = [row for row in rows if row["log_id"] in contents]
    return written | _each(sftp, write, small, stuck)


def _folder(row: dict[str, Any]) -> str:
    return row["remote_path"].rsplit("/", 1)[0]


def _reject_path(row: dict[str, Any], folder: str) -> str:
    number = f"{row['log_id']}_rejects" if _is_ended(row) else row["log_id"]
    return f"{folder}/error/{_numbered(number, reject_name(row['file_name']))}"


def _has_rejects(row: dict[str, Any]) -> bool:
    return (row["status"] == "DmlsFinished" or _is_ended(row)) and row["rejected_count"] > 0


def _is_ended(row: dict[str, Any]) -> bool:
    """Whether reading ended at too many lines that are no rows: the whole file lies in `error/` as well."""
    return row["status"] == "DmlsFailed" and row["error_code"] == TOO_MANY_REJECTS


def write_rejects(conn: Connection, sftp: Any, row: dict[str, Any], folder: str) -> str:
    """Write `error/<log id>_<name>` under a temporary name first; return its path.

    row: log_id, file_name, status, error_code, header and params of the log.
    """
    settings = Settings.stored(row["params"])
    path = _reject_path(row, folder)
    write_whole(sftp, path, reject_lines(conn, row["log_id"], row["header"], settings))
    return path


def reject_lines(conn: Connection, log_id: int, header: str, settings: Settings) -> Iterator[bytes]:
    """The reject file in blocks, for a server to which few large writes are quicker than many small ones."""
    return (b"".join(block) for block in reject_blocks(conn, log_id, header, settings))


def reject_blocks(conn: Connection, log_id: int, header: str, settings: Settings) -> Iterator[list[bytes]]:
    """Its lines: what is wrong in front of each refused one, whose own bytes stay as they were.

    Lines of a reject file that are refused again name the line that was refused first.
    """
    names = next(csv.reader([header], delimiter=settings.delimiter), [])
    old = reject_places([name.strip() for name in names])

    def line(prefix: Iterable[Any], raw: bytes) -> bytes:
        own = without_cells(raw, old, settings.delimiter, settings.encoding) if old else raw
        return _prefix(prefix, settings) + own + b"\n"

    yield [line(REJECT_COLUMNS, header.encode(settings.encoding))]
    after = -1
    while rows := conn.execute(sql.rejects, {"log_id": log_id, "after": after}).fetchall():
        after = rows[-1][0]
        yield [line(prefix, bytes(raw)) for _, raw, *prefix in rows]


def _prefix(cells: Iterable[Any], settings: Settings) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=settings.delimiter, lineterminator="").writerow(cells)
    return (text.getvalue() + settings.delimiter).encode(settings.encoding, "backslashreplace")


def _move(sftp: Any, row: dict[str, Any]) -> str | None:
    """Move the file away, log id in front; None if another file has taken its place.

    A target that is there already was moved by an earlier try.
    """
    folder = "error" if row["status"] in ("DmlsFailed", "DmlsCancelled") else "archive"
    target = f"{_folder(row)}/{folder}/{_numbered(row['log_id'], row['file_name'])}"
    if _seen(sftp, target) is not None:
        return target
    now = _seen(sftp, row["remote_path"])
    if now is None:
        log.warning("%s is not on the server any more: there is nothing to move", row["remote_path"])
        return None
    if now != RemoteFile(row["remote_path"], row["file_size"], row["file_mtime"]):
        log.warning("%s is no longer the file that was landed: left where it is", row["remote_path"])
        return None
    try:
        rename(sftp, row["remote_path"], target)
    except FileNotFoundError:  # as a rule it is there
        make_folders(sftp, posixpath.dirname(target))
        rename(sftp, row["remote_path"], target)
    return target


def _numbered(log_id: int | str, name: str) -> str:
    """The name with the log id in front; the end of one that would be longer than servers take."""
    number = f"{log_id}_"
    return number + name.encode()[-(LONGEST_NAME - len(number)) :].decode(errors="ignore")


def _seen(sftp: Any, path: str) -> RemoteFile | None:
    try:
        with step(f"looking for {path}"):
            return examine(sftp, path)
    except FileMissing:
        return None


def _account(
    conn: Connection,
    job: ImportJob,
    run: Run,
    closed: list[int],
    stuck: Mapping[int, str],
    loads: Collection[int],
    finished: Collection[int],
) -> Account:
    values = {"dag_id": job.dag_id, "run_id": run.run_id, "closed": [*closed, *stuck], "loads": list(loads)}
    found = conn.cursor(row_factory=dict_row).execute(sql.account, values)
    return Account(
        [
            Line(
                row["log_id"],
                row["file_name"],
                row["status"],
                {name: row[f"{name}_count"] for name in COLUMNS},
                row["closed_at"] is not None,
                stuck.get(row["log_id"], row["error_message"]),
                row["reject_file"],
                row["status"] == "DmlsHeld" and row["error_code"].startswith("HELD_"),
                row["log_id"] in finished,
            )
            for row in found
        ]
    )

"""Files for others on SFTP, each exactly once: recorded with what it is about, then written, then marked.

Whoever makes a file records it in the transaction in which its contents count as told, and has a `Writer`
write it after the commit. A process that dies in between leaves a recorded file, which the next run
writes under the same name with the same bytes.
"""

import csv
import hashlib
import logging
import posixpath
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from oms import crashpoints, locks, servers
from oms.database import Connection, statements
from oms.errors import ComesBack, NeedsPerson
from oms.remote import folder_of, make_folders, server_failures, write_whole
from oms.spreadsheet import harmless
from oms.work import Work

log = logging.getLogger(__name__)
sql = statements(__file__)

OpenSftp = Callable[[str], AbstractContextManager[Any]]

RECORDED = crashpoints.register(
    "export.recorded", "the file is recorded and committed, nothing is on the server"
)
WRITTEN = crashpoints.register("export.written", "the file is on the server, its record does not say so yet")
MARKED = crashpoints.register("export.marked", "the file is written and marked, the task has not answered")


@contextmanager
def one_at_a_time(conn: Connection, dag_id: str) -> Iterator[None]:
    """Make the files of a job one after the other, whatever runs side by side; `conn` in autocommit mode."""
    with locks.held(conn, locks.EXPORT.of(dag_id)):
        yield


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A CSV file in UTF-8; texts that a spreadsheet would run as formulas are made harmless."""
    lines: list[str] = []
    writer = csv.writer(_Lines(lines), lineterminator="\r\n")  # it quotes cells with either of the two
    writer.writerow(header)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return "".join(lines).encode()


class _Lines:
    """Takes the rows of a csv.writer, each ended by LF alone."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def write(self, line: str) -> None:
        self._lines.append(line.removesuffix("\r\n") + "\n")


def record(
    conn: Connection,
    *,
    run_name: str,
    subject: str,
    property_resource: str,
    folder: str,
    name: Callable[[str], str],
    content: bytes,
    rows: int,
) -> str:
    """Record a file inside the caller's transaction; return its path.

    `name` makes the file name from a UTC stamp (yyyyMMddHHmmss), which is moved on by a second as long as
    there is such a file already. `run_name` is `dag_id/run_id`.
    """
    dag_id, _, run_id = run_name.partition("/")
    values = {
        "dag_id": dag_id,
        "run_id": run_id,
        "subject": subject,
        "property_resource": property_resource,
        "content": content,
        "sha256": hashlib.sha256(content).digest(),
        "rows": rows,
    }
    second = int(datetime.now(UTC).timestamp())
    while True:
        stamp = datetime.fromtimestamp(second, UTC).strftime("%Y%m%d%H%M%S")
        path = f"{folder}/{name(stamp)}"
        if conn.execute(sql.record, values | {"path": path}).rowcount:
            return path
        second += 1


class FilesWait(ComesBack):
    """Recorded files could not be written and wait for the next run; they have held up no other file."""


@dataclass
class Writer:
    """Writes the recorded files of a job, oldest first, and remembers which places do not take theirs.

    `conn` is in autocommit mode. A folder that cannot be written to keeps only its own files waiting, in
    their order, and nothing new is recorded for it.
    """

    conn: Connection
    open_sftp: OpenSftp
    dag_id: str
    written: list[str] = field(default_factory=list)
    """Their paths."""
    _refused: dict[tuple[str, str], Exception] = field(default_factory=dict)
    _opened: dict[tuple[str, str], str] = field(default_factory=dict)

    def open_place(self, property_resource: str, folder: str) -> str:
        """Make sure that a folder is there, before a file is recorded for it; return its one spelling.

        It is made if it is missing. Raises what the connection or the server says.
        """
        place = (property_resource, folder)
        if place not in self._opened:
            with self._session(property_resource) as sftp:
                own = folder_of(sftp, folder)
                make_folders(sftp, own)
            self._opened[place] = own
        own = self._opened[place]
        if (property_resource, own) in self._refused:
            raise self._refused[property_resource, own]
        return own

    def write(self) -> None:
        """Write what is recorded; what cannot be written is told by `raise_if_any_waits`."""
        waiting = self.conn.execute(sql.waiting, {"dag_id": self.dag_id}).fetchall()
        if waiting:
            crashpoints.point(RECORDED)
        for export_id, property_resource, path in waiting:
            place = (property_resource, posixpath.dirname(path))
            if place not in self._refused:
                self._write_one(export_id, place, path)

    def raise_if_any_waits(self) -> None:
        """Raise FilesWait if files were left, with what was wrong with the first."""
        if not self._refused:
            return
        (resource, folder), error = next(iter(self._refused.items()))
        raise FilesWait(
            f"files for {folder} on {resource} wait, each run tries them again: {error!r}. Correct the "
            "server; `python -m oms exports` lists what waits, and discards what nobody will take"
        ) from error

    @contextmanager
    def _session(self, property_resource: str) -> Iterator[Any]:
        """A session with the server that the connection has always led to: another gets none of our files."""
        with self.open_sftp(property_resource) as sftp:
            servers.recognise(self.conn, property_resource, sftp)
            yield sftp

    def _write_one(self, export_id: int, place: tuple[str, str], path: str) -> None:
        (content,) = self.conn.execute(sql.content, {"export_id": export_id}).fetchone()
        try:
            with self._session(place[0]) as sftp:
                folder, name = posixpath.split(path)  # an earlier release kept it as it was given
                write_whole(sftp, posixpath.join(folder_of(sftp, folder), name), [bytes(content)])
        except (NeedsPerson, *server_failures()) as error:
            log.warning("%s cannot be written to %s and waits: %s", path, place[0], error)
            self._refused[place] = error
            return
        crashpoints.point(WRITTEN)
        self.conn.execute(sql.mark_written, {"export_id": export_id})
        crashpoints.point(MARKED)
        log.info("%s: %s bytes on %s", path, len(content), place[0])
        self.written.append(path)


@dataclass(frozen=True)
class Line:
    """A line of a file, and by what its job remembers that it was told."""

    key: Any
    cells: tuple[Any, ...]


@dataclass(frozen=True)
class Export:
    """One job whose runs write one file each, of what was not told yet.

    name: of its files, before the moment. lines: what is to be told, in the order of the file. mark:
    remembers, in the transaction that records the file of this path, that its lines are told.
    """

    job: str
    columns: Sequence[str]
    name: str
    lines: Callable[[Work], list[Line]]
    mark: Callable[[Work, list[Line], str], None]


def export(work: Work, what: Export) -> dict[str, Any]:
    """Write one file of what was not told yet, or none; return how many lines, and the files written.

    For the task of a job with the parameters `propertyResource`, `exportPath` and `dryRun`. Raises FilesWait
    if an earlier file could not be written.
    """
    with one_at_a_time(work.conn, what.job):
        if work.params["dryRun"]:
            found = what.lines(work)
            for line in found:
                log.info("would be told: %s", dict(zip(what.columns, line.cells, strict=True)))
            return {"lines": len(found), "files": []}
        writer = Writer(work.conn, work.open_sftp, what.job)
        writer.write()
        told = _record_lines(work, what, writer)
        writer.write()
        writer.raise_if_any_waits()
    log.info("%s lines in %s files", told, len(writer.written))
    return {"lines": told, "files": writer.written}


def _record_lines(work: Work, what: Export, writer: Writer) -> int:
    with work.conn.transaction():
        found = what.lines(work)
        if not found:
            return 0
        resource = work.params["propertyResource"]
        path = record(
            work.conn,
            run_name=work.run_name,
            subject="",
            property_resource=resource,
            folder=writer.open_place(resource, work.params["exportPath"]),
            name=lambda stamp: f"{what.name}_{stamp}.csv",
            content=csv_bytes(what.columns, (line.cells for line in found)),
            rows=len(found),
        )
        what.mark(work, found, path)
    return len(found)


def discard(conn: Connection, export_id: int, *, by: str, reason: str | None) -> str | None:
    """Give up a file that waits, inside the caller's transaction; return the job it is of.

    None: no file of this number waits. What the file was to tell is told again once the job's own record
    of it is taken back, which is the caller's part.
    """
    row = conn.execute(sql.discard, {"export_id": export_id, "by": by, "reason": reason}).fetchone()
    return row[0] if row else None

"""Files for others on SFTP, each exactly once: recorded with what it is about, then written, then marked.

Whoever makes a file records it in the transaction in which its contents count as told, and calls
`write_waiting` after the commit. A process that dies in between leaves a recorded file, which the next run
writes under the same name with the same bytes.
"""

import csv
import hashlib
import logging
import posixpath
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any

from oms import crashpoints
from oms.database import Connection, statements
from oms.remote import write_whole
from oms.spreadsheet import harmless

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
    conn.execute(sql.lock, {"dag_id": dag_id})
    try:
        yield
    finally:
        if not conn.closed and not conn.broken:
            conn.execute(sql.unlock, {"dag_id": dag_id})


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


def write_waiting(conn: Connection, open_sftp: OpenSftp, dag_id: str) -> list[str]:
    """Write the recorded files of a job, oldest first; return their paths. `conn` is in autocommit mode.

    A folder that cannot be written to keeps only its own files waiting, in their order; what was wrong with
    it is raised at the end.
    """
    written: list[str] = []
    refused: dict[tuple[str, str], Exception] = {}
    waiting = conn.execute(sql.waiting, {"dag_id": dag_id}).fetchall()
    if waiting:
        crashpoints.point(RECORDED)
    for export_id, property_resource, path in waiting:
        place = (property_resource, posixpath.dirname(path))
        if place in refused:
            continue
        (content,) = conn.execute(sql.content, {"export_id": export_id}).fetchone()
        try:
            with open_sftp(property_resource) as sftp:
                write_whole(sftp, path, [bytes(content)])
        except Exception as error:
            log.warning("%s cannot be written to %s and waits: %s", path, property_resource, error)
            refused[place] = error
            continue
        crashpoints.point(WRITTEN)
        conn.execute(sql.mark_written, {"export_id": export_id})
        crashpoints.point(MARKED)
        log.info("%s: %s bytes on %s", path, len(content), property_resource)
        written.append(path)
    if refused:
        raise next(iter(refused.values()))
    return written

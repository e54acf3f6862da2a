"""Small files of one header land in tables that they share, by the statements that one file would need.

What is not plainly a good small file is left to be landed alone, which knows what to say of it: repairs,
repeated contents, files that are refused or change while they are read.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from psycopg import sql as composed

from oms import crashpoints
from oms.catalog.model import DELTA
from oms.database import Connection, statements
from oms.imports import one_file, reading, repairs, staging
from oms.imports.arrival import RemoteFile
from oms.imports.errors import FileRefused
from oms.imports.file_types import file_type
from oms.imports.jobs import Settings
from oms.imports.json_files import as_csv
from oms.imports.staging import Content, Group, Joint, Lines
from oms.imports.streams import InMemory, from_utf_16, unpacked
from oms.remote import in_parallel, server_failures
from oms.transfer import read_to_end

log = logging.getLogger(__name__)
sql = statements(__file__)

SMALL = 64 << 10
"""Bytes of a file that is worth it."""
MOST = 1 << 20
"""Bytes that are held in memory of a file of which more comes than the server reports."""
FEWEST = 2


@dataclass(frozen=True)
class _Sorted:
    """A small file with its lines."""

    log_id: int
    file: RemoteFile
    sha256: bytes
    lines: Lines


def read(sftp: Any, claims: list[tuple[int, RemoteFile]]) -> dict[int, InMemory]:
    """Read the small ones of claimed files, several at a time, each once: a server may remove what was read.

    One that cannot be read is left out; whoever reads it alone learns why.
    """
    small = [(log_id, file) for log_id, file in claims if file.size <= SMALL]
    contents = in_parallel(sftp, _read, [file for _, file in small])
    read: dict[int, InMemory] = {}
    for (log_id, file), content in zip(small, contents, strict=True):
        if isinstance(content, InMemory):
            read[log_id] = content
        elif content is None:
            log.info("%s is larger than the server reports: it is landed by itself", file.path)
        elif isinstance(content, server_failures()):
            log.info("%s could not be read with others: %s", file.path, content)
        else:
            raise content
    return read


def _read(sftp: Any, file: RemoteFile) -> InMemory | None:
    data = b""
    with closing(read_to_end(sftp, file.path, file.size)) as pieces:
        for piece in pieces:
            data += piece
            if len(data) > MOST:
                return None
    return InMemory(data, reading.examined(sftp, file))


def land(
    conn: Connection,
    claims: list[tuple[int, RemoteFile]],
    read: dict[int, InMemory],
    settings: Settings,
) -> Iterator[tuple[int, RemoteFile, list[Group]]]:
    """Land those of the claimed files that can share tables; each with the groups of its good rows.

    `conn` is in autocommit mode; the files of a header are a transaction.
    """
    of_type = file_type(settings.file_type)
    if of_type.apply_joint is None or settings.force or settings.refuse_repeated:
        return
    values = {"log_ids": list(read), "params": json.dumps(settings.as_json())}
    of_this_run = {log_id for (log_id,) in conn.execute(sql.alike, values)}
    by_header: dict[str, list[_Sorted]] = defaultdict(list)
    for log_id, file in claims:
        content = read.get(log_id)
        if log_id not in of_this_run or content is None or content.size != file.size:
            continue
        if content.now not in (None, file):
            continue
        try:
            lines = _lines(log_id, file, content.data, settings)
        except FileRefused as refused:
            log.info("%s is landed by itself: %s", file.path, refused)
            continue
        if lines is not None:
            by_header[lines.header.text].append(_Sorted(log_id, file, content.sha256, lines))
    for alike in by_header.values():
        if len(alike) >= FEWEST:
            yield from _land_alike(conn, alike, settings)


def _lines(log_id: int, file: RemoteFile, data: bytes, settings: Settings) -> Lines | None:
    """The sorted lines of a file that may share tables; None if it may not. Raises FileRefused."""
    contract = file_type(settings.file_type).contract
    text = unpacked(file.name, iter([data]), settings.max_uncompressed_bytes)
    if settings.from_utf_16:
        text = from_utf_16(text)
    lines = staging.sort_lines(
        log_id, as_csv(file.name, text, contract, settings), contract, settings, whole=True
    )
    if lines is None or not lines.rows:
        return None
    header = lines.header
    if header.repeated or repairs.is_repair(header, DELTA):
        return None
    return lines if file_type(settings.file_type).may_share(header, settings) else None


def _land_alike(
    conn: Connection, files: list[_Sorted], settings: Settings
) -> Iterator[tuple[int, RemoteFile, list[Group]]]:
    """Land files of one header in one transaction, but for those whose content came before."""
    with conn.transaction():
        conn.execute(staging.sql.session_settings)
        values = {
            "config_id": settings.config_id,
            "log_ids": [one.log_id for one in files],
            "names": [one.file.name for one in files],
            "contents": [one.sha256 for one in files],
        }
        one_file.hold_contents(conn, values["contents"])
        repeated = {log_id for (log_id,) in conn.execute(sql.repeated, values)}
        files = [one for one in files if one.log_id not in repeated]
        if len(files) < FEWEST:
            return
        groups = _stage(conn, files, settings)
        crashpoints.point(one_file.COPIED)
    for one in files:
        yield one.log_id, one.file, groups[one.log_id]


def _stage(conn: Connection, files: list[_Sorted], settings: Settings) -> dict[int, list[Group]]:
    """Copy the files into tables of their own, judge their rows, set bad ones aside, record what came."""
    joint = Joint(files[0].log_id)
    header, of_type = files[0].lines.header, file_type(settings.file_type)
    staging.copy_sorted(conn, joint, (one.lines for one in files), settings)
    rows = {one.log_id: one.lines.rows for one in files}
    conn.execute(sql.forget, {"log_ids": list(rows)})
    judged = of_type.judge(conn, joint, Content(header, sum(rows.values())), settings, again=False)
    if judged.bad:
        of_type.set_rejects_aside(conn, joint, header, settings)
    groups: dict[int, list[Group]] = {log_id: [] for log_id in rows}
    names = {"resolved": staging.resolved_table(joint), "scope": composed.Identifier(of_type.scope)}
    for log_id, key, scope, good in staging.filled(conn, sql.count_groups, {}, **names):
        groups[log_id].append(Group(key or "", scope, good))
    conn.execute(
        sql.record,
        {
            "log_ids": list(rows),
            "contents": [one.sha256 for one in files],
            "rows": list(rows.values()),
            "good": [sum(group.rows for group in groups[log_id]) for log_id in rows],
            "header": header.text,
            "staged_with": int(joint),
        },
    )
    return groups

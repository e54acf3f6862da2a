"""Claims arrived files, lands them in staging, and cuts them into chunks (architecture.md 4.2, 4.3).

The rows of a file become visible only when its log turns DmlsPending, together with its chunks.
"""

import hashlib
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from oms import crashpoints, locks, servers
from oms.catalog.model import ImportJob, Kind
from oms.database import Connection
from oms.filenames import age_key
from oms.imports import (
    arrival,
    chunking,
    claiming,
    logs,
    one_file,
    reading,
    staging,
    together,
)
from oms.imports.arrival import RemoteFile
from oms.imports.errors import FileRefused
from oms.imports.file_types import file_type
from oms.imports.jobs import Run, Settings
from oms.imports.parameters import settings_of
from oms.remote import Stamp, server_failures

log = logging.getLogger(__name__)

PENDING = crashpoints.register(
    "land.pending", "chunks and DmlsPending are committed, the task has not answered"
)
FILES_TOGETHER = 100
"""Files that are claimed and landed at a time; what they say can be applied before the next are read."""
TABLES_OF_A_LOAD = 25


def land(
    conn: Connection,
    sftp: Any,
    job: ImportJob,
    params: dict[str, Any],
    run: Run,
    settled: Mapping[str, Stamp],
) -> list[dict[str, Any]]:
    """Land what has settled; return every chunk of the job that waits to be applied, oldest first.

    `conn` is in autocommit mode. A file that is refused becomes DmlsFailed and does not hinder the
    others; one that changes while it is read stays for the next look, its log says why. Chunks that
    other runs left are among the answer: applying them twice is harmless. `settled`: size and mtime by name
    of the files that were seen at rest (`arrival.find`); those that are still the same are taken.

    Raises:
        FileMissing, FileUnstable: the file named by remoteFilename is not there or not complete.
        FileRefused: a parameter makes no sense.
        OtherServer: the connection leads to another server than before.
    """
    settings = settings_of(job, params)
    keys = servers.recognise(conn, settings.connection_id, sftp)
    claiming.respell(conn, sftp, settings)
    with locks.given_back(conn) as own:
        claims = claiming.take_over_abandoned(conn, sftp, job, settings, run, own, keys)
        _land_claims(conn, sftp, claims, settings, run)
    left = settings.max_files
    claimed: set[str] = set()
    for found in _batches(sftp, settings, settled):
        with locks.given_back(conn) as own:
            free = claiming.free(conn, settings, found)[:left]
            claims = claiming.claim_arrivals(conn, job, settings, run, own, free, keys[0])
            _land_claims(conn, sftp, claims, settings, run)
        claimed.update(file.name for _, file in claims)
        if left is not None and (left := left - len(claims)) == 0:
            break
    if settings.remote_filename not in claimed:
        claiming.refuse_if_missed(conn, sftp, settings, settled)
    return chunking.open_chunks(conn, job, settings.connection_id)


def _batches(sftp: Any, settings: Settings, settled: Mapping[str, Stamp]) -> Iterator[list[RemoteFile]]:
    """What the run may claim, oldest first, some at a time."""
    names = sorted(settled, key=lambda name: age_key(settled[name][1], name))
    for start in range(0, len(names), FILES_TOGETHER):
        batch = names[start : start + FILES_TOGETHER]
        yield arrival.still_there(
            sftp,
            settings.import_path,
            {name: settled[name] for name in batch},
            as_it_is=settings.is_insisted_on,
        )


def _land_claims(
    conn: Connection, sftp: Any, claims: list[tuple[int, RemoteFile]], settings: Settings, run: Run
) -> None:
    """Land claimed files, small ones together, and make them ready to be applied.

    A load has no more than `TABLES_OF_A_LOAD` files with staging tables of their own, because a transaction
    holds some locks for each of these.
    """
    read = together.read(sftp, claims)
    landed = {
        log_id: one_file.Landed(log_id, file.name, groups, True)
        for log_id, file, groups in together.land(conn, claims, read, settings)
    }
    if landed:
        crashpoints.point(one_file.STAGED)
    load: list[one_file.Landed] = []
    alone = 0
    failure: Exception | None = None
    try:
        for log_id, file in claims:
            if (one := landed.get(log_id)) is None:
                if failure and log_id not in read:
                    continue
                alone += 1
                try:
                    one = one_file.land_file(conn, sftp, log_id, file, settings, read.get(log_id))
                except server_failures() as error:
                    failure = error
            load += [one] if one else []
            if alone == TABLES_OF_A_LOAD:
                load, ready, alone = [], load, 0
                _finish_load(conn, ready, settings, run)
    finally:  # what came before a server stopped answering may be gone from it
        if not conn.broken:
            _finish_load(conn, load, settings, run)
    if failure:
        log.error("of %s files some are not landed: the server failed: %r", len(claims), failure)
        values = {"log_ids": [log_id for log_id, _ in claims], "message": repr(failure)}
        conn.execute(logs.sql.note_broken, values)
        raise failure


def _finish_load(conn: Connection, load: list[one_file.Landed], settings: Settings, run: Run) -> None:
    if not load:
        return
    chunking.make_chunks(conn, load, settings, run)
    crashpoints.point(PENDING)
    file_type(settings.file_type).landed(conn, [one.log_id for one in load])


def land_text(
    conn: Connection,
    settings: Settings,
    run: Run,
    path: str,
    pieces: Iterator[bytes],
    *,
    domain: str,
    kind: Kind,
) -> int:
    """Land a text that lies on no server as a file of this path; return its log, ready to be applied.

    A lander that fails leaves nothing behind; one that dies leaves a log in DmlsLanding, to be given up.
    """
    contract = file_type(settings.file_type).contract
    file = RemoteFile(path, 0, 0)
    with locks.given_back(conn) as own:
        claims = claiming.claim(conn, domain, kind, settings, run, own, [file])
        if not claims:
            raise FileRefused("ERR_CLAIMED", f"{path} is already being processed")
        log_id = claims[0][0]
        crashpoints.point(claiming.CLAIMED)

        def read() -> reading.Read:
            sha256 = hashlib.sha256()
            hashed = (sha256.update(piece) or piece for piece in pieces)
            content = staging.copy_in(conn, log_id, hashed, contract, settings, whole=False)
            return reading.Read(content, sha256.digest())

        try:
            with conn.transaction():
                conn.execute(staging.sql.session_settings)
                row = logs.read_log(conn, log_id)
                assert row is not None
                landed = one_file.stage(conn, row, file, settings, read)
            assert landed is not None
            chunking.make_chunks(conn, [landed], settings, run)
        except BaseException:
            if not conn.broken:
                logs.give_up(conn, log_id)
            raise
    return log_id

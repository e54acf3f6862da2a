"""Claims arrived files, lands them in staging, and cuts them into chunks (architecture.md 4.2, 4.3).

The rows of a file become visible only when its log turns DmlsPending, together with its chunks. A lander
holds one session lock for the logs of a batch until then: a log in DmlsLanding whose lock is free was left
by a dead one and is landed again.
"""

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row

from oms import crashpoints, locks, servers
from oms.catalog.model import KINDS, ImportJob, Kind
from oms.database import Connection, statements
from oms.filenames import age_key, is_packed
from oms.imports import arrival, guard, repairs, staging, together
from oms.imports.arrival import RemoteFile
from oms.imports.errors import FileMissing, FileRefused, FileUnstable, TooManyRejects
from oms.imports.file_types import file_type
from oms.imports.jobs import Run, Settings
from oms.imports.json_files import as_csv
from oms.imports.packing import pack, shortened
from oms.imports.parameters import settings_of
from oms.imports.staging import FACILITY, Content, Group, Joint, Judged
from oms.imports.streams import Download, InMemory, from_utf_16, unpacked
from oms.locks import Lock
from oms.remote import Stamp, folder_of, is_about_a_file, server_failures

log = logging.getLogger(__name__)
sql = statements(__file__)

CLAIMED = crashpoints.register("land.claimed", "the log says DmlsLanding, nothing is read yet")
COPIED = crashpoints.register("land.copied", "the rows are staged, their transaction is still open")
STAGED = crashpoints.register("land.staged", "one file is staged and committed, its chunks are not made yet")
PENDING = crashpoints.register(
    "land.pending", "chunks and DmlsPending are committed, the task has not answered"
)

GONE = (
    "its landing was broken off, and now it is not on the server any more; if nobody took it away, the "
    "server removes files that were read: ask the sender for it once more"
)
REMEDY = (
    "see who else writes or takes files in this folder; to take what the server delivers whatever it "
    "reports, start the job with remoteFilename and force"
)

GAVE_WAY = "GAVE_WAY"
"""A broken landing that newer files have gone ahead of."""
FILES_TOGETHER = 100
"""Files that are claimed and landed at a time; what they say can be applied before the next are read."""
TABLES_OF_A_LOAD = 25
PATIENCE, PATIENCE_WITH_OWN_RUN = 2, 60
"""Seconds to wait for the lock of a log that seems to be left behind."""


@dataclass(frozen=True)
class Landed:
    """A file whose rows are staged and resolved."""

    log_id: int
    name: str
    groups: list[Group]
    positional: bool
    doubts: tuple[guard.Reason, ...] = ()
    """Why a person must look at it first."""


class Read(NamedTuple):
    """What a file held, its hash, and what makes it doubtful that it is all of it."""

    content: Content
    sha256: bytes
    doubts: tuple[guard.Reason, ...] = ()


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
    _respell(conn, sftp, settings)
    with locks.given_back(conn) as own:
        claims = _take_over_abandoned(conn, sftp, job, settings, run, own, keys)
        _land_claims(conn, sftp, claims, settings, run)
    left = settings.max_files
    claimed: set[str] = set()
    for found in _batches(sftp, settings, settled):
        with locks.given_back(conn) as own:
            free = _free(conn, settings, found)[:left]
            claims = _claim_arrivals(conn, job, settings, run, own, free, keys[0])
            _land_claims(conn, sftp, claims, settings, run)
        claimed.update(file.name for _, file in claims)
        if left is not None and (left := left - len(claims)) == 0:
            break
    if settings.remote_filename not in claimed:
        _refuse_if_missed(conn, sftp, settings, settled)
    return open_chunks(conn, job, settings.connection_id)


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


def _free(conn: Connection, settings: Settings, found: list[RemoteFile]) -> list[RemoteFile]:
    """Without the files that some run has; with force a person may mean one of those."""
    if settings.force:
        return found
    values = {"connection_id": settings.connection_id, "paths": [file.path for file in found]}
    taken = {path for (path,) in conn.execute(sql.taken, values)}
    for path in sorted(taken):
        log.info("%s is already being processed", path)
    return [file for file in found if file.path not in taken]


def unclaimed(conn: Connection, connection_id: str, folder: str, names: Collection[str]) -> list[str]:
    """Of these names in a folder of a server those that no run has taken yet, in their order."""
    paths = {name: f"{folder.rstrip('/')}/{name}" for name in names}
    values = {"connection_id": connection_id, "paths": list(paths.values())}
    taken = {path for (path,) in conn.execute(sql.taken, values)}
    return [name for name, path in paths.items() if path not in taken]


def _land_claims(
    conn: Connection, sftp: Any, claims: list[tuple[int, RemoteFile]], settings: Settings, run: Run
) -> None:
    """Land claimed files, small ones together, and make them ready to be applied.

    A load has no more than `TABLES_OF_A_LOAD` files with staging tables of their own, because a transaction
    holds some locks for each of these.
    """
    read = together.read(sftp, claims)
    landed = {
        log_id: Landed(log_id, file.name, groups, True)
        for log_id, file, groups in together.land(conn, claims, read, settings)
    }
    if landed:
        crashpoints.point(STAGED)
    load: list[Landed] = []
    alone = 0
    failure: Exception | None = None
    try:
        for log_id, file in claims:
            if (one := landed.get(log_id)) is None:
                if failure and log_id not in read:
                    continue
                alone += 1
                try:
                    one = _land_file(conn, sftp, log_id, file, settings, read.get(log_id))
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
        conn.execute(sql.note_broken, values)
        raise failure


def _finish_load(conn: Connection, load: list[Landed], settings: Settings, run: Run) -> None:
    if not load:
        return
    _make_chunks(conn, load, settings, run)
    crashpoints.point(PENDING)
    file_type(settings.file_type).landed(conn, [one.log_id for one in load])


def open_chunks(conn: Connection, job: ImportJob, connection_id: str) -> list[dict[str, Any]]:
    """The chunks of the job's files on a server that are not applied yet, as ids, counts and a label."""
    values = {"dag_id": job.dag_id, "connection_id": connection_id}
    found = conn.execute(sql.open_chunks, values).fetchall()
    return [
        {"load_id": load_id, "chunk_no": number, "label": label, "rows": rows}
        for load_id, number, label, rows in found
    ]


def _respell(conn: Connection, sftp: Any, settings: Settings) -> None:
    """Give logs of earlier releases, which kept a folder as the job's settings spell it, its one spelling.

    Else an open file would be claimed once more, and the guards would take its feed for a new one.
    """
    values = {"connection_id": settings.connection_id}
    spelled = {folder for (folder,) in conn.execute(sql.folders_of_open_files, values)}
    for old in sorted(spelled | {settings.import_path}):
        if (folder := folder_of(sftp, old)) != old:
            conn.execute(sql.respell, values | {"old": f"{old}/", "new": f"{folder.rstrip('/')}/"})


def _take_over_abandoned(
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
        row = read_log(conn, log_id)
        if row is None or not _lock_if_left(conn, row, run):
            continue
        own.append(locks.IMPORT_LOG.of(row["lander"]))
        row = read_log(conn, log_id)
        if row is None or row["status"] != "DmlsLanding":
            continue
        if row["staged_with"] is not None:
            staging.drop(conn, Joint(row["staged_with"]))
        log.warning("%s: landing was begun by run %s and not finished", row["remote_path"], row["run_id"])
        try:
            file = arrival.examine(sftp, row["remote_path"])
        except FileMissing:
            _leave(conn, row | {"run_id": run.run_id}, GONE, lost=True)
            continue
        if row["error_code"] == GAVE_WAY:
            _leave(conn, row | {"run_id": run.run_id}, f"its landing was broken off: {row['error_message']}")
            continue
        with conn.transaction():
            conn.execute(sql.leave_copies, {"log_id": log_id})
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
    try:
        with conn.transaction():
            locks.wait_at_most(conn, patience)
            locks.take(conn, locks.IMPORT_LOG.of(row["lander"]))
    except psycopg.errors.LockNotAvailable:
        log.info("%s is being landed by run %s", row["remote_path"], row["run_id"])
        return False
    return True


def _claim_arrivals(
    conn: Connection,
    job: ImportJob,
    settings: Settings,
    run: Run,
    own: list[Lock],
    found: list[RemoteFile],
    server: str,
) -> list[tuple[int, RemoteFile]]:
    kind = file_type(settings.file_type).kind_of(job.kind, settings)
    claims = _claim(conn, job.domain, kind, settings, run, own, found, server)
    if claims:
        crashpoints.point(CLAIMED)
    return claims


def _refuse_if_missed(conn: Connection, sftp: Any, settings: Settings, settled: Mapping[str, Stamp]) -> None:
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


def _claim(
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
        claims = _claim(conn, domain, kind, settings, run, own, [file])
        if not claims:
            raise FileRefused("ERR_CLAIMED", f"{path} is already being processed")
        log_id = claims[0][0]
        crashpoints.point(CLAIMED)

        def read() -> Read:
            sha256 = hashlib.sha256()
            hashed = (sha256.update(piece) or piece for piece in pieces)
            content = staging.copy_in(conn, log_id, hashed, contract, settings, whole=False)
            return Read(content, sha256.digest())

        try:
            with conn.transaction():
                conn.execute(staging.sql.session_settings)
                row = read_log(conn, log_id)
                assert row is not None
                landed = _stage(conn, row, file, settings, read)
            assert landed is not None
            _make_chunks(conn, [landed], settings, run)
        except BaseException:
            if not conn.broken:
                give_up(conn, log_id)
            raise
    return log_id


def give_up(conn: Connection, log_id: int) -> None:
    """Close a log of which nothing was applied, and drop its rows."""
    with conn.transaction():
        staging.drop(conn, log_id)
        guard.forget_rows(conn, log_id)
        conn.execute(sql.forget_rejects, {"log_id": log_id})
        conn.execute(sql.give_up, {"log_id": log_id})


def read_log(conn: Connection, log_id: int) -> dict[str, Any] | None:
    """A log as a mapping, or None."""
    return conn.cursor(row_factory=dict_row).execute(sql.read_log, {"log_id": log_id}).fetchone()


def _leave(conn: Connection, row: dict[str, Any], why: str, *, lost: bool = False) -> bool:
    """Close the log of a file that is not taken; whatever lies under its name later is a new arrival.

    The second time in a row it counts as refused, and `lost` does at once; True if so.
    """
    log_id = row["log_id"]
    (again,) = conn.execute(sql.left_before, row).fetchone()
    message = f"{row['file_name']}: {why}" + (f"; not the first time in a row: {REMEDY}" if again else "")
    refused = again or lost
    with conn.transaction():
        staging.drop(conn, log_id)
        guard.forget_rows(conn, log_id)
        repairs.forget(conn, log_id)
        for statement in (sql.forget_rejects, sql.forget_hold, sql.leave_copies):
            conn.execute(statement, {"log_id": log_id})
        conn.execute(
            sql.leave,
            {
                "log_id": log_id,
                "run_id": row["run_id"],
                "status": "DmlsFailed" if refused else "DmlsCancelled",
                "code": "ERR_NOT_TAKEN" if refused else "LEFT",
                "message": message,
            },
        )
    log.log(logging.ERROR if refused else logging.WARNING, "%s; it is left for the next look", message)
    return refused


def give_way(conn: Connection, row: dict[str, Any]) -> None:
    """Let newer files go ahead of one whose landing was broken off; the caller holds its lock.

    The next run of its job makes it a new arrival, or says that it is gone.
    """
    log.warning("%s does not land (%s): newer files go ahead", row["remote_path"], row["error_message"])
    conn.execute(sql.give_way, {"log_id": row["log_id"]})


def _land_file(
    conn: Connection,
    sftp: Any,
    log_id: int,
    file: RemoteFile,
    settings: Settings,
    in_memory: InMemory | None,
) -> Landed | None:
    """Stage one claimed file; None if it is refused, a duplicate, or not complete."""
    row = read_log(conn, log_id)
    assert row is not None
    own_settings = Settings.stored(row["params"])
    try:
        with conn.transaction():
            conn.execute(staging.sql.session_settings)
            landed = _stage(
                conn,
                row,
                file,
                own_settings,
                lambda: read_in(
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
            sql.fail_log,
            {"log_id": log_id, "code": refused.code, "message": f"{file.name}: {refused.message}"},
        )
        return None
    except (FileUnstable, FileMissing) as unstable:
        _leave(conn, row, str(unstable))
        if settings.remote_filename is not None:
            raise
        return None
    except OSError as error:
        if not is_about_a_file(sftp, error):
            raise
        _leave(conn, row, f"{file.path} cannot be read: {error}")
        if settings.remote_filename is not None:
            raise
        return None
    crashpoints.point(STAGED)
    return landed


def _stage(
    conn: Connection,
    row: dict[str, Any],
    file: RemoteFile,
    settings: Settings,
    read: Callable[[], Read],
) -> Landed | None:
    """Copy, compare with earlier files, resolve, set bad rows aside: all in the caller's transaction.

    read: copies the file into staging.
    """
    log_id, kind, of_type = row["log_id"], KINDS[row["kind"]], file_type(settings.file_type)
    conn.execute(sql.forget_rejects, {"log_id": log_id})
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
    conn.execute(sql.end_log, values | {"code": refused.code, "message": message})
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


def read_in(
    conn: Connection,
    sftp: Any,
    log_id: int,
    file: RemoteFile,
    settings: Settings,
    *,
    whole: bool,
    compare: Callable[..., Any] | None = None,
    in_memory: InMemory | None = None,
) -> Read:
    """Stream a file into staging, from the server unless it was read already.

    `whole`: it is refused if it is cut off. `compare`: may leave out rows (`FileType.compare`).

    Raises FileUnstable if the file is not the one that was looked at, once the last byte is read.
    """
    download = in_memory or Download(sftp, file.path, file.size)

    def look() -> RemoteFile | None:
        return in_memory.now if in_memory else examined(sftp, file)

    doubts: list[guard.Reason] = []

    def to_the_end() -> Iterator[bytes]:
        yield from download
        doubts.extend(_compared(file, look(), download.size, settings))

    pieces = to_the_end()
    try:
        contract = file_type(settings.file_type).contract
        text = unpacked(file.name, pieces, settings.max_uncompressed_bytes, lambda: bool(doubts))
        if settings.from_utf_16:
            text = from_utf_16(text)
        lines = as_csv(file.name, text, contract, settings)
        if compare is not None:
            compare = partial(compare, conn, size=file.size, packed=is_packed(file.name), settings=settings)
        content = staging.copy_in(
            conn,
            log_id,
            lines,
            contract,
            settings,
            whole=whole,
            doubted=lambda: bool(doubts),
            compare=compare,
        )
        for _ in pieces:  # what follows the end of a packed file still counts for the hash
            pass
    except FileRefused:
        pieces.close()
        _refuse_changed(file, look())
        raise
    finally:
        pieces.close()
    return Read(content, download.sha256, tuple(doubts))


def examined(sftp: Any, file: RemoteFile) -> RemoteFile | None:
    """The file as it is now; None if it is gone."""
    try:
        return arrival.examine(sftp, file.path)
    except FileMissing:
        return None


def _compared(
    file: RemoteFile, now: RemoteFile | None, came: int, settings: Settings
) -> Iterator[guard.Reason]:
    """What speaks against the bytes of a file, all of which have come, for a person to decide.

    One that the server removed once it was read can only be taken now. Raises FileUnstable.
    """
    if not _refuse_changed(file, now):
        if came == file.size:
            log.info("%s went away once all of it had come", file.path)
            return
        yield guard.Reason(
            "size",
            f"{came:,} bytes came where the server had reported {file.size:,}, and it has removed the file: "
            "this is all there is of it; compare its end with what the sender has",
        )
    elif came != file.size and not settings.is_insisted_on:
        raise FileUnstable(f"{file.path}: {came} bytes came, the server reports {file.size}")


def _refuse_changed(file: RemoteFile, now: RemoteFile | None) -> bool:
    """False if the file is gone. Raises FileUnstable.

    One that changed since the look is not judged: what it said may be half of the truth.
    """
    if now is None:
        return False
    if now != file:
        raise FileUnstable(
            f"{file.path} changed while it was read, or its folder lists it with other figures than its own: "
            f"{file.size} bytes at {file.mtime}, now {now.size} at {now.mtime}"
        )
    return True


def _make_chunks(conn: Connection, landed: list[Landed], settings: Settings, run: Run) -> None:
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


def _make_load(conn: Connection, load: list[Landed], settings: Settings, run: Run) -> None:
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


def hold_contents(conn: Connection, contents: Iterable[bytes]) -> None:
    """Let files of equal content that land side by side be compared one after the other.

    Contents share sixteen locks, so that many files need no more of them than one.
    """
    locks.hold(conn, *(locks.IMPORT_CONTENT.of(sha256.hex()[0]) for sha256 in contents))

"""Files arriving on SFTP: one trigger class for the asset watchers and for the sensor.

The triggerer lists each folder once for all that watch it. A file has arrived when its name is wanted and
its size and time were the same on two looks, `settle_seconds` apart (inventory.md 3.5). An event is a
doorbell: the run that it starts looks for itself.
"""

import asyncio
import logging
import stat
import time
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import asyncssh
from airflow.sdk import Asset, BaseOperator, Context
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from oms.catalog import ImportJob
from oms.config import job_settings
from oms.filenames import age_key, is_junk, is_unfinished, wanted
from oms.imports.arrival import Stamp
from oms.imports.errors import FileMissing
from oms.parameters import connection_id, resolve
from oms.remote import entries_of
from oms_airflow.connections import MissingConnection, connection_from_triggerer, sftp_client

if TYPE_CHECKING:
    from paramiko import SFTPClient

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
LONGEST_PAUSE = 30.0
"""Seconds between two attempts to reach a server that does not answer."""
PATIENCE = 20.0
"""Seconds that a server has for one answer."""
MOST_NAMED = 10
"""Names of files that the log gives of those that are left where they are."""
EVENTS_LOOKED_AT = 100
"""How many of the latest events tell what has settled; those that a run has missed are seconds old."""


@dataclass(frozen=True)
class Look:
    """What a folder held at one moment."""

    at: float
    """Monotonic clock, seconds."""
    files: Mapping[str, Stamp] | None
    """Regular files by name; None: the server did not answer."""


@dataclass
class Arrivals:
    """Tells from the looks at a folder which wanted files have newly come to rest."""

    file_name: str | None
    file_pattern: str | None
    settle_seconds: float
    _since: dict[str, tuple[Stamp, float]] = field(default_factory=dict)
    _reported: dict[str, Stamp] = field(default_factory=dict)

    def take(self, look: Look) -> dict[str, Stamp]:
        """The files that settled with this look. A file is reported again if it changed or had been away."""
        if look.files is None:
            return {}
        files = {
            name: stamp
            for name, stamp in look.files.items()
            if wanted(name, file_name=self.file_name, pattern=self.file_pattern)
        }
        self._reported = {name: stamp for name, stamp in self._reported.items() if files.get(name) == stamp}
        self._since = {
            name: self._since[name]
            if name in self._since and self._since[name][0] == stamp
            else (stamp, look.at)
            for name, stamp in files.items()
        }
        settled = {
            name: stamp
            for name, (stamp, since) in self._since.items()
            if look.at - since >= self.settle_seconds and name not in self._reported
        }
        self._reported |= settled
        return settled


class SftpFileTrigger(BaseEventTrigger):
    """Fires when wanted files have come to rest in an SFTP folder; the payload names them with size and time.

    It never ends by itself on an error: a server that does not answer is asked again, with growing pauses.
    With `give_up_at` (seconds since the epoch) it fires once with no files when that moment has passed.
    """

    def __init__(
        self,
        *,
        connection_id: str,
        path: str,
        file_name: str | None = None,
        file_pattern: str | None = None,
        settle_seconds: float = 2,
        poll_seconds: float = POLL_SECONDS,
        give_up_at: float | None = None,
    ) -> None:
        super().__init__()
        self.connection_id = connection_id
        self.path = path
        self.file_name = file_name
        self.file_pattern = file_pattern
        self.settle_seconds = settle_seconds
        self.poll_seconds = poll_seconds
        self.give_up_at = give_up_at

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How Airflow makes this trigger again elsewhere."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "connection_id": self.connection_id,
                "path": self.path,
                "file_name": self.file_name,
                "file_pattern": self.file_pattern,
                "settle_seconds": self.settle_seconds,
                "poll_seconds": self.poll_seconds,
                "give_up_at": self.give_up_at,
            },
        )

    def shared_stream_key(self) -> tuple[str, str, str, float]:
        """Triggers on one folder share one listing."""
        return ("sftp-folder", self.connection_id, self.path, self.poll_seconds)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[Look]:
        """Look at the folder for ever; a look without files where the server did not answer."""
        folder = _Folder(kwargs["connection_id"], kwargs["path"])
        pause = kwargs["poll_seconds"]
        try:
            while True:
                look = await folder.look()
                yield look
                longer = min(max(pause * 2, 2.0), LONGEST_PAUSE)
                pause = kwargs["poll_seconds"] if look.files is not None else longer
                await asyncio.sleep(pause)
        finally:
            await folder.close()

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Look]) -> AsyncIterator[TriggerEvent]:
        """This trigger's events among the looks at the folder."""
        arrivals = Arrivals(self.file_name, self.file_pattern, self.settle_seconds)
        async for look in shared_stream:
            if settled := arrivals.take(look):
                yield TriggerEvent({"path": self.path, "files": as_payload(settled)})
            elif self.give_up_at is not None and time.time() >= self.give_up_at:
                yield TriggerEvent({"path": self.path, "files": []})
                return

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """The same without a triggerer that shares streams."""
        async with (
            aclosing(self.open_shared_stream(self.serialize()[1])) as looks,
            aclosing(self.filter_shared_stream(looks)) as events,
        ):
            async for event in events:
                yield event


class _Folder:
    """A folder of an SFTP server over one session, opened anew after an error."""

    def __init__(self, connection_id: str, path: str) -> None:
        self.connection_id, self.path = connection_id, path
        self._session: asyncssh.SFTPClient | None = None
        self._stack = AsyncExitStack()
        self._said: str | None = None

    async def look(self) -> Look:
        """List the regular files; a folder that is not there holds none."""
        try:
            async with asyncio.timeout(PATIENCE):
                files = await self._list()
        except (OSError, TimeoutError, asyncssh.Error, MissingConnection, ValueError) as error:
            self._say(f"cannot look into {self.path} of {self.connection_id}, trying again: {error!r}")
            await self.close()
            return Look(time.monotonic(), None)
        return Look(time.monotonic(), files)

    async def close(self) -> None:
        """End the session, whatever state it is in."""
        stack, self._stack, self._session = self._stack, AsyncExitStack(), None
        try:
            async with asyncio.timeout(PATIENCE):
                await stack.aclose()
        except (OSError, TimeoutError, asyncssh.Error) as error:
            log.info("the session with %s did not end cleanly: %r", self.connection_id, error)

    async def _list(self) -> dict[str, Stamp]:
        if self._session is None:
            self._session = await self._open()
        try:
            entries = await self._session.readdir(self.path.encode())  # bytes: not every name is UTF-8
        except asyncssh.SFTPNoSuchFile:
            self._say(f"{self.path} of {self.connection_id} does not exist yet; it is watched all the same")
            return {}
        files: dict[str, Stamp] = {}
        strange = []
        for entry in entries:
            if entry.attrs.type != asyncssh.FILEXFER_TYPE_REGULAR and not stat.S_ISREG(
                entry.attrs.permissions or 0
            ):
                continue
            try:
                files[bytes(entry.filename).decode()] = (entry.attrs.size or 0, entry.attrs.mtime or 0)
            except UnicodeDecodeError:
                strange.append(entry.filename)
        names = ", ".join(map(repr, sorted(strange)))
        where = f"{self.path} of {self.connection_id}"
        self._say(f"{where}: these file names are no UTF-8, rename them: {names}" if strange else None)
        return files

    async def _open(self) -> asyncssh.SFTPClient:
        from airflow.providers.sftp.hooks.sftp import SFTPHookAsync

        await connection_from_triggerer(self.connection_id)
        hook = SFTPHookAsync(sftp_conn_id=self.connection_id)
        return await self._stack.enter_async_context(hook.get_managed_conn())

    def _say(self, what: str | None) -> None:
        """Log a state once, not at every look, and when it is over."""
        if what == self._said:
            return
        if what is not None:
            log.warning("%s", what)
        elif self._said is not None:
            log.info("%s of %s is there and listed", self.path, self.connection_id)
        self._said = what


class SftpFileSensor(BaseOperator):
    """Returns the files that wait for a job, as `[{"name", "size", "mtime"}]`.

    It looks once, or waits deferred for `waitMinutes`. Files that an event names count as settled if they are
    still the same, and go ahead of others, which ring for themselves; where none is named, all are looked at
    twice. `arrivals` is the asset of those events.
    """

    def __init__(self, *, job: ImportJob, arrivals: Asset, **kwargs: Any) -> None:
        super().__init__(inlets=[arrivals], **kwargs)
        self.job = job

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Check the parameters, then look.

        Raises:
            BadParameter: the run's parameters are wrong.
            FileMissing: a file asked for by name is not there and the run does not wait.
        """
        params = run_parameters(self.job, context)
        with sftp_client(connection_id(params["propertyResource"])) as sftp:
            found = settled_files(sftp, params, announcements(context))
            if not found:
                say_what_is_left(sftp, params)
        if not found and params["waitMinutes"]:
            self.defer(
                trigger=SftpFileTrigger(
                    connection_id=connection_id(params["propertyResource"]),
                    path=params["importPath"],
                    file_name=params["remoteFilename"],
                    file_pattern=params["fileNameRegex"],
                    settle_seconds=params["settleSeconds"],
                    give_up_at=time.time() + params["waitMinutes"] * 60,
                ),
                method_name="arrived",
                timeout=timedelta(minutes=params["waitMinutes"] + 5),
            )
        if not found and params["remoteFilename"]:
            raise FileMissing(
                f"{params['remoteFilename']} is not in {params['importPath']}, is no file or not at rest "
                "yet: the log says what is there; check remoteFilename and importPath, or give waitMinutes"
            )
        log.info("%s files wait in %s", len(found), params["importPath"])
        return as_payload(found)

    def arrived(self, context: Context, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Resume after the wait. Raises FileMissing if no file came."""
        if not event["files"]:
            params = run_parameters(self.job, context)
            name = params["remoteFilename"] or params["fileNameRegex"] or "any file"
            raise FileMissing(f"{name} did not come to {event['path']} in {params['waitMinutes']} minutes")
        return event["files"]


def run_parameters(job: Any, context: Context) -> dict[str, Any]:
    """The parameters of this run, checked. Raises BadParameter."""
    return resolve(job, context["dag_run"].conf or {}, job_settings(job).parameters)


def announcements(context: Context) -> Iterator[dict[str, Collection[Stamp]]]:
    """What events name as settled, if the run was started by one: first those behind the run, then all.

    Of events that come close together a run gets only the first, and the others start none (tried). They are
    in Airflow's database by the time that the run looks; what is announced later starts a run of its own.
    """
    if rung_by := context["dag_run"].consumed_asset_events:
        yield announced_files(rung_by)
        yield announced_files(context["inlet_events"][0].ascending(False).limit(EVENTS_LOOKED_AT))


def announced_files(events: Iterable[Any]) -> dict[str, Collection[Stamp]]:
    """The files that asset events name as settled; one with other words is a ring without words."""
    announced: dict[str, set[Stamp]] = {}
    for event in events:
        for file in _files_named(event.extra):
            match file:
                case {"name": str(name), "size": int(size), "mtime": int(mtime)}:
                    announced.setdefault(name, set()).add((size, mtime))
                case _:
                    log.warning("an event names a file in words that say nothing: %.200r", file)
    return announced


def _files_named(extra: Any) -> list[Any]:
    match extra:
        case {"payload": {"files": list(files)}}:
            return files
    return []


def settled_files(
    sftp: "SFTPClient", params: Mapping[str, Any], announcements: Iterable[Mapping[str, Collection[Stamp]]]
) -> dict[str, Stamp]:
    """The wanted files at rest: those announced and still the same; if there is none, two looks at all."""
    first = wanted_files(sftp, params)
    known: dict[str, Stamp] = {}
    for announced in announcements:
        known |= {name: stamp for name, stamp in first.items() if stamp in announced.get(name, ())}
        if len(known) == len(first):
            break
    if known or not first:
        return known
    time.sleep(params["settleSeconds"])
    second = wanted_files(sftp, params)
    return {name: stamp for name, stamp in second.items() if first.get(name) == stamp}


def wanted_files(sftp: "SFTPClient", params: Mapping[str, Any]) -> dict[str, Stamp]:
    """The regular files in the folder that the parameters ask for; a folder that is not there holds none."""
    try:
        entries = entries_of(sftp, params["importPath"])
    except FileNotFoundError:
        log.warning("%s does not exist on the server (yet)", params["importPath"])
        return {}
    return {
        entry.filename: (entry.st_size or 0, int(entry.st_mtime or 0))
        for entry in entries
        if stat.S_ISREG(entry.st_mode or 0)
        and wanted(entry.filename, file_name=params["remoteFilename"], pattern=params["fileNameRegex"])
    }


def say_what_is_left(sftp: "SFTPClient", params: Mapping[str, Any]) -> None:
    """Log what lies in the folder and why none of it is taken; archive and error are ours."""
    try:
        entries = entries_of(sftp, params["importPath"])
    except FileNotFoundError:
        return
    asked, pattern = params["remoteFilename"], params["fileNameRegex"]
    reasons: dict[str, list[str]] = {}
    for entry in sorted(entries, key=lambda entry: entry.filename):
        name = entry.filename
        if not stat.S_ISREG(entry.st_mode or 0):
            why = None if name in ("archive", "error") else "no file but a folder or a device"
        elif wanted(name, file_name=asked, pattern=pattern):
            why = "not at rest yet: it was still changing, or has just come"
        elif asked is not None:
            why = f"not remoteFilename {asked!r}"
        elif is_junk(name):
            why = "left there by an operating system"
        elif not is_unfinished(name):
            why = f"does not match fileNameRegex {pattern!r}"
        else:
            why = "the name of an unfinished file, waits to be renamed"
        if why:
            reasons.setdefault(why, []).append(name)
    for why, names in reasons.items():
        shown = ", ".join(map(repr, names[:MOST_NAMED]))
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        log.warning("left in %s: %s%s (%s)", params["importPath"], shown, more, why)


def as_payload(files: Mapping[str, Stamp]) -> list[dict[str, Any]]:
    """Files as JSON, oldest first."""
    ordered = sorted(files.items(), key=lambda file: age_key(file[1][1], file[0]))
    return [{"name": name, "size": size, "mtime": mtime} for name, (size, mtime) in ordered]

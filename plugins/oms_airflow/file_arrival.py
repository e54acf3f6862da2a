"""Files arriving on SFTP: one trigger class for the asset watchers and for the sensor.

The triggerer lists each folder once for all that watch it. A file has arrived when its name is wanted and
its size and time were the same on two looks, `settle_seconds` apart (inventory.md 3.5). An event is a
doorbell: the run that it starts looks for itself.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncssh
from airflow.sdk import Asset, BaseOperator, Context
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from oms.catalog import ImportJob, Job
from oms.config import job_settings
from oms.errors import ComesBack
from oms.filenames import age_key, wanted
from oms.imports.arrival import find, say_left
from oms.imports.errors import FileMissing
from oms.parameters import connection_id, is_given, resolve
from oms.remote import Listing, Stamp, without_home
from oms_airflow.connections import (
    ANSWER_TIMEOUT,
    MissingConnection,
    answer_timeout,
    connection_from_triggerer,
    oms_db,
    sftp_client,
)

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
LONGEST_PAUSE = 30.0
"""Seconds between two looks at a very full folder, and at a server that does not answer."""
NAMES_A_SECOND = 2500
"""Names of a folder that take a twentieth of the triggerer's time; a fuller one is looked at less often."""
MOST_IN_EVENT = 200
"""Files that an event names; of more it says how many."""
A_PACKET = 100
FOLLOWERS_TAKE = 5
"""A run that follows one of its own job takes so many times `maxFiles`: stock moves already, and each further
run costs its start. The names of so many waiting files are handed on to it, and it need not look twice."""
FOLLOWED = (DagRunType.ASSET_TRIGGERED, DagRunType.SCHEDULED)
"""Runs that leave files beyond `maxFiles` to the next one."""
EVENTS_LOOKED_AT = 100
"""How many of the latest events tell what has settled; those that a run has missed are seconds old."""


@dataclass(frozen=True)
class Look:
    """What a folder held at one moment."""

    at: float
    """Monotonic clock, seconds."""
    files: Mapping[str, Stamp] | None
    """Files by name; None: the server did not answer."""
    before: Mapping[str, Stamp] | None = None
    """Those of the last look that was answered."""
    changed: Mapping[str, Stamp] = field(default_factory=dict)
    """Files that are new or another since then."""
    gone: Collection[str] = ()


def difference(
    before: Mapping[str, Stamp], after: Mapping[str, Stamp]
) -> tuple[dict[str, Stamp], Collection[str]]:
    """Files that are new or changed, and the names of those that are gone."""
    return (
        {name: stamp for name, stamp in after.items() if before.get(name) != stamp},
        [name for name in before if name not in after],
    )


@dataclass
class Arrivals:
    """Tells from the looks at a folder which wanted files have newly come to rest.

    A look costs as much as it has news: what was seen before is neither matched nor compared again.
    """

    file_name: str | None
    file_pattern: str | None
    settle_seconds: float
    _files: Mapping[str, Stamp] = field(default_factory=dict)
    _since: dict[str, tuple[Stamp, float]] = field(default_factory=dict)
    """Wanted files that are not at rest yet, and since when they are what they are."""

    def take(self, look: Look) -> dict[str, Stamp]:
        """The files that settled with this look. A file is reported again if it changed or had been away."""
        if look.files is None:
            return {}
        changed, gone = look.changed, look.gone
        if look.before is not self._files:  # this one has not followed from the beginning
            changed, gone = difference(self._files, look.files)
        self._files = look.files
        for name in gone:
            self._since.pop(name, None)
        for name, stamp in changed.items():
            if wanted(name, file_name=self.file_name, pattern=self.file_pattern):
                self._since[name] = (stamp, look.at)
        settled = {
            name: stamp
            for name, (stamp, since) in self._since.items()
            if look.at - since >= self.settle_seconds
        }
        for name in settled:
            del self._since[name]
        return settled

    async def in_turn(self, look: Look) -> list[dict[str, Any]]:
        """The same as JSON, oldest first, without keeping the triggerer from its other work."""
        if len(look.files or ()) < NAMES_A_SECOND:
            return as_payload(self.take(look))
        return await asyncio.to_thread(lambda: as_payload(self.take(look)))


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
        unanswered = 0.0
        try:
            while True:
                look = await folder.look()
                yield look
                unanswered = 0.0 if look.files is not None else min(max(unanswered * 2, 2.0), LONGEST_PAUSE)
                await asyncio.sleep(unanswered or max(kwargs["poll_seconds"], folder.pause))
        finally:
            await folder.close()

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Look]) -> AsyncIterator[TriggerEvent]:
        """This trigger's events among the looks at the folder."""
        arrivals = Arrivals(self.file_name, self.file_pattern, self.settle_seconds)
        async for look in shared_stream:
            if files := await arrivals.in_turn(look):
                more = len(files) - MOST_IN_EVENT
                yield TriggerEvent(
                    {"path": self.path, "files": files[:MOST_IN_EVENT]} | ({"more": more} if more > 0 else {})
                )
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


class FilesWent(ComesBack):
    """The server has ended a listing because a file went meanwhile: the folder is looked at again."""


class _Folder:
    """A folder of an SFTP server over one session, opened anew after an error."""

    def __init__(self, connection_id: str, path: str) -> None:
        self.connection_id, self.path = connection_id, path
        self.pause = 0.0
        """Seconds until the next look, so that a full folder leaves the triggerer time for others."""
        self._session: asyncssh.SFTPClient | None = None
        self._place = path
        self._patience = ANSWER_TIMEOUT
        """Seconds that the server has for one answer."""
        self._stack = AsyncExitStack()
        self._files: Mapping[str, Stamp] = {}
        self._others: Mapping[Any, str] = {}
        self._said: str | None = None

    async def look(self) -> Look:
        """List the files; a folder that is not there holds none."""
        try:
            async with asyncio.timeout(self._patience) as patience:
                found = await self._list(patience)
        except FilesWent:
            return Look(time.monotonic(), None)
        except (OSError, TimeoutError, asyncssh.Error, MissingConnection, ValueError) as error:
            self._say(f"cannot look into {self.path} of {self.connection_id}, trying again: {error!r}")
            await self.close()
            return Look(time.monotonic(), None)
        self._say_others(found.others)
        before, self._files = self._files, found.files
        return Look(time.monotonic(), found.files, before, *difference(before, found.files))

    async def close(self) -> None:
        """End the session, whatever state it is in."""
        stack, self._stack, self._session = self._stack, AsyncExitStack(), None
        try:
            async with asyncio.timeout(self._patience):
                await stack.aclose()
        except (OSError, TimeoutError, asyncssh.Error) as error:
            log.info("the session with %s did not end cleanly: %r", self.connection_id, error)

    async def _list(self, patience: asyncio.Timeout) -> Listing:
        """What the folder holds, packet by packet: between two of them other triggers have their turn."""
        if self._session is None:
            self._session = await self._open(patience)
        found, entries = Listing(), 0
        where = f"{self.path} of {self.connection_id}"
        try:
            async with aclosing(
                self._session.scandir(self._place.encode())
            ) as listed:  # not every name is UTF-8
                async for entry in listed:
                    if entry.filename not in (b".", b".."):
                        attrs = entry.attrs
                        found.add(
                            entry.filename,
                            entry.longname,
                            attrs.permissions,
                            attrs.size or 0,
                            attrs.mtime or 0,
                        )
                    entries += 1
                    if not entries % A_PACKET:
                        patience.reschedule(asyncio.get_running_loop().time() + self._patience)
        except asyncssh.SFTPNoSuchFile:
            if await self._session.exists(self._place.encode()):
                raise FilesWent from None
            self._say(f"{where} does not exist yet; it is watched all the same")
            return found
        self.pause = min(entries / NAMES_A_SECOND, LONGEST_PAUSE)
        full = entries > NAMES_A_SECOND
        self._say(
            f"{where} holds more than {NAMES_A_SECOND} files: it is looked at less often, the more the less, "
            f"every {LONGEST_PAUSE:.0f} seconds at worst; move away what is done with"
            if full
            else None
        )
        return found

    async def _open(self, patience: asyncio.Timeout) -> asyncssh.SFTPClient:
        from airflow.providers.sftp.hooks.sftp import SFTPHookAsync

        found = await connection_from_triggerer(self.connection_id)
        login, self._patience = found.login, answer_timeout(found)
        patience.reschedule(asyncio.get_running_loop().time() + self._patience)
        hook = SFTPHookAsync(sftp_conn_id=self.connection_id)
        session = await self._stack.enter_async_context(hook.get_managed_conn())
        self._place = self.path
        inside = without_home(self.path, login or "")
        if inside and await session.realpath(".") == "/" and not await session.exists(self.path):
            self._place = inside
        return session

    def _say_others(self, others: Mapping[Any, str]) -> None:
        """Log what is passed over, each name once."""
        new = {name: why for name, why in others.items() if self._others.get(name) != why}
        say_left(f"{self.path} of {self.connection_id}", new)
        self._others = others

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
            FileMissing: a file asked for by name, or the folder that the run names, is not there and the run
            does not wait.
        """
        params = run_parameters(self.job, context)
        found: dict[str, Stamp] = {}
        try:
            found = self._find(context, params, announcements(context))
        except FileMissing as missing:
            if not params["waitMinutes"]:
                raise
            log.warning("%s; waiting for %s minutes", missing, params["waitMinutes"])
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
        log.info("%s files wait in %s", len(found), params["importPath"])
        most = params["maxFiles"] and params["maxFiles"] + of_the_next_run(self.job, context)
        return as_payload(found)[:most]

    def arrived(self, context: Context, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Resume after the wait. Raises FileMissing if no file came."""
        if event["files"] and not event.get("more"):
            return event["files"]
        params = run_parameters(self.job, context)
        found = self._find(context, params, ())
        if not found:
            name = params["remoteFilename"] or params["fileNameRegex"] or "any file"
            raise FileMissing(f"{name} did not come to {event['path']} in {params['waitMinutes']} minutes")
        return as_payload(found)

    def _find(
        self,
        context: Context,
        params: dict[str, Any],
        announced: Iterable[Mapping[str, Collection[Stamp]] | None],
    ) -> dict[str, Stamp]:
        conf = context["dag_run"].conf or {}
        by_hand = is_given(self.job, "importPath", conf, job_settings(self.job).parameters)
        with sftp_client(connection_id(params["propertyResource"])) as sftp:
            return find(
                sftp,
                params,
                announced,
                folder_must_exist=by_hand,
                most=params["maxFiles"],
                unclaimed=lambda folder, names: _unclaimed(params, folder, names),
            )


def _unclaimed(params: Mapping[str, Any], folder: str, names: Collection[str]) -> list[str]:
    """Of these files those that no run has taken."""
    from oms.imports import claiming

    with oms_db() as conn:
        return claiming.unclaimed(conn, connection_id(params["propertyResource"]), folder, names)


def run_parameters(job: Job, context: Context) -> dict[str, Any]:
    """The parameters of this run, checked. Raises BadParameter.

    A run by hand or of a category takes all files that wait, since no other run follows it; one that follows
    another run of its job takes more of a backlog at once.
    """
    params = resolve(job, context["dag_run"].conf or {}, job_settings(job).parameters)
    if params.get("maxFiles") is None:
        return params
    if context["dag_run"].run_type not in FOLLOWED:
        params["maxFiles"] = None
    elif follows_its_own(job, context):
        params["maxFiles"] *= FOLLOWERS_TAKE
    return params


def follows_its_own(job: Job, context: Context) -> bool:
    """Whether a run of the same job has started this one, leaving files to it."""
    return any(event.source_dag_id == job.dag_id for event in context["dag_run"].consumed_asset_events)


def of_the_next_run(job: ImportJob, context: Context) -> int:
    """How many files the run that follows this one takes."""
    return (
        resolve(job, context["dag_run"].conf or {}, job_settings(job).parameters)["maxFiles"] * FOLLOWERS_TAKE
    )


def announcements(context: Context) -> Iterator[dict[str, Collection[Stamp]] | None]:
    """What events name as settled, if the run was started by one: first those behind the run, then all.

    Of events that come close together a run gets only the first, and the others start none (tried). They are
    in Airflow's database by the time that the run looks; what is announced later starts a run of its own.
    None: an event could not name all its files, so the run looks for itself.
    """
    signals = context["dag_run"].consumed_asset_events
    if not signals:
        return
    yield None if any(map(_names_a_part, signals)) else announced_files(signals)
    latest = list(context["inlet_events"][0].ascending(False).limit(EVENTS_LOOKED_AT))
    first = min(event.timestamp for event in signals)
    merged = (event for event in latest if event.timestamp >= first)
    yield None if any(map(_names_a_part, merged)) else announced_files(latest)


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


def _names_a_part(event: Any) -> bool:
    match event.extra:
        case {"payload": {"more": _}}:
            return True
    return False


def as_payload(files: Mapping[str, Stamp]) -> list[dict[str, Any]]:
    """Files as JSON, oldest first."""
    ordered = sorted(files.items(), key=lambda file: age_key(file[1][1], file[0]))
    return [{"name": name, "size": size, "mtime": mtime} for name, (size, mtime) in ordered]

"""What the OMS database announces, as events: a debounced event starts the jobs that have to do with it."""

import abc
import asyncio
import logging
import time
from collections.abc import AsyncIterator, Collection
from typing import Any

import psycopg
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from oms import inbox, shops
from oms_airflow.connections import OMS_DB, MissingConnection, connection_from_triggerer, dsn_of

log = logging.getLogger(__name__)

CHANNEL = "oms_stock_changed"
WEBHOOK_CHANNEL = "oms_webhook_received"
ANYWHERE = ""
"""Announces a change that is no facility's own, such as an order or a setting; others name the facility."""
LONGEST_PAUSE = 30.0
"""Seconds between two attempts to reach a database that does not answer."""
KEEPALIVES = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""Who only listens sends nothing: a peer that is gone is noticed by this alone, after a minute."""
ALIVE_CHECK = 30.0
"""Seconds of silence after which the connection is tried: one that is dead would be silent too."""


class AnnouncementTrigger(BaseEventTrigger):
    """Fires when the database has announced something: `quiet_seconds` after the last announcement.

    It also fires whenever it has (re)connected, because nobody listened before. An event says that there is
    something to do, not what. It is left out where a run would find nothing to do.
    """

    subject: str
    """Name of the argument that a subclass adds: whom the events are for."""

    def __init__(
        self,
        *,
        channel: str,
        connection_id: str = OMS_DB,
        quiet_seconds: float = 0.5,
        longest_seconds: float = 2.0,
    ) -> None:
        super().__init__()
        self.connection_id = connection_id
        self.channel = channel
        self.quiet_seconds = quiet_seconds
        self.longest_seconds = longest_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How Airflow makes this trigger again elsewhere."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                self.subject: getattr(self, self.subject),
                "connection_id": self.connection_id,
                "channel": self.channel,
                "quiet_seconds": self.quiet_seconds,
                "longest_seconds": self.longest_seconds,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Listen for ever; a database that does not answer is asked again, with growing pauses."""
        pause = 1.0
        while True:
            try:
                async with await self._listen() as conn:
                    pause = 1.0
                    if await self._is_needed(conn):
                        yield TriggerEvent({"cause": "listening"})
                    async for changes in self._bursts(conn):
                        if await self._is_needed(conn, changes):
                            yield TriggerEvent({"cause": "changed", "announcements": len(changes)})
            except (psycopg.Error, OSError, MissingConnection) as error:
                log.warning(
                    "cannot listen to %s of %s, trying again in %.0f s: %s",
                    self.channel,
                    self.connection_id,
                    pause,
                    error,
                )
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _listen(self) -> psycopg.AsyncConnection:
        dsn = dsn_of(await connection_from_triggerer(self.connection_id))
        conn = await psycopg.AsyncConnection.connect(dsn, autocommit=True, connect_timeout=20, **KEEPALIVES)
        try:
            await conn.execute(psycopg.sql.SQL("listen {}").format(psycopg.sql.Identifier(self.channel)))
        except BaseException:
            await conn.close()
            raise
        log.info("listening to %s of %s", self.channel, self.connection_id)
        return conn

    @abc.abstractmethod
    async def _is_needed(self, conn: psycopg.AsyncConnection, changes: Collection[str] = (ANYWHERE,)) -> bool:
        """Whether a run would find something to do."""

    async def _bursts(self, conn: psycopg.AsyncConnection) -> AsyncIterator[list[str]]:
        """The announcements of each burst; it ends when it is quiet or has lasted too long."""
        while True:
            changes = await self._announcements(conn, ALIVE_CHECK)
            if not changes:
                await conn.execute("select 1")
                continue
            end = time.monotonic() + self.longest_seconds
            while (left := end - time.monotonic()) > 0:
                more = await self._announcements(conn, min(self.quiet_seconds, left))
                if not more:
                    break
                changes += more
            yield changes

    @staticmethod
    async def _announcements(conn: psycopg.AsyncConnection, seconds: float) -> list[str]:
        """Wait for announcements: those that came together, none if none came in time."""
        return [one.payload async for one in conn.notifies(timeout=seconds, stop_after=1)]


class StockChangedTrigger(AnnouncementTrigger):
    """Fires for the pushes of a sync mode, while a location in it shows stock of the facilities that changed.

    What changed is not told: the pushes select by their own marks.
    """

    subject = "mode"

    def __init__(self, *, mode: str, channel: str = CHANNEL, **waiting: Any) -> None:
        super().__init__(channel=channel, **waiting)
        self.mode = mode

    async def _is_needed(self, conn: psycopg.AsyncConnection, changes: Collection[str] = (ANYWHERE,)) -> bool:
        facilities = None if ANYWHERE in changes else list(changes)
        values = {"named": None, "modes": [self.mode], "facilities": facilities}
        found = await conn.execute(shops.sql.shops_to_serve, values)
        return await found.fetchone() is not None


class WebhooksTrigger(AnnouncementTrigger):
    """Fires for the job that works off a topic of the webhook inbox, while an event of it waits there."""

    subject = "topic"

    def __init__(self, *, topic: str, channel: str = WEBHOOK_CHANNEL, **waiting: Any) -> None:
        super().__init__(channel=channel, **waiting)
        self.topic = topic

    async def _is_needed(self, conn: psycopg.AsyncConnection, changes: Collection[str] = (ANYWHERE,)) -> bool:
        found = await conn.execute(inbox.sql.waits, {"topic": self.topic})
        return await found.fetchone() is not None

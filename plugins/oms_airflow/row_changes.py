"""Changes of stock in the OMS database as events: it announces them, a debounced event starts the pushes."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import psycopg
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from oms import shops
from oms_airflow.connections import OMS_DB, MissingConnection, connection_from_triggerer, dsn_of

log = logging.getLogger(__name__)

CHANNEL = "oms_stock_changed"
LONGEST_PAUSE = 30.0
"""Seconds between two attempts to reach a database that does not answer."""
ALIVE_CHECK = 30.0
"""Seconds of silence after which the connection is tried: one that is dead would be silent too."""


class StockChangedTrigger(BaseEventTrigger):
    """Fires when the database has announced changes: `quiet_seconds` after the last change.

    It also fires whenever it has (re)connected, because nobody listened before. An event says that there is
    something to do, not what: the pushes select by their own marks. While no location is in the sync mode
    that it rings for, it keeps still: a run would find nothing to do.
    """

    def __init__(
        self,
        *,
        mode: str,
        connection_id: str = OMS_DB,
        channel: str = CHANNEL,
        quiet_seconds: float = 0.5,
        longest_seconds: float = 2.0,
    ) -> None:
        super().__init__()
        self.mode = mode
        self.connection_id = connection_id
        self.channel = channel
        self.quiet_seconds = quiet_seconds
        self.longest_seconds = longest_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How Airflow makes this trigger again elsewhere."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "mode": self.mode,
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
                        if await self._is_needed(conn):
                            yield TriggerEvent({"cause": "changed", "announcements": changes})
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
        conn = await psycopg.AsyncConnection.connect(dsn, autocommit=True, connect_timeout=20)
        try:
            await conn.execute(psycopg.sql.SQL("listen {}").format(psycopg.sql.Identifier(self.channel)))
        except BaseException:
            await conn.close()
            raise
        log.info("listening to %s of %s", self.channel, self.connection_id)
        return conn

    async def _is_needed(self, conn: psycopg.AsyncConnection) -> bool:
        """Whether a shop has a location that a run of this mode serves."""
        found = await conn.execute(shops.sql.shops_to_serve, {"named": None, "modes": [self.mode]})
        return await found.fetchone() is not None

    async def _bursts(self, conn: psycopg.AsyncConnection) -> AsyncIterator[int]:
        """How many announcements came in each burst; a burst ends when it is quiet or has lasted too long."""
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
    async def _announcements(conn: psycopg.AsyncConnection, seconds: float) -> int:
        """Wait for announcements; return how many came together, 0 if none came in time."""
        return len([one async for one in conn.notifies(timeout=seconds, stop_after=1)])

"""Connections to the OMS database for the web apps: one pool in each server process."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from starlette.concurrency import run_in_threadpool

from oms.api.errors import unavailable

log = logging.getLogger(__name__)

LARGEST = 8
"""Connections of a pool."""
WAIT = 5.0
"""Seconds that a request waits for a connection."""
SESSION = "-c timezone=UTC -c lock_timeout=5000 -c application_name=oms_web"


class Database:
    """The OMS database; the pool is opened by the first request, in the process that serves it."""

    def __init__(self, dsn: Callable[[], str], largest: int = LARGEST) -> None:
        self.dsn = dsn
        self._largest = largest
        self._pool: AsyncConnectionPool | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection]:
        """A connection in autocommit mode. Raises Problem 503 while there is none to be had."""
        pool = self._pool or await self._open()
        try:
            async with pool.connection() as conn:
                yield conn
        except (PoolTimeout, psycopg.OperationalError) as error:
            await pool.check()
            raise unavailable("the database does not answer; the same call works later") from error

    async def _open(self) -> AsyncConnectionPool:
        async with self._opening:
            if self._pool is None:
                try:
                    dsn = await run_in_threadpool(self.dsn)
                except LookupError as error:
                    log.error("%s", error)
                    raise unavailable("the server does not know its database") from error
                pool = AsyncConnectionPool(
                    dsn,
                    kwargs={"autocommit": True, "options": SESSION},
                    min_size=1,
                    max_size=self._largest,
                    timeout=WAIT,
                    open=False,
                )
                await pool.open()
                self._pool = pool
            return self._pool

    async def close(self) -> None:
        """Give the connections back; a later request would open new ones."""
        pool, self._pool, self._opening = self._pool, None, asyncio.Lock()
        if pool is not None:
            await pool.close()

"""Single calls of a server process on their way to the database (inventory.md 5.17).

A call that comes while none is under way goes there at once. Those that come meanwhile wait and then go
together: a group costs this process and the disk no more than a call does, so that one group at a time is
faster than two. Nothing else ties the calls of a group to each other.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from psycopg import AsyncConnection

from oms.api import adjustments
from oms.api.adjustments import Answer, Call, Results

LARGEST = 16
"""Calls of a group."""
LOCK_WAIT = timedelta(milliseconds=20)
"""How long a group waits for a position that something else is changing."""

Connect = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


class Group:
    """Calls that are sent together."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.sending: asyncio.Task[list[Results | None]]


class Groups:
    """Sends single calls, as many together as came while the lane was taken."""

    def __init__(self, lane: Connect, connection: Connect) -> None:
        """lane: gives the connection that groups take one after the other. connection: any other one."""
        self._lane = lane
        self._connection = connection
        self._open: Group | None = None

    async def adjust(self, call: Call) -> Answer:
        """Carry a single call out; return what the caller is told. Raises Problem."""
        group = self._open
        if group is None or len(group.calls) == LARGEST:
            group = self._open = Group()
            group.sending = asyncio.create_task(self._send(group))
        group.calls.append(call)
        place = len(group.calls) - 1
        # A caller who hangs up ends his wait, not the group.
        results = (await asyncio.shield(group.sending))[place]
        if adjustments.met_a_lock(results):
            async with self._connection() as conn:
                (results,) = await adjustments.send(conn, [call])
        return adjustments.told(call, results)

    async def _send(self, group: Group) -> list[Results | None]:
        try:
            async with self._lane() as conn:
                self._close(group)
                return await adjustments.send(conn, group.calls, LOCK_WAIT)
        finally:
            self._close(group)

    def _close(self, group: Group) -> None:
        """Whoever comes now joins another group."""
        if self._open is group:
            self._open = None

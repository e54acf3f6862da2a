"""An SFTP server over the folder of the tests' own that does what servers in the field do, on demand."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from sandbox import processes, sftp


@dataclass
class Habits:
    """How the server behaves; what stands here is asked at every request."""

    adds_bytes: dict[str, int] = field(default_factory=dict)
    """By file name: how far off the size is that is reported."""
    lists_bytes: dict[str, int] = field(default_factory=dict)
    """By file name: how far off the size is in the listing of its folder only."""
    most_sessions: int | None = None
    """Further sessions on a connection are asked for and never answered."""
    sessions_asked: int = 0
    removes_read: bool = False
    """A file is gone once somebody has closed it after reading."""
    refuses: set[tuple[str, str]] = field(default_factory=set)
    """Operation (rename, write, mkdir, read, remove) and end of a path: answered with the bare Failure."""
    hangs_up: set[tuple[str, str]] = field(default_factory=set)
    """The same: the connection is lost."""
    silent_after: int | None = None
    """Reads from this byte on are never answered."""
    ends_listings: int = 0
    """So many listings end with "no such file", as when a file goes meanwhile."""
    seen: list[tuple[str, str]] = field(default_factory=list)
    """The operations on paths, in their order."""


class _OddFiles(sftp._Files):
    def __init__(self, channel: Any, server: sftp.Server, habits: Habits) -> None:
        super().__init__(channel, server.root)
        self._habits = habits
        self._connection = channel.get_connection()
        habits.sessions_asked += 1
        if habits.most_sessions is not None and habits.sessions_asked > habits.most_sessions:
            asyncio.get_running_loop().call_soon(channel.pause_reading)

    def _check(self, act: str, path: bytes | str) -> None:
        name = os.fsdecode(path)
        self._habits.seen.append((act, name))
        if any(act == lost and name.endswith(end) for lost, end in self._habits.hangs_up):
            self._connection.abort()
        if any(act == refused and name.endswith(end) for refused, end in self._habits.refuses):
            raise asyncssh.SFTPFailure("Failure")

    def _reported(self, path: bytes, found: Any) -> asyncssh.SFTPAttrs:
        attrs = found if isinstance(found, asyncssh.SFTPAttrs) else asyncssh.SFTPAttrs.from_local(found)
        name = os.fsdecode(path).rsplit("/", 1)[-1]
        attrs.size = max(0, (attrs.size or 0) + self._habits.adds_bytes.get(name, 0))
        return attrs

    def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        return self._reported(path, super().stat(path))

    def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        return self._reported(path, super().lstat(path))

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        async for entry in super().scandir(path):
            entry.attrs = self._reported(entry.filename, entry.attrs)
            entry.attrs.size += self._habits.lists_bytes.get(os.fsdecode(entry.filename), 0)
            yield entry
        if self._habits.ends_listings:
            self._habits.ends_listings -= 1
            raise asyncssh.SFTPNoSuchFile("No such file")

    async def read(self, file_obj: Any, offset: int, size: int) -> bytes:
        self._check("read", file_obj.name)
        if self._habits.silent_after is not None and offset >= self._habits.silent_after:
            await asyncio.Event().wait()
        return super().read(file_obj, offset, size)

    def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        self._check("write", file_obj.name)
        return super().write(file_obj, offset, data)

    def close(self, file_obj: Any) -> None:
        super().close(file_obj)
        if self._habits.removes_read and file_obj.readable_only:
            Path(os.fsdecode(file_obj.name)).unlink()

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        return _Opened(super().open(path, pflags, attrs), not pflags & asyncssh.FXF_WRITE)

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        self._check("rename", oldpath)
        super().rename(oldpath, newpath)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        self._check("rename", oldpath)
        super().posix_rename(oldpath, newpath)

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        self._check("mkdir", path)
        super().mkdir(path, attrs)

    def remove(self, path: bytes) -> None:
        self._check("remove", path)
        super().remove(path)


class _Opened:
    """A file of the server and whether it was opened for reading only."""

    def __init__(self, file: Any, readable_only: bool) -> None:
        self._file, self.readable_only = file, readable_only

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@contextmanager
def odd_server(like: sftp.Server) -> Iterator[tuple[sftp.Server, Habits]]:
    """A second server over the folder of one, with its keys and its password."""
    server = sftp.Server(like.home, processes.free_port(0))
    habits = Habits()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            server.host,
            server.port,
            server_factory=lambda: sftp._Login(server.password),
            server_host_keys=[str(server.home / "host_key")],
            sftp_factory=lambda channel: _OddFiles(channel, server, habits),
        )

    async def end(listener: asyncssh.SSHAcceptor) -> None:
        listener.close()
        await asyncio.sleep(0)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    listener = asyncio.run_coroutine_threadsafe(listen(), loop).result(30)
    try:
        yield server, habits
    finally:
        asyncio.run_coroutine_threadsafe(end(listener), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()

"""The bytes of files on SFTP, many requests under way at a time: read to the end, written whole."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

PIECE = 32_768
"""Bytes of one SFTP request; servers need not answer larger ones in full."""
WINDOW = 64
"""Requests under way at a time."""


class _Transfer:
    """Requests whose answers are not waited for one by one, and may come in any order.

    It stands in the client's list of requests where the client would put a file of its own.
    """

    def __init__(self, sftp: Any) -> None:
        self._sftp = sftp
        self._asked: dict[int, Any] = {}
        self._answers: deque[tuple[Any, int, Any]] = deque()

    def __len__(self) -> int:
        return len(self._asked) + len(self._answers)

    def ask(self, about: Any, kind: int, *arguments: Any) -> None:
        """Send a request."""
        self._asked[self._sftp._async_request(self, kind, *arguments)] = about

    def answer(self) -> tuple[Any, int, Any]:
        """The next answer: what its request was about, its kind and the message."""
        while not self._answers:
            self._sftp._read_response()
        return self._answers.popleft()

    def _async_response(self, kind: int, message: Any, number: int) -> None:
        self._answers.append((self._asked.pop(number), kind, message))


def read_to_end(sftp: Any, path: str, expected: int) -> Iterator[bytes]:
    """The pieces of a file to its end, whatever size was reported.

    As far as `expected` many reads are under way at a time; one more asks what is behind.
    """
    from paramiko.sftp import CMD_DATA, CMD_READ, int64

    with sftp.open(path, "rb") as remote:
        transfer = _Transfer(sftp)

        def ask(at: int, size: int) -> None:
            transfer.ask((at, size), CMD_READ, remote.handle, int64(at), size)

        starts = iter(range(0, expected, PIECE))
        came: dict[int, bytes] = {}
        at, end = 0, None
        ask(expected, PIECE)
        while end is None or at < end:
            while len(transfer) < WINDOW and (start := next(starts, None)) is not None:
                ask(start, min(PIECE, expected - start))
            if not len(transfer):
                return
            (start, asked), kind, message = transfer.answer()
            data = message.get_binary() if kind == CMD_DATA else _nothing_more(sftp, message)
            if not data:
                end = start if end is None else min(end, start)
            elif start >= expected or len(data) < asked:
                ask(start + len(data), PIECE if start >= expected else asked - len(data))
            came[start] = data
            while at in came:
                piece = came.pop(at)
                if not piece:
                    return
                at += len(piece)
                yield piece


def _nothing_more(sftp: Any, message: Any) -> bytes:
    """The end of a file as a server says it. Raises what else it says."""
    try:
        sftp._convert_status(message)
    except EOFError:
        return b""
    raise OSError("the server has answered a read with neither data nor an error")


def write(sftp: Any, path: str, blocks: Iterable[bytes]) -> int:
    """Write a file and wait until all of it was answered for; its bytes. Raises the first refusal."""
    from paramiko.sftp import CMD_WRITE, int64

    size = 0
    with sftp.open(path, "wb") as out:
        transfer = _Transfer(sftp)

        def settle(most: int) -> None:
            while len(transfer) > most:
                _, _, message = transfer.answer()
                sftp._convert_status(message)

        for block in blocks:
            for start in range(0, len(block), PIECE):
                piece = block[start : start + PIECE]
                transfer.ask(None, CMD_WRITE, out.handle, int64(size), piece)
                size += len(piece)
                settle(WINDOW)
        settle(0)
    return size

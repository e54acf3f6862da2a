"""The bytes of a remote file: read ahead in bounded windows, hashed on the way, unpacked."""

import codecs
import hashlib
import queue
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from oms.filenames import is_packed
from oms.imports.errors import FileRefused, FileUnstable
from oms.transfer import PIECE, WINDOW, read_to_end

SLICE = 8192
"""Bytes that are given to gzip at a time."""
GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = b"PK\x03\x04"


class Download:
    """One pass over a remote file to its end: iterate it once, then ask for its size and hash.

    A thread of its own reads windows of `PIECE * WINDOW` bytes (2 MiB), at most three ahead of the reader,
    so that memory stays bounded however large the file is and the line is never idle.
    """

    def __init__(self, sftp: Any, path: str, expected_size: int, salt: bytes = b"") -> None:
        self._sftp, self._path, self._expected = sftp, path, expected_size
        self._hash = hashlib.sha256(salt)
        self._queue: queue.Queue[bytes | BaseException | None] = queue.Queue(maxsize=3)
        self._stopped = threading.Event()
        self.size = 0

    @property
    def sha256(self) -> bytes:
        """Hash of the salt and of all bytes read."""
        return self._hash.digest()

    def __iter__(self) -> Iterator[bytes]:
        reader = threading.Thread(target=self._read, name="sftp-read-ahead", daemon=True)
        reader.start()
        try:
            while (got := self._queue.get()) is not None:
                if isinstance(got, BaseException):
                    raise got
                yield got
        finally:
            self._stopped.set()
            while reader.is_alive():
                self._drain()
                reader.join(0.05)

    def _drain(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()

    def _read(self) -> None:
        try:
            for window in self._windows():
                self.size += len(window)
                self._hash.update(window)
                self._queue.put(window)
                if self._stopped.is_set():
                    return
            self._queue.put(None)
        except FileNotFoundError:
            self._queue.put(FileUnstable(f"{self._path} went away before it was read"))
        except PermissionError:
            self._queue.put(
                FileRefused("ERR_NOT_READABLE", "the SFTP server denies us permission to read the file")
            )
        except BaseException as error:  # handed over to the reading thread, which raises it
            self._queue.put(error)

    def _windows(self) -> Iterator[bytes]:
        gathered: list[bytes] = []
        size = 0
        for piece in read_to_end(self._sftp, self._path, self._expected):
            gathered.append(piece)
            size += len(piece)
            if size >= PIECE * WINDOW:
                yield b"".join(gathered)
                gathered, size = [], 0
        if gathered:
            yield b"".join(gathered)


@dataclass(frozen=True)
class InMemory:
    """A small file that was read whole, like a `Download`; and the file as it was after that, None: gone."""

    data: bytes
    now: Any

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.data).digest()

    def __iter__(self) -> Iterator[bytes]:
        yield from (self.data,) if self.data else ()


def unpacked(
    name: str, pieces: Iterator[bytes], max_bytes: int, doubted: Callable[[], bool] = lambda: False
) -> Iterator[bytes]:
    """The text of a file that is plain or, with a name ending in `.gz`, packed by gzip; in pieces.

    Raises FileRefused: ERR_FORMAT for a spreadsheet or another packing, ERR_TOO_LARGE beyond `max_bytes`,
    ERR_TRUNCATED for a gzip file that ends too soon, unless a person looks at it (`doubted`, at its end).
    """
    total = 0
    for piece in _gunzipped(pieces, doubted) if is_packed(name) else _plain(pieces):
        total += len(piece)
        if total > max_bytes:
            raise FileRefused(
                "ERR_TOO_LARGE",
                f"the file is larger than maxUncompressedBytes = {max_bytes}; split it, or raise the limit",
            )
        yield piece


def from_utf_16(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """UTF-16 as UTF-8; a text without the mark of UTF-16 is left alone, such as a reject file of ours.

    Raises FileRefused: ERR_ENCODING for what is no UTF-16, ERR_TRUNCATED if it ends inside of a letter.
    """
    head = b""
    while len(head) < 2 and (piece := next(pieces, None)) is not None:
        head += piece
    if not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        yield head
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder("utf-16")()
    try:
        for piece in chain((head,), pieces):
            yield decoder.decode(piece).encode()
    except UnicodeDecodeError as error:
        raise FileRefused("ERR_ENCODING", f"the file is not UTF-16 throughout: {error.reason}") from error
    if decoder.getstate()[0]:
        raise FileRefused("ERR_TRUNCATED", "the file ends inside of a letter of UTF-16; send it again")


def _plain(pieces: Iterator[bytes]) -> Iterator[bytes]:
    first = True
    for piece in pieces:
        if first and piece.startswith(ZIP_MAGIC):
            raise FileRefused("ERR_FORMAT", "the file is a spreadsheet (xlsx) or zip archive; it must be CSV")
        if first and piece.startswith(GZIP_MAGIC):
            raise FileRefused("ERR_FORMAT", "the file is packed by gzip; a packed file must be named *.gz")
        first = False
        yield piece


def _gunzipped(pieces: Iterator[bytes], doubted: Callable[[], bool]) -> Iterator[bytes]:
    """Unpack all members. They may be tiny: what follows one is copied, so it is looked at in small slices,
    and what comes out is gathered.
    """
    unpack = zlib.decompressobj(wbits=31)
    seen = False
    gathered: list[bytes] = []
    size = 0
    try:
        for waiting in _slices(pieces):
            while waiting:
                seen = True
                if unpack.eof:
                    unpack = zlib.decompressobj(wbits=31)
                text = unpack.decompress(waiting, PIECE * WINDOW)
                waiting = unpack.unconsumed_tail or unpack.unused_data
                if text:
                    gathered.append(text)
                size += len(text)
                if size >= PIECE * WINDOW:
                    yield b"".join(gathered)
                    gathered, size = [], 0
        yield b"".join(gathered)
        while rest := unpack.decompress(b"", PIECE * WINDOW):
            yield rest
    except zlib.error as error:
        raise FileRefused("ERR_FORMAT", f"the file is named .gz but cannot be unpacked: {error}") from error
    if seen and not unpack.eof and not doubted():
        raise FileRefused("ERR_TRUNCATED", "the gzip file ends too soon; send it again")


def _slices(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        for start in range(0, len(piece), SLICE):
            yield piece[start : start + SLICE]

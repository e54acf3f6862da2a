"""Reads a claimed file into staging, and makes sure that it is the one that was looked at."""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from oms.database import Connection
from oms.filenames import is_packed
from oms.imports import arrival, guard, staging
from oms.imports.arrival import RemoteFile
from oms.imports.errors import FileMissing, FileRefused, FileUnstable
from oms.imports.file_types import file_type
from oms.imports.jobs import Settings
from oms.imports.json_files import as_csv
from oms.imports.staging import Content
from oms.imports.streams import Download, InMemory, from_utf_16, unpacked

log = logging.getLogger(__name__)


class Read(NamedTuple):
    """What a file held, its hash, and what makes it doubtful that it is all of it."""

    content: Content
    sha256: bytes
    doubts: tuple[guard.Reason, ...] = ()


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

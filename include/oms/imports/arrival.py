"""Which files have arrived: their names match, and they have stopped growing (inventory.md 3.5)."""

import logging
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from oms.filenames import age_key, wanted
from oms.imports.errors import FileMissing, FileUnstable
from oms.imports.jobs import Settings
from oms.remote import entries_of

log = logging.getLogger(__name__)


Stamp = tuple[int, int]
"""Size in bytes and mtime in seconds since the epoch: what changes while a file is written."""


@dataclass(frozen=True)
class RemoteFile:
    """A regular file as one look saw it; mtime in seconds since the epoch."""

    path: str
    size: int
    mtime: int

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


def look(sftp: Any, path: str, pattern: str | None) -> dict[str, RemoteFile]:
    """The regular files of a folder whose names match, by name; a missing folder is empty."""
    try:
        entries = entries_of(sftp, path)
    except FileNotFoundError:
        log.warning("folder %s does not exist on the server", path)
        return {}
    return {
        entry.filename: RemoteFile(f"{path.rstrip('/')}/{entry.filename}", entry.st_size, entry.st_mtime)
        for entry in entries
        if stat.S_ISREG(entry.st_mode or 0) and is_arrival(entry.filename, pattern)
    }


def is_arrival(name: str, pattern: str | None) -> bool:
    """Whether the name matches and is not that of an unfinished file."""
    return wanted(name, file_name=None, pattern=pattern)


def stable_files(
    sftp: Any,
    path: str,
    pattern: str | None,
    settle_seconds: float,
    sleep: Callable[[float], None] = time.sleep,
) -> list[RemoteFile]:
    """The files whose size and mtime were the same on two looks, oldest first."""
    first = look(sftp, path, pattern)
    if not first:
        return []
    sleep(settle_seconds)
    second = look(sftp, path, pattern)
    for name in first.keys() - {name for name, file in second.items() if first.get(name) == file}:
        log.warning("%s/%s is not complete yet, or went away: left for the next look", path, name)
    stable = [file for name, file in second.items() if first.get(name) == file]
    return sorted(stable, key=lambda file: age_key(file.mtime, file.name))


def named_file(
    sftp: Any, path: str, name: str, settle_seconds: float, sleep: Callable[[float], None] = time.sleep
) -> RemoteFile:
    """The one file that a run asks for by name.

    Raises:
        FileMissing: there is no such file, or it is a folder.
        FileUnstable: it is still being written.
    """
    first = examine(sftp, f"{path.rstrip('/')}/{name}")
    sleep(settle_seconds)
    second = examine(sftp, first.path)
    if first != second:
        raise FileUnstable(
            f"{first.path} grew from {first.size} to {second.size} bytes within {settle_seconds} s"
        )
    return second


def examine(sftp: Any, path: str) -> RemoteFile:
    """Size and mtime of a file now; FileMissing if it is not a regular file."""
    try:
        found = sftp.stat(path)
    except FileNotFoundError:
        raise FileMissing(f"{path} is not on the server; check remoteFilename and importPath") from None
    if not stat.S_ISREG(found.st_mode or 0):
        raise FileMissing(f"{path} is a folder or a device, not a file; check remoteFilename")
    return RemoteFile(path, found.st_size, found.st_mtime)


def find(sftp: Any, settings: Settings) -> list[RemoteFile]:
    """What a run takes: the file it names, else what has arrived, oldest first."""
    if settings.remote_filename is not None:
        return [named_file(sftp, settings.import_path, settings.remote_filename, settings.settle_seconds)]
    return stable_files(sftp, settings.import_path, settings.file_name_regex, settings.settle_seconds)


def still_there(sftp: Any, settings: Settings, settled: Mapping[str, Stamp]) -> list[RemoteFile]:
    """Of the files that somebody has seen at rest, those that are still the same, oldest first."""
    same = []
    for name, stamp in settled.items():
        try:
            file = examine(sftp, f"{settings.import_path.rstrip('/')}/{name}")
        except FileMissing as gone:
            log.warning("%s", gone)
            continue
        if (file.size, file.mtime) == stamp:
            same.append(file)
        else:
            log.warning("%s has changed since it was seen at rest: left for the next look", file.path)
    return sorted(same, key=lambda file: age_key(file.mtime, file.name))

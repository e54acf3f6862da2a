"""Which files have arrived: their names match, and they have stopped growing (inventory.md 3.5).

One run looks twice: the sensor finds what is at rest (`find`), the landing takes of it what is still the same
(`still_there`).
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from oms.filenames import age_key, is_junk, is_unfinished, wanted
from oms.imports.errors import FileMissing
from oms.remote import (
    FILE,
    LARGEST,
    OWN_FOLDERS,
    UNKNOWN,
    Listing,
    Stamp,
    folder_of,
    in_parallel,
    kind_of,
    listing,
)

log = logging.getLogger(__name__)

MOST_NAMED = 10
"""Names of files that the log gives of those that are left where they are."""


@dataclass(frozen=True)
class RemoteFile:
    """A regular file as one look saw it; mtime in seconds since the epoch."""

    path: str
    size: int
    mtime: int

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


def find(
    sftp: Any,
    params: Mapping[str, Any],
    announcements: Iterable[Mapping[str, Collection[Stamp]] | None] = (),
    *,
    folder_must_exist: bool = False,
    most: int | None = None,
    unclaimed: Callable[[str, Collection[str]], Collection[str]] | None = None,
) -> dict[str, Stamp]:
    """The files at rest that a run takes, oldest first: size and mtime by name.

    params: importPath, remoteFilename, fileNameRegex, settleSeconds. Files that are announced with a stamp
    which they still have need no second look, and go ahead of others, which are announced in their turn;
    where none is, or None stands for files that no event could name, all are looked at twice. So are they
    where more than `most` wait, without those that runs have taken already (`unclaimed`, of names in a
    folder): runs follow each other then, and not every file has an event of its own.

    Raises:
        FileMissing: the file asked for by name is not there or not at rest, or the folder does not exist
            (`folder_must_exist`).
    """
    folder = folder_of(sftp, params["importPath"])
    there = _look(sftp, folder)
    if there is None and folder_must_exist:
        raise FileMissing(
            f"the folder {folder} does not exist on {server_of(sftp, params)}: check importPath"
        )
    if there is None:
        log.warning("the folder %s does not exist on %s (yet)", folder, server_of(sftp, params))
        there = Listing()
    say_left(folder, there.others)
    if is_backlog := most is not None and unclaimed is not None and len(_wanted(there, params)) > most:
        free = set(unclaimed(folder, _wanted(there, params).keys()))
        there.files = {name: stamp for name, stamp in there.files.items() if name in free}
        is_backlog = len(there.files) > most
    found = _at_rest(sftp, folder, there, params, announcements, every=is_backlog)
    if not found:
        say_left(folder, _why_left(there, params))
    if not found and (name := params["remoteFilename"]):
        raise FileMissing(
            f"{_absent(there, folder, name)}; check remoteFilename and importPath, or give waitMinutes"
        )
    return dict(sorted(found.items(), key=lambda file: age_key(file[1][1], file[0])))


def still_there(
    sftp: Any, import_path: str, settled: Mapping[str, Stamp], *, as_it_is: bool = False
) -> list[RemoteFile]:
    """Of the files that somebody has seen at rest, those that are still the same, oldest first.

    One that its folder goes on listing with other figures than its own would never be the same: it is among
    them as it is listed, so that whoever reads it finds the difference, or with `as_it_is` with its own.
    """
    same: list[RemoteFile] = []
    changed: list[RemoteFile] = []
    folder = folder_of(sftp, import_path)
    paths = [f"{folder.rstrip('/')}/{name}" for name in settled]
    for stamp, file in zip(settled.values(), in_parallel(sftp, examine, paths), strict=True):
        if isinstance(file, FileMissing):
            log.warning("%s", file)
        elif isinstance(file, BaseException):
            raise file
        elif (file.size, file.mtime) == stamp:
            same.append(file)
        else:
            changed.append(file)
    listed = (_look(sftp, folder) or Listing()).files if changed else {}
    for file in changed:
        if listed.get(file.name) == settled[file.name]:
            log.warning("%s: %s in its folder, by itself %s", file.path, settled[file.name], file)
            same.append(file if as_it_is else RemoteFile(file.path, *settled[file.name]))
        else:
            log.warning("%s has changed since it was seen at rest: left for the next look", file.path)
    return sorted(same, key=lambda file: age_key(file.mtime, file.name))


def examine(sftp: Any, path: str) -> RemoteFile:
    """Size and mtime of a file now; FileMissing if it is not a regular file."""
    try:
        found = sftp.stat(path)
    except FileNotFoundError:
        raise FileMissing(f"{path} is not on the server; check remoteFilename and importPath") from None
    if (kind := kind_of(found.st_mode)) not in (FILE, UNKNOWN):
        raise FileMissing(f"{path} is {kind}, not a file; check remoteFilename")
    if (found.st_size or 0) > LARGEST:
        raise FileMissing(f"{path}: the server says that it has {found.st_size} bytes")
    return RemoteFile(path, found.st_size or 0, int(found.st_mtime or 0))


def server_of(sftp: Any, params: Mapping[str, Any]) -> str:
    """The connection and the address behind it."""
    host, port = sftp.get_channel().getpeername()[:2]
    return f"{params['propertyResource']} ({host}:{port})"


def _look(sftp: Any, folder: str) -> Listing | None:
    """What the folder holds; None if it does not exist."""
    try:
        return listing(sftp, folder)
    except FileNotFoundError:
        return None


def _at_rest(
    sftp: Any,
    folder: str,
    there: Listing,
    params: Mapping[str, Any],
    announcements: Iterable[Mapping[str, Collection[Stamp]] | None],
    *,
    every: bool,
) -> dict[str, Stamp]:
    first = _wanted(there, params)
    known: dict[str, Stamp] = {}
    for announced in announcements:
        if announced is None:
            every = True
            break
        known |= {name: stamp for name, stamp in first.items() if stamp in announced.get(name, ())}
        if len(known) == len(first):
            break
    if (known and not every) or len(known) == len(first):
        return known
    time.sleep(params["settleSeconds"])
    second = _wanted(_look(sftp, folder) or Listing(), params)
    return {name: stamp for name, stamp in second.items() if first.get(name) == stamp}


def _absent(there: Listing, folder: str, name: str) -> str:
    """Why the file that is asked for is not taken."""
    if name in there.files:
        return f"{name} in {folder} is not at rest yet: it was still changing, or has just come"
    why = "it is a folder, no file" if name in there.folders else there.others.get(name)
    return f"{name} in {folder} cannot be taken: {why}" if why else f"{name} is not in {folder}"


def _wanted(there: Listing, params: Mapping[str, Any]) -> dict[str, Stamp]:
    asked, pattern = params["remoteFilename"], params["fileNameRegex"]
    return {
        name: stamp for name, stamp in there.files.items() if wanted(name, file_name=asked, pattern=pattern)
    }


def _why_left(there: Listing, params: Mapping[str, Any]) -> dict[str, str]:
    """What lies in a folder of which nothing is taken, with the reason; archive and error are ours."""
    asked, pattern = params["remoteFilename"], params["fileNameRegex"]
    reasons = {name: "no file but a folder" for name in there.folders if name not in OWN_FOLDERS}
    for name in there.files:
        if wanted(name, file_name=asked, pattern=pattern):
            reasons[name] = "not at rest yet: it was still changing, or has just come"
        elif asked is not None:
            reasons[name] = f"not remoteFilename {asked!r}"
        elif is_junk(name):
            reasons[name] = "left there by an operating system"
        elif is_unfinished(name):
            reasons[name] = "the name of an unfinished file, waits to be renamed"
        else:
            reasons[name] = f"does not match fileNameRegex {pattern!r}"
    return reasons


def say_left(folder: str, reasons: Mapping[Any, str]) -> None:
    """Log what is left where it is, a line for each reason."""
    by_reason: dict[str, list[Any]] = {}
    for name, why in sorted(reasons.items(), key=repr):
        by_reason.setdefault(why, []).append(name)
    for why, names in by_reason.items():
        log.warning("left in %s: %s (%s)", folder, named(names), why)


def named(names: Collection[Any]) -> str:
    """The first of the names, quoted, and how many there are more."""
    shown = ", ".join(map(repr, list(names)[:MOST_NAMED]))
    return f"{shown} and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else shown

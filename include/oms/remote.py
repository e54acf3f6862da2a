"""Writing files to SFTP so that a reader never sees a part, and listing folders whatever lies there."""

import logging
import posixpath
from collections.abc import Iterable, Iterator
from typing import Any

log = logging.getLogger(__name__)


def entries_of(sftp: Any, folder: str) -> list[Any]:
    """What a folder holds, as `listdir_attr` tells it; a name that is no UTF-8 is said and left out.

    The client would refuse the whole folder for it.
    """
    try:
        return sftp.listdir_attr(folder)
    except UnicodeDecodeError:
        return list(_decodable(sftp, folder))


def _decodable(sftp: Any, folder: str) -> Iterator[Any]:
    """The same by the client's own requests, which leave the names as bytes."""
    from paramiko import sftp as protocol
    from paramiko.sftp_attr import SFTPAttributes

    _, answer = sftp._request(protocol.CMD_OPENDIR, sftp._adjust_cwd(folder))
    handle = answer.get_binary()
    try:
        while True:
            _, answer = sftp._request(protocol.CMD_READDIR, handle)
            for _ in range(answer.get_int()):
                name, _ = answer.get_binary(), answer.get_binary()
                entry = SFTPAttributes._from_msg(answer, name)
                try:
                    entry.filename = name.decode()
                except UnicodeDecodeError:
                    log.warning("%s: the file name %r is no UTF-8: rename it, nobody takes it", folder, name)
                    continue
                if entry.filename not in (".", ".."):
                    yield entry
    except EOFError:
        return
    finally:
        sftp._request(protocol.CMD_CLOSE, handle)


def write_whole(sftp: Any, path: str, blocks: Iterable[bytes]) -> None:
    """Write a file under a temporary name and rename it; makes missing folders, replaces an old file.

    The answers to single writes are not waited for, which is a hundred times faster on a server that takes
    its time with each; the size at the end says whether all of them were carried out. Raises OSError.
    """
    make_folders(sftp, posixpath.dirname(path))
    part, size = f"{path}.part", 0
    with sftp.open(part, "wb") as out:
        out.set_pipelined(True)
        for block in blocks:
            out.write(block)
            size += len(block)
    if (there := sftp.stat(part).st_size) != size:
        raise OSError(f"{part}: {size} bytes were written, {there} are there; is the disk full?")
    rename(sftp, part, path)


def rename(sftp: Any, old: str, new: str) -> None:
    """Give a file another name; one that has the name already is replaced.

    That is one step where the server knows OpenSSH's extension. Another server renames only to a free name:
    there a file that is replaced is missing for a moment.
    """
    try:
        sftp.posix_rename(old, new)
        return
    except OSError as error:
        if error.errno is not None:  # a reason of the file system's, not of the protocol
            raise
        log.debug("%s: the server does not rename in one step: %s", new, error)
    try:
        sftp.rename(old, new)
    except OSError as error:
        if error.errno is not None:
            raise
        try:
            sftp.remove(new)
        except FileNotFoundError:  # so that was not the reason
            raise error from None
        sftp.rename(old, new)


def make_folders(sftp: Any, folder: str) -> None:
    """Make a folder and those above it where they are missing."""
    if folder in ("", "/"):
        return
    try:
        sftp.stat(folder)
    except FileNotFoundError:
        make_folders(sftp, posixpath.dirname(folder))
        sftp.mkdir(folder)

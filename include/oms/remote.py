"""Writing files to SFTP so that a reader never sees a part of one."""

import posixpath
from typing import Any


def write_whole(sftp: Any, path: str, content: bytes) -> None:
    """Write a file under a temporary name and rename it; makes missing folders, replaces an old file."""
    make_folders(sftp, posixpath.dirname(path))
    with sftp.open(f"{path}.part", "wb") as out:
        out.write(content)
    sftp.posix_rename(f"{path}.part", path)


def make_folders(sftp: Any, folder: str) -> None:
    """Make a folder and those above it where they are missing."""
    if folder in ("", "/"):
        return
    try:
        sftp.stat(folder)
    except FileNotFoundError:
        make_folders(sftp, posixpath.dirname(folder))
        sftp.mkdir(folder)

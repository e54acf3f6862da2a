"""Files on SFTP: read to their end, written so that a reader never sees a part; folders as they are."""

import logging
import posixpath
import queue
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from oms.transfer import write

log = logging.getLogger(__name__)

Item, Result = TypeVar("Item"), TypeVar("Result")
Stamp = tuple[int, int]
"""Size in bytes and mtime in seconds since the epoch: what changes while a file is written."""

LISTINGS = 5
"""Attempts at a listing that a server ends because a file went meanwhile."""

FILE, FOLDER, UNKNOWN = "a file", "a folder", "of a type that the server does not tell"
LINK, DEVICE, PIPE, SOCKET = "a symbolic link", "a device", "a pipe", "a socket"
TYPE_BITS = 0o170000
KINDS = {
    0o100000: FILE,
    0o040000: FOLDER,
    0o120000: LINK,
    0o020000: DEVICE,
    0o060000: DEVICE,
    0o010000: PIPE,
    0o140000: SOCKET,
}
LETTERS = {"-": FILE, "d": FOLDER, "l": LINK, "c": DEVICE, "b": DEVICE, "p": PIPE, "s": SOCKET}
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""What would break a line of a log, a mail or a reject file that names the file."""
RIGHTS = re.compile(r"([-a-zA-Z])[-rwxsStT]{9}")
OWN_FOLDERS = ("archive", "error")
LARGEST = 2**63 - 1
"""Bytes; what is more is no size."""


@dataclass
class Listing:
    """What lies in a folder."""

    files: dict[str, Stamp] = field(default_factory=dict)
    """Files by name; one whose type the server does not tell counts as a file."""
    others: dict[str | bytes, str] = field(default_factory=dict)
    """What else there is, by name, with the reason why it is not taken."""
    folders: set[str] = field(default_factory=set)

    def add(
        self, name: str | bytes, long_name: str | bytes | None, mode: int | None, size: int, mtime: int
    ) -> None:
        """Take in an entry as the server tells it."""
        try:
            text = name if isinstance(name, str) else name.decode()
        except UnicodeDecodeError:
            self.others[name] = "its name is no UTF-8: rename it"
            return
        kind = kind_of(mode, long_name or "")
        if CONTROL.search(text):
            self.others[text] = "its name holds a line break or another control character: rename it"
        elif kind == FOLDER or (kind == UNKNOWN and text in OWN_FOLDERS):
            self.folders.add(text)
        elif kind not in (FILE, UNKNOWN):
            self.others[text] = f"it is {kind}, no file"
        elif size > LARGEST:
            self.others[text] = f"the server says that it has {size} bytes"
        else:
            self.files[text] = (size, mtime)


def kind_of(mode: int | None, long_name: str | bytes = "") -> str:
    """What an entry is by the type bits of its mode, else by the line that `ls -l` would print."""
    kind = KINDS.get((mode or 0) & TYPE_BITS)
    if kind is not None:
        return kind
    line = long_name.decode(errors="replace") if isinstance(long_name, bytes) else long_name
    if rights := RIGHTS.match(line):
        return LETTERS.get(rights[1], UNKNOWN)
    return FOLDER if "<DIR>" in line else UNKNOWN


def listing(sftp: Any, folder: str) -> Listing:
    """What a folder holds. Raises FileNotFoundError, and OSError with the folder in its text.

    Some servers answer that something does not exist when a file goes while they list: only a folder that
    cannot be found by itself is not there.
    """
    ended: OSError | None = None
    for _ in range(LISTINGS):
        try:
            return _listed(sftp, folder)
        except OSError as error:
            if not isinstance(error, FileNotFoundError) or not _exists(sftp, folder):
                raise _saying(f"cannot list the folder {folder}: {error}", error) from error
            ended = error
    raise OSError(
        f"cannot list the folder {folder}: the server ends each listing, as files go meanwhile"
    ) from ended


def _listed(sftp: Any, folder: str) -> Listing:
    found = Listing()
    try:
        for entry in sftp.listdir_attr(folder):
            found.add(*_told(entry, entry.filename, getattr(entry, "longname", "")))
    except UnicodeDecodeError:  # the client would refuse the whole folder for one name
        return _listing_by_bytes(sftp, folder)
    return found


def _told(entry: Any, name: str | bytes, long_name: str | bytes) -> tuple[Any, ...]:
    return name, long_name, entry.st_mode, entry.st_size or 0, int(entry.st_mtime or 0)


def _listing_by_bytes(sftp: Any, folder: str) -> Listing:
    """The same by the client's own requests, which leave the names as bytes."""
    from paramiko import sftp as protocol
    from paramiko.sftp_attr import SFTPAttributes

    found = Listing()
    _, answer = sftp._request(protocol.CMD_OPENDIR, sftp._adjust_cwd(folder))
    handle = answer.get_binary()
    try:
        while True:
            _, answer = sftp._request(protocol.CMD_READDIR, handle)
            for _ in range(answer.get_int()):
                name, long_name = answer.get_binary(), answer.get_binary()
                entry = SFTPAttributes._from_msg(answer, name)
                if name not in (b".", b".."):
                    found.add(*_told(entry, name, long_name))
    except EOFError:
        return found
    finally:
        sftp._request(protocol.CMD_CLOSE, handle)


def server_failures() -> tuple[type[Exception], ...]:
    """What is raised where a server is lost, does not answer, or refuses."""
    from paramiko import SSHException

    return OSError, EOFError, SSHException


def is_about_a_file(sftp: Any, error: OSError) -> bool:
    """Whether it is what a server said of one file; if not, the session is lost, and with it all others."""
    return not isinstance(error, TimeoutError | ConnectionError) and not sftp.get_channel().closed


def folder_of(sftp: Any, path: str) -> str:
    """The one spelling of a folder: below the login's home it is relative to it, however it was written.

    Where the home is the root for the login, `/home/<login>/x` means `x`, unless there is such a folder.
    """
    if not path.startswith("/"):
        return posixpath.normpath(path)
    home = sftp.normalize(".")
    if home == "/" and path.startswith("/home/"):
        login = sftp.get_channel().get_transport().get_username()
        if (short := without_home(path, login)) is not None and not _exists(sftp, path):
            path = short
    return below(path, home)


def without_home(path: str, login: str) -> str | None:
    """The path below `/home/<login>`; None where it is another one."""
    inside = below(path, f"/home/{login}")
    return None if inside.startswith("/") else f"/{inside}"


def below(path: str, home: str) -> str:
    """The path relative to the home if it lies there, else as it is."""
    path = posixpath.normpath(f"/{path.strip('/')}")
    inside = posixpath.relpath(path, home)
    return path if inside == ".." or inside.startswith("../") else inside


def _exists(sftp: Any, path: str) -> bool:
    try:
        sftp.stat(path)
    except FileNotFoundError:
        return False
    return True


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say with an error what was being done to which file: servers answer with a word or two."""
    try:
        yield
    except OSError as error:
        word = error.strerror or str(error) or type(error).__name__
        if type(error) is OSError and error.errno is None:
            word = f"the server says {word!r}"
        raise _saying(f"{what}: {word}", error) from error


def _saying(words: str, error: OSError) -> OSError:
    """An error of the same type and number with other words."""
    return type(error)(words) if error.errno is None else OSError(error.errno, words)


def write_whole(sftp: Any, path: str, blocks: Iterable[bytes]) -> None:
    """Write a file under a temporary name and rename it; makes missing folders, replaces an old file.

    The answers to single writes are not waited for one by one, which is a hundred times faster on a server
    that takes its time with each. What was half written is removed. Raises OSError.
    """
    make_folders(sftp, posixpath.dirname(path))
    part = f"{path}.part"
    try:
        with step(f"writing {part}"):
            size = write(sftp, part, blocks)
            if (there := sftp.stat(part).st_size) != size:
                raise OSError(f"{size} bytes were written, {there} are there; is the disk full?")
        rename(sftp, part, path)
    except OSError as error:
        if is_about_a_file(sftp, error):
            _remove_half(sftp, part)
        raise


def _remove_half(sftp: Any, part: str) -> None:
    try:
        sftp.remove(part)
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("%s is half written and cannot be removed: %s", part, error)


def rename(sftp: Any, old: str, new: str) -> None:
    """Give a file another name; one that has the name already is replaced.

    That is one step where the server knows OpenSSH's extension. Another server renames only to a free name:
    there a file that is replaced is missing for a moment. Raises OSError; the old file is in its place then.
    """
    with step(f"moving {old} to {new}"):
        try:
            sftp.posix_rename(old, new)
            return
        except OSError as error:
            if error.errno is not None or not is_about_a_file(sftp, error):  # not of the protocol
                raise
            log.debug("%s: the server does not rename in one step: %s", new, error)
        try:
            sftp.rename(old, new)
        except OSError as error:
            if error.errno is not None or not is_about_a_file(sftp, error) or not _is_file(sftp, new):
                raise
            _replace(sftp, old, new)


def _replace(sftp: Any, old: str, new: str) -> None:
    """Put a file in the place of another, which is kept beside until that is done."""
    aside = f"{new}.old"
    if _exists(sftp, aside):
        sftp.remove(aside)
    sftp.rename(new, aside)
    try:
        sftp.rename(old, new)
    except OSError:
        sftp.rename(aside, new)
        raise
    sftp.remove(aside)


def _is_file(sftp: Any, path: str) -> bool:
    try:
        return kind_of(sftp.stat(path).st_mode) in (FILE, UNKNOWN)
    except FileNotFoundError:
        return False


def make_folders(sftp: Any, folder: str) -> None:
    """Make a folder and those above it where they are missing."""
    if folder in ("", "/"):
        return
    try:
        with step(f"looking for the folder {folder}"):
            sftp.stat(folder)
    except FileNotFoundError:
        make_folders(sftp, posixpath.dirname(folder))
        try:
            with step(f"making the folder {folder}"):
                sftp.mkdir(folder)
        except OSError as refusal:
            try:
                sftp.stat(folder)  # somebody else has just made it
            except FileNotFoundError:
                raise refusal from None


SESSIONS = 8
"""Sessions on one connection: OpenSSH allows ten."""
_ALLOWED: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
"""How many a server has allowed of those that it was asked for, by connection."""
LONGEST_OPENING = 60
"""Seconds, where the first session has no limit of its own."""


def in_parallel(sftp: Any, work: Callable[[Any, Item], Result], items: Sequence[Item]) -> list[Any]:
    """Do something with each item in several sessions on one connection; results, or exceptions, in order.

    Most of the time of a small file goes into waiting for answers. A server that allows one session only gets
    one request after the other.
    """
    with _sessions(sftp, min(SESSIONS, len(items) // 2)) as sessions:
        free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for session in sessions:
            free.put(session)

        def one(item: Item) -> Result:
            session = free.get()
            try:
                return work(session, item)
            finally:
                free.put(session)

        with ThreadPoolExecutor(len(sessions)) as pool:
            done = [pool.submit(one, item) for item in items]
        return [future.exception() or future.result() for future in done]


def open_session(transport: Any, seconds: float | None) -> Any:
    """A session whose reads and writes end after these seconds; so does the opening of it.

    Raises one of `server_failures`.
    """
    from paramiko import SFTPClient

    channel = transport.open_session(timeout=seconds)
    channel.settimeout(seconds)
    watch = threading.Timer(seconds or LONGEST_OPENING, channel.close)
    watch.daemon = True
    watch.start()
    try:
        channel.invoke_subsystem("sftp")
        return SFTPClient(channel)
    except BaseException:
        channel.close()
        raise
    finally:
        watch.cancel()


@contextmanager
def _sessions(sftp: Any, most: int) -> Iterator[list[Any]]:
    """The session and more on its connection."""
    from paramiko import SFTPClient

    sessions = [sftp]
    try:
        if isinstance(sftp, SFTPClient):
            channel = sftp.get_channel()
            transport = channel.get_transport()
            while len(sessions) < min(most, _ALLOWED.get(transport, most)):
                try:
                    sessions.append(open_session(transport, channel.gettimeout()))
                except server_failures() as refusal:
                    log.info("the server allows %s sessions: %r", len(sessions), refusal)
                    _ALLOWED[transport] = len(sessions)
        yield sessions
    finally:
        for session in sessions[1:]:
            session.close()

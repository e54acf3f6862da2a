"""Start and end the sandbox's processes, and only those."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

LOOPBACK = "127.0.0.1"
MARK = "OMS_SANDBOX"
"""Environment variable that every process of a sandbox inherits; its value is the sandbox's folder."""

_PR_SET_PDEATHSIG = 1


class ProcessFailed(RuntimeError):
    """A process ended or stayed silent while it should have come up; the message holds the end of its log."""


@dataclass(frozen=True)
class Account:
    """The user that a server runs as when we are root and it refuses to be."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Started:
    """A process as it was when we started it: a pid alone may belong to somebody else by now."""

    name: str
    pid: int
    created: float
    command: str

    def as_json(self) -> dict:
        return asdict(self)

    def process(self) -> psutil.Process | None:
        """The process if it still is the one we started, else None."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if same else None


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    account: Account | None = None,
    ends_with_us: signal.Signals | None = None,
) -> Started:
    """Start a process in a session of its own, its output appended to `log`.

    `ends_with_us` is the signal it gets when our process dies, however it dies (Linux only).
    """
    command = [str(part) for part in command]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_death_signal(ends_with_us),
            **identity(account),
        )
    return Started(name, popen.pid, psutil.Process(popen.pid).create_time(), " ".join(command))


def identity(account: Account | None) -> dict:
    """The arguments that make `subprocess` run a command as `account`."""
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}


def _death_signal(number: signal.Signals | None) -> Callable[[], None] | None:
    if number is None or sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, int(number))


def wait_until(ready: Callable[[], bool], started: Started, log: Path, seconds: float) -> None:
    """Return as soon as `ready()`; raise ProcessFailed when the process ends or the time is over."""
    deadline = time.monotonic() + seconds
    while not ready():
        if started.process() is None:
            raise ProcessFailed(f"{started.name} ended while starting. {log} ends with:\n{tail(log)}")
        if time.monotonic() > deadline:
            raise ProcessFailed(
                f"{started.name} is not up after {seconds:.0f} s. {log} ends with:\n{tail(log)}"
            )
        time.sleep(0.05)


def finish(started: Started, log: Path, seconds: float) -> None:
    """Wait for a child of ours to end; raise ProcessFailed unless it ends well and in time."""
    deadline = time.monotonic() + seconds
    while True:
        pid, status = os.waitpid(started.pid, os.WNOHANG)
        if pid:
            break
        if time.monotonic() > deadline:
            raise ProcessFailed(
                f"{started.name} is not done in {seconds:.0f} s; {log} ends with:\n{tail(log)}"
            )
        time.sleep(0.05)
    if status != 0:
        raise ProcessFailed(f"{started.name} failed; {log} ends with:\n{tail(log)}")


def tail(log: Path, lines: int = 20) -> str:
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def end(started: Started, *, grace: float = 10) -> None:
    """End a process and its group: SIGTERM, and after `grace` seconds SIGKILL. Nothing if it is gone."""
    end_all([started], grace=grace)


def end_all(
    all_started: Sequence[Started], *, first: signal.Signals = signal.SIGTERM, grace: float = 15
) -> None:
    """End several processes and their groups at the same time: `first`, and after `grace` seconds SIGKILL."""
    alive = [one for one in all_started if one.process()]
    for started in alive:
        _signal_group(started, first)
    deadline = time.monotonic() + grace
    for started in alive:
        if not _gone_within(started, max(0.1, deadline - time.monotonic())):
            _signal_group(started, signal.SIGKILL)
            _gone_within(started, 5)


def still_there(some: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait for processes to end; return those that did not. A zombie has ended: its parent is at fault."""
    deadline = time.monotonic() + seconds
    while left := [one for one in some if _alive(one)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return left


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def marked(mark: str) -> list[psutil.Process]:
    """Every process that inherited MARK=`mark`, whatever session or group it has moved to."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                found.append(process)
    return found


def end_marked(mark: str, *, grace: float = 5) -> int:
    """End what is left of a sandbox outside its process groups; return how many processes that were."""
    left = marked(mark)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    stubborn = still_there(left, grace)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    still_there(stubborn, grace)
    return len(left)


def _signal_group(started: Started, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(started.pid, number)  # start_new_session: the pid is the group's number


def _gone_within(started: Started, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while started.process() is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    _reap(started.pid)
    return True


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def free_port(preferred: int) -> int:
    """`preferred` if nobody listens there, else a port the system gives us."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise OSError(f"no free port on {LOOPBACK}")


def listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def write_secret(path: Path, text: str) -> None:
    """Write a file that only we can read, from its first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)

"""Start and end the sandbox's processes, and only those."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from fakeshop.ports import is_free, reserve_port

LOOPBACK = "127.0.0.1"
MARK = "OMS_SANDBOX"
"""Environment variable that every process of a sandbox inherits; its value is the sandbox's folder."""

_PR_SET_PDEATHSIG = 1


_children: dict[int, subprocess.Popen] = {}
"""Those that this process started. Without the reference, `subprocess` throws their exit codes away."""


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
    born: float
    """As `birth` tells it."""
    log: str

    def process(self) -> psutil.Process | None:
        """The process if it still is the one we started, else None."""
        try:
            process = psutil.Process(self.pid)
            same = birth(self.pid) == self.born and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if same else None

    def ending(self) -> str:
        """How a process that has ended came to its end. Only its parent is told."""
        child = _children.get(self.pid)
        code = None if child is None else child.poll()
        if code is None:
            return "its exit code is not known here"
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def birth(pid: int) -> float:
    """When a process began, the same at every look, whatever happens to the clock meanwhile.

    Linux: in ticks since the boot. psutil adds the time of the boot, which moves when the clock is set.
    Raises psutil.NoSuchProcess.
    """
    if sys.platform != "linux":
        return psutil.Process(pid).create_time()
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(pid) from None
    return int(
        stat.rpartition(")")[2].split()[19]
    )  # field 22; the name, field 2, may hold blanks and brackets


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
    """Start a process in a session of its own, its output appended to `log`; its files are for its user only.

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
            umask=0o077,
            **identity(account),
        )
    _children[popen.pid] = popen
    return Started(name, popen.pid, birth(popen.pid), str(log))


def identity(account: Account | None) -> dict:
    """The arguments that make `subprocess` run a command as `account`."""
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}


def _death_signal(number: signal.Signals | None) -> Callable[[], None] | None:
    if number is None or sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, int(number))


def wait_until(ready: Callable[[], bool], started: Started, seconds: float) -> None:
    """Return as soon as `ready()`; raise ProcessFailed when the process ends or the time is over."""
    deadline = time.monotonic() + seconds
    while not ready():
        if started.process() is None:
            raise ProcessFailed(
                f"{started.name} ended while starting: {started.ending()}. {end_of_log(started.log)}"
            )
        if time.monotonic() > deadline:
            raise ProcessFailed(f"{started.name} is not up after {seconds:.0f} s. {end_of_log(started.log)}")
        time.sleep(0.05)


def finish(started: Started, seconds: float) -> None:
    """Wait for a child of ours to end; raise ProcessFailed unless it ends well and in time."""
    try:
        code = _children[started.pid].wait(seconds)
    except subprocess.TimeoutExpired:
        raise ProcessFailed(
            f"{started.name} is not done in {seconds:.0f} s. {end_of_log(started.log)}"
        ) from None
    if code != 0:
        raise ProcessFailed(f"{started.name} failed: {started.ending()}. {end_of_log(started.log)}")


def end_of_log(log: str, lines: int = 20) -> str:
    """The name of a log and its last lines, for a message."""
    path = Path(log)
    text = path.read_text(errors="replace") if path.exists() else "(there is no log)"
    return "\n".join([f"{log} ends with:", *text.splitlines()[-lines:]])


def end(started: Started, *, grace: float = 10) -> None:
    """End a process and its group: SIGTERM, and after `grace` seconds SIGKILL. Nothing if it is gone."""
    end_all([started], grace=grace)


def end_all(
    all_started: Sequence[Started], *, first: signal.Signals = signal.SIGTERM, grace: float = 15
) -> None:
    """End several processes and their groups at the same time: `first`, and after `grace` seconds SIGKILL."""
    running = [one for one in all_started if one.process()]
    for started in running:
        _signal_group(started, first)
    deadline = time.monotonic() + grace
    for started in running:
        if not _gone_within(started, max(0.1, deadline - time.monotonic())):
            _signal_group(started, signal.SIGKILL)
            _gone_within(started, 5)


def still_there(some: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait for processes to end; return those that did not. A zombie has ended: its parent is at fault."""
    deadline = time.monotonic() + seconds
    while left := alive(some):
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return left


def alive(some: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those of them that have not ended."""
    return [one for one in some if _is_alive(one)]


def _is_alive(process: psutil.Process) -> bool:
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


def kill_group(started: Started, mark: str) -> None:
    """Kill what is left of the group of a process of ours; its number alone may be somebody else's by now."""
    for process in marked(mark):
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(process.pid) == started.pid:
                process.kill()


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
    if pid in _children:
        _children[pid].poll()


def free_port(preferred: int) -> int:
    """`preferred` if nobody listens there, else (and for 0) one that is reserved for this process."""
    return preferred if preferred and is_free(preferred) else reserve_port()


def listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def write_secret(path: Path, text: str) -> None:
    """Write a file that only we can read, from its first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)

"""What has ended is started again, and the log says how it ended."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from sandbox import processes, sftp, stack
from sandbox.layout import Sandbox
from sandbox.watchdog import SCHEDULER, Watchdog

SCHEDULER_OF_TWO = """
import os, time
from setproctitle import setproctitle
for _ in range(2):
    if os.fork() == 0:
        setproctitle("airflow worker -- LocalExecutor: <idle>")
        time.sleep(60)
        os._exit(0)
time.sleep(60)
"""


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    box = Sandbox(tmp_path / "box")
    box.make()
    yield box
    processes.end_all([one for one in box.read_state().started if one.name == "watchdog"], grace=1)
    processes.end_all(box.read_state().started, grace=1)
    processes.end_marked(box.mark)


@pytest.fixture
def watchdog(sandbox: Sandbox) -> Watchdog:
    return Watchdog(stack.Run(sandbox, given={}))


def part(monkeypatch: pytest.MonkeyPatch, name: str, command: list[str]) -> Callable[[stack.Run], object]:
    """A part of the sandbox that is this command, and is wanted."""

    def start(run: stack.Run) -> processes.Started:
        if name not in run.sandbox.read_state().wanted:
            run.want([name])
        return run.started(
            processes.start(name, command, log=run.sandbox.logs / "part.log", env=run.process_environment())
        )

    monkeypatch.setitem(stack.PARTS, name, start)
    return start


def only(sandbox: Sandbox) -> processes.Started:
    (started,) = sandbox.read_state().started
    return started


def kill(started: processes.Started) -> None:
    os.kill(started.pid, signal.SIGKILL)
    assert processes.still_there([psutil.Process(started.pid)], 5) == []


def test_a_part_that_was_killed_is_started_again_and_said_with_its_log(
    sandbox, watchdog, monkeypatch, caplog
):
    first = part(monkeypatch, "fakeshop", ["sleep", "60"])(watchdog.run)
    watchdog.look()
    assert only(sandbox) == first
    kill(first)

    watchdog.look()

    assert only(sandbox).process() is not None
    assert f"fakeshop (pid {first.pid}) has ended: killed by SIGKILL; log: {first.log}" in caplog.text
    ((_, _, state, log),) = stack.status(sandbox)
    assert (state, log) == ("running; started again 1x, last: killed by SIGKILL", first.log)


def test_a_part_that_ends_at_once_is_started_again_after_a_while(sandbox, monkeypatch):
    clock = iter([100.0, 100.5, 101.1, 102.0, 103.2])
    watchdog = Watchdog(stack.Run(sandbox, given={}), lambda: next(clock))
    part(monkeypatch, "fakeshop", ["sh", "-c", "exit 3"])(watchdog.run)
    pids = []
    for _ in range(5):
        pids.append(only(sandbox).pid)
        assert processes.still_there([psutil.Process(pids[-1])], 5) == []
        watchdog.look()

    assert len(set(pids)) == 3  # begun anew at 100.0, 101.1 and 103.2
    assert sandbox.read_state().ended == {"fakeshop": ["exit code 3"] * 3}


def test_a_part_that_the_machine_cannot_start_now_is_tried_again(sandbox, monkeypatch, caplog):
    clock = iter([100.0, 101.1])
    watchdog = Watchdog(stack.Run(sandbox, given={}), lambda: next(clock))
    first = part(monkeypatch, "fakeshop", ["sleep", "60"])(watchdog.run)
    kill(first)
    with monkeypatch.context() as full:
        full.setattr(processes, "start", raising(OSError(12, "Cannot allocate memory")))
        watchdog.look()
    assert "fakeshop is not up again" in caplog.text

    watchdog.look()

    assert only(sandbox).process() is not None


def test_a_part_that_never_came_up_is_shown_and_tried_again(sandbox, monkeypatch):
    clock = iter([100.0, 100.5, 101.1])
    watchdog = Watchdog(stack.Run(sandbox, given={}), lambda: next(clock))
    tries = []

    def start(run: stack.Run) -> None:
        tries.append(run)
        raise processes.ProcessFailed(
            "postgres ended while starting: exit code 1. The log ends with: no room"
        )

    monkeypatch.setitem(stack.PARTS, "postgres", start)
    watchdog.run.want(["postgres"])
    watchdog.look()
    with pytest.raises(processes.ProcessFailed, match=r"exit code 1.*no room"):
        watchdog.run.wait_for("postgres")

    watchdog.look()
    watchdog.look()

    assert len(tries) == 2  # at 100.0 and 101.1


def test_the_first_end_of_a_server_is_told_with_its_exit_code(sandbox):
    """Only a parent is told: the watchdog starts the servers itself, the first time, too."""
    port = processes.free_port(0)
    sftp.prepare(sandbox.folder / "sftp")
    with sandbox.changing_state() as state:
        state.ports["sftp"] = port
    run = stack.Run(sandbox, given={}, environment={"PYTHONPATH": os.pathsep.join(sys.path)})
    run.want(["sftp"])
    run.start("watchdog", ["sandbox.watchdog", str(sandbox.folder)], "watchdog.log")
    run.wait_for("sftp")
    (server,) = (one for one in sandbox.read_state().started if one.name == "sftp")

    kill(server)

    deadline = time.monotonic() + 60
    while not (ended := sandbox.read_state().ended):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert ended == {"sftp": ["killed by SIGKILL"]}
    assert (
        f"sftp (pid {server.pid}) has ended: killed by SIGKILL; log: {server.log}"
        in (sandbox.logs / "watchdog.log").read_text()
    )


def raising(error: Exception) -> Callable[..., None]:
    def refuse(*_arguments: object, **_named: object) -> None:
        raise error

    return refuse


def test_while_airflow_comes_up_a_part_that_ends_is_shown(sandbox, watchdog, monkeypatch):
    started = part(monkeypatch, SCHEDULER, ["sh", "-c", "echo no such executor; exit 3"])(watchdog.run)
    assert processes.still_there([psutil.Process(started.pid)], 5) == []
    watchdog.look()

    with pytest.raises(processes.ProcessFailed, match=r"(?s)scheduler ended .*exit code 3.*no such executor"):
        stack.raise_what_ended(sandbox)


def test_a_scheduler_that_has_lost_a_worker_is_started_again(sandbox, watchdog, monkeypatch):
    """The killed worker has locked the queue: tasks would stay queued while every health check is green."""
    first = part(monkeypatch, SCHEDULER, [sys.executable, "-c", SCHEDULER_OF_TWO])(watchdog.run)
    deadline = time.monotonic() + 60
    while len(watchdog.workers) < 2:
        assert time.monotonic() < deadline
        watchdog.look()
    killed, other = watchdog.workers
    killed.kill()
    assert processes.still_there([killed], 5) == []

    watchdog.look()
    assert processes.still_there([psutil.Process(first.pid), other], 5) == []
    watchdog.look()

    assert only(sandbox).process() is not None
    (how,) = sandbox.read_state().ended[SCHEDULER]
    assert f"its worker {killed.pid} was killed" in how

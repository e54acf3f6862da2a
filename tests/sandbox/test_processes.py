"""Only what the sandbox started is ended, and all of it."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sandbox import processes

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
RUNAWAY = "import subprocess, time; subprocess.Popen(['sleep', '60'], start_new_session=True); time.sleep(60)"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "process.log"


def test_a_process_of_the_same_number_is_somebody_elses(log):
    started = processes.start("sleep", ["sleep", "60"], log=log)
    former = replace(started, born=started.born - 1)

    processes.end(former)

    assert started.process() is not None
    processes.end(started)
    assert started.process() is None


def test_one_that_ignores_the_signal_is_killed(log):
    started = processes.start("stubborn", [sys.executable, "-c", STUBBORN], log=log)
    time.sleep(0.3)

    processes.end(started, grace=0.3)

    assert started.process() is None


def test_children_of_the_group_end_too(log):
    started = processes.start("shell", ["sh", "-c", "sleep 60 & sleep 60"], log=log)
    deadline = time.monotonic() + 60
    while len(children := psutil.Process(started.pid).children()) < 2:
        assert time.monotonic() < deadline

    processes.end(started)

    _, left = psutil.wait_procs(children, timeout=5)
    assert left == []


def test_one_that_left_the_group_is_found_by_its_mark(log, tmp_path):
    mark = str(tmp_path)
    environment = os.environ | {processes.MARK: mark}
    started = processes.start("runaway", [sys.executable, "-c", RUNAWAY], log=log, env=environment)
    deadline = time.monotonic() + 60
    while len(processes.marked(mark)) < 2:
        assert time.monotonic() < deadline
    processes.end(started)
    assert [process.name() for process in processes.marked(mark)] == ["sleep"]

    assert processes.end_marked(mark) == 1
    assert processes.marked(mark) == []


def test_a_process_that_ends_while_starting_shows_its_exit_code_and_its_log(log):
    started = processes.start("broken", ["sh", "-c", "echo no such option; exit 2"], log=log)

    with pytest.raises(processes.ProcessFailed) as failed:
        processes.wait_until(lambda: False, started, seconds=10)

    assert str(failed.value) == (
        f"broken ended while starting: exit code 2. {log} ends with:\nno such option"
    )


def test_a_process_that_was_killed_is_told_from_one_that_failed(log):
    started = processes.start("sleep", ["sleep", "60"], log=log)
    os.kill(started.pid, signal.SIGKILL)
    processes.still_there([psutil.Process(started.pid)], 5)

    subprocess.run(["true"], check=True)  # it reaps the children that nobody holds any more

    assert started.ending() == "killed by SIGKILL"


def test_a_process_stays_the_same_when_the_clock_is_set(log, monkeypatch):
    started = processes.start("sleep", ["sleep", "60"], log=log)

    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: 1_000_000_000.0)

    assert started.process() is not None
    processes.end(started)
    assert started.process() is None


def test_what_a_process_of_ours_makes_is_for_us_only(log, tmp_path):
    started = processes.start("touch", ["touch", tmp_path / "made"], log=log)

    processes.finish(started, seconds=10)

    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600


def test_a_child_that_outlived_its_group_leader_is_killed(log, tmp_path):
    environment = os.environ | {processes.MARK: str(tmp_path)}
    started = processes.start("leader", ["sh", "-c", "sleep 60 & wait"], log=log, env=environment)
    deadline = time.monotonic() + 60
    while not (children := psutil.Process(started.pid).children()):
        assert time.monotonic() < deadline
    os.kill(started.pid, signal.SIGKILL)

    processes.kill_group(started, str(tmp_path))

    assert processes.still_there(children, 5) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_it_ends_with_the_process_that_started_it(tmp_path):
    code = (
        "import os, pathlib, signal; from sandbox import processes; "
        f"s = processes.start('sleep', ['sleep', '60'], log=pathlib.Path({str(tmp_path / 'log')!r}), "
        "ends_with_us=signal.SIGTERM); print(s.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    include = str(Path(processes.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": include}
    )

    assert done.returncode == -signal.SIGKILL
    pid = int(done.stdout)
    deadline = time.monotonic() + 60
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_secret_is_readable_by_its_owner_only(tmp_path):
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)

    processes.write_secret(path, "new")

    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)


def test_a_zombie_has_ended():
    child = psutil.Popen(["true"])
    while child.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)

    assert processes.still_there([psutil.Process(child.pid)], 10) == []

    child.wait()

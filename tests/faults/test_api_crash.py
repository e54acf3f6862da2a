"""kill -9 of the server of the API while systems call it and repeat what was not answered."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import requests

from oms import crashpoints
from oms.api import adjustments  # noqa: F401 - registers the points
from sandbox import processes
from tests.web.conftest import Caller, sale, shop_floor, world  # noqa: F401 - fixtures

PROJECT = Path(__file__).parent.parent.parent
POINTS = [name for name in crashpoints.POINTS if name.startswith("api.")]


class Server:
    """The API in a process of its own, on a port that stays the same."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.port = processes.free_port(0)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, crash_at: str = "") -> None:
        paths = os.pathsep.join(str(PROJECT / part) for part in ("include", "plugins", "."))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.web_process", str(self.port), self.dsn],
            cwd=PROJECT,
            env=os.environ | {"PYTHONPATH": paths, "OMS_CRASH_AT": crash_at},
        )
        deadline = time.monotonic() + 60
        while not processes.listening(self.port):
            assert self.process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def killed_itself(self) -> bool:
        assert self.process is not None
        return self.process.wait(timeout=10) == -signal.SIGKILL


@pytest.fixture
def server(oms_dsn: str) -> Iterator[Server]:
    one = Server(oms_dsn)
    yield one
    one.kill()


@pytest.fixture
def caller(server: Server, oms_db: psycopg.Connection, shop_floor) -> Caller:
    return Caller(f"http://127.0.0.1:{server.port}", oms_db)


@pytest.mark.parametrize(
    "body", [sale(2), [sale(1), sale(1, idValue="999"), sale(1)]], ids=["object", "list"]
)
@pytest.mark.parametrize("point", POINTS)
def test_a_call_whose_answer_is_lost_applies_once(server: Server, caller: Caller, point: str, body):
    server.start(crash_at=point)
    with pytest.raises(requests.ConnectionError):
        caller.send(body, "k1")
    assert server.killed_itself(), f"{point} was not reached"
    server.start()

    told = caller.send(body, "k1")

    assert told.status_code in (200, 207)
    assert caller.position() == (8, 8)
    assert len(caller.entries()) == len(body) - 1 if isinstance(body, list) else 1


@pytest.mark.parametrize(("clients", "is_list"), [(3, True), (8, False)], ids=["lists", "single calls"])
def test_a_server_that_is_killed_again_and_again_loses_and_doubles_nothing(
    server: Server, caller: Caller, clients: int, is_list: bool
):
    server.start()
    at_work = threading.Event()
    at_work.set()

    def sell(name: str) -> tuple[int, int]:
        """Send calls until told to stop, each with its key until it is answered; return units and entries."""
        sold, entries = 0, 0
        while at_work.is_set():
            units = random.randint(1, 9)
            body = [sale(1)] * units if is_list else sale(units)
            while not is_applied(caller, body, f"{name}-{sold}"):
                pass
            sold += units
            entries += units if is_list else 1
        return sold, entries

    with ThreadPoolExecutor(clients) as pool:
        working = [pool.submit(sell, name) for name in "abcdefgh"[:clients]]
        for _ in range(4):
            time.sleep(random.uniform(0.3, 1.0))
            server.kill()
            server.start()
        at_work.clear()
        sold, entries = (sum(numbers) for numbers in zip(*(one.result() for one in working), strict=True))

    assert sold > 0
    assert caller.position() == (10 - sold, 10 - sold)
    assert len(caller.entries()) == entries


def is_applied(caller: Caller, body, key: str) -> bool:
    """Send a call once; whether it was answered, and all of it had an effect."""
    try:
        told = caller.send(body, key)
    except requests.RequestException:
        time.sleep(0.05)
        return False
    assert told.status_code in (200, 207), told.text
    return told.status_code == 200 or {one["status"] for one in told.json()} == {200}

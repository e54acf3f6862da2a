"""Changes of stock by API call: lists on one store's hot products, single calls beside a trivial handler.

Run: ``PYTHONPATH=include:plugins:. python -m tests.benchmarks.api [seconds] [rounds]``. Not a pass/fail test.

The server is Airflow's API server with one worker, the database a cluster of our own that flushes commits to
disk; the load comes from this process, on the same cores. Every call has an Idempotency-Key of its own.
"""

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from oms import database
from oms.api import tokens
from sandbox import postgres, processes
from sandbox.layout import PROJECT
from tests.benchmarks.report import Measured, percentile, record
from tests.oms.world import World

CALL = "/api/service/updateInventoryByIdentification"
TRIVIAL = "/bench/trivial"
HOT = 50
"""Products that sell."""
CALLERS = 8
numbers = count(1)


@dataclass
class Arm:
    """What one kind of call achieved: calls in a second by round, milliseconds of each call."""

    rates: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        spread = f"{min(self.rates):,.0f} to {max(self.rates):,.0f}"
        return (
            f"{statistics.median(self.rates):>8,.0f} calls/s ({spread}), "
            f"p50 {percentile(self.times, 50):.1f} ms, p95 {percentile(self.times, 95):.1f} ms"
        )


@contextmanager
def running_server() -> Iterator[tuple[int, str]]:
    """The server on a filled database: its port and a token."""
    home = Path(tempfile.mkdtemp(prefix="oms-api-bench-"))
    home.chmod(0o711)
    cluster = postgres.prepare(home / "postgres", port=processes.free_port(0))
    server: subprocess.Popen[bytes] | None = None
    try:
        postgres.start(cluster, ends_with_us=True)
        dsn = postgres.ensure_database(cluster, "oms", "bench")
        database.migrate(dsn)
        with database.transaction(dsn) as conn:
            token = tokens.create(conn, "bench", ["inventory:write"])
            fill(World(conn))
        port = processes.free_port(0)
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(str(PROJECT / part) for part in ("include", "plugins", ".")),
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_OMS_DB": dsn,
        }
        with (home / "server.log").open("wb") as log:
            command = [sys.executable, "-m", "tests.benchmarks.api_server", str(port)]
            server = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log)
        while not processes.listening(port):
            if server.poll() is not None:
                raise RuntimeError((home / "server.log").read_text()[-3000:])
            time.sleep(0.2)
        yield port, token
    finally:
        if server is not None:
            server.kill()
            server.wait()
        postgres.destroy(cluster)
        shutil.rmtree(home, ignore_errors=True)


def fill(world: World) -> None:
    """One store with its hot products."""
    world.facility("101")
    for number in range(HOT):
        product = world.product(f"HOT-{number}")
        world.stock(product, "101", 1_000_000)
        world.db.execute(
            """insert into oms.product_identification (product_id, identification_type_id, id_value)
               values (%s, 'SKU', %s)""",
            (product, f"HOT-{number}"),
        )


def sale(number: int) -> dict[str, object]:
    return {
        "idType": "SKU",
        "idValue": f"HOT-{number % HOT}",
        "availableDelta": -1,
        "facilityId": "101",
        "varianceReasonId": "POS_SALE",
    }


def single() -> str:
    return json.dumps(sale(next(numbers)))


def listed(size: int) -> str:
    return json.dumps([sale(next(numbers)) for _ in range(size)])


class Caller:
    """A connection that is kept, and as little work on this side as can be."""

    def __init__(self, port: int, token: str) -> None:
        self.token = token
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, path: str, body: str) -> int:
        """Send a call; return its status."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self.token}\r\nIdempotency-Key: {next(numbers)}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.socket.sendall((head + body).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._received()
        headers, _, rest = answer.partition(b"\r\n\r\n")
        length = next(
            int(line[15:]) for line in headers.lower().split(b"\r\n") if line.startswith(b"content-length:")
        )
        while len(rest) < length:
            rest += self._received()
        if b'"error"' in rest:
            raise RuntimeError(rest[:500].decode())
        return int(answer[9:12])

    def _received(self) -> bytes:
        if not (data := self.socket.recv(65536)):
            raise ConnectionError("the server has closed the connection")
        return data


def measure(
    connect: Callable[[], Caller], many: int, path: str, body: Callable[[], str], seconds: float, arm: Arm
) -> None:
    """So many callers send one call after the other for so many seconds, each on a connection of its own."""
    callers = [connect() for _ in range(many)]  # made anew: the server ends those that were idle for 5 s

    def work(caller: Caller) -> list[float]:
        times = []
        end = time.perf_counter() + seconds
        while (begun := time.perf_counter()) < end:
            status = caller.post(path, body())
            if status not in (200, 207):
                raise RuntimeError(f"{path} answered {status}")
            times.append((time.perf_counter() - begun) * 1000)
        return times

    with ThreadPoolExecutor(many) as pool:
        started = time.perf_counter()
        found = list(pool.map(work, callers))
        lasted = time.perf_counter() - started
    for caller in callers:
        caller.socket.close()
    arm.times += [one for times in found for one in times]
    arm.rates.append(sum(map(len, found)) / lasted)


def main(seconds: float = 3.0, rounds: int = 5) -> None:
    """Print what each arm achieved, interleaved, and the ratio of single calls to the trivial handler."""
    kinds: dict[str, tuple[str, Callable[[], str], int]] = {
        "trivial handler": (TRIVIAL, single, CALLERS),
        "single calls": (CALL, single, CALLERS),
        "lists of 50": (CALL, lambda: listed(50), 4),
        "lists of 100": (CALL, lambda: listed(100), 4),
    }
    arms = {name: Arm() for name in kinds}
    with running_server() as (port, token):
        for path in (TRIVIAL, CALL):
            measure(lambda: Caller(port, token), CALLERS, path, single, 1.0, Arm())
        for _ in range(rounds):
            for name, (path, body, many) in kinds.items():
                measure(lambda: Caller(port, token), many, path, body, seconds, arms[name])
    for name, arm in arms.items():
        print(f"  {name:<16} {arm}")
    report(arms)


def report(arms: dict[str, Arm]) -> None:
    """Print the figures and hand them to the summary."""
    rates = {name: statistics.median(arm.rates) for name, arm in arms.items()}
    ratio = rates["single calls"] / rates["trivial handler"]
    p95 = percentile(arms["single calls"].times, 95)
    changes = {size: size * rates[f"lists of {size}"] for size in (50, 100)}
    print(f"  single calls to the trivial handler: {ratio:.2f}")
    for size, rate in changes.items():
        print(f"  {rate:,.0f} changes/s in lists of {size}")
        record(Measured(f"API: changes of stock in lists of {size}", "≥ 1,000/s", f"{rate:,.0f}/s"))
    ours, other = f"{rates['single calls']:,.0f}/s", f"{rates['trivial handler']:,.0f}/s"
    record(
        Measured("API: single calls, against a trivial handler", "≥ 0.6", ours, other, ratio),
        Measured("API: a single call, p95", "≤ 50 ms", f"{p95:.1f} ms"),
    )


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]), *map(int, sys.argv[2:3]))

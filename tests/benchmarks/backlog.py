"""How fast many small files drain: a folder of one-line variance files after an outage, over SFTP.

    python -m tests.benchmarks.backlog [--files N]

Runs follow each other until the folder is empty, as Airflow starts them, without its own hops. The other arm
is one file with the same rows: what the work on rows alone costs. The server is as durable as a real one and
has Postgres' default number of locks.
"""

import argparse
import os
import platform
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paramiko
import psycopg

from oms import catalog, database, parameters
from oms.imports import applying, arrival, closing, landing
from oms.imports.jobs import Run
from sandbox import postgres, processes, sftp
from tests.benchmarks.imports import DURABLE
from tests.benchmarks.report import Measured, record
from tests.oms.imports.conftest import sftp_client

JOB = catalog.IMPORT_INVENTORY_VARIANCE
HEADER = "facilityId,idType,idValue,availableDelta,varianceReasonId\n"
PRODUCTS, STORES = 1000, 20

SEED = f"""
insert into oms.facility (facility_id, facility_name, facility_type_id)
select 'STORE_' || n, 'Store', 'RETAIL_STORE' from generate_series(1, {STORES}) as n;
insert into oms.product (product_id, internal_name, product_name) overriding system value
select n, 'SKU-' || n, 'P' from generate_series(1, {PRODUCTS}) as n;
insert into oms.product_identification (product_id, identification_type_id, id_value)
select n, 'SKU', 'SKU-' || n from generate_series(1, {PRODUCTS}) as n;
"""


def line(number: int) -> str:
    return f"STORE_{number % STORES + 1},SKU,SKU-{number % PRODUCTS + 1},{number % 7 + 1},VAR_MANUAL\n"


class FirstEntry:
    """Watches a database until the first ledger entry is there."""

    def __init__(self, dsn: str) -> None:
        self.started = time.perf_counter()
        self.seconds: float | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(dsn,))
        self._thread.start()

    def _watch(self, dsn: str) -> None:
        query = "select exists (select from oms.inventory_ledger where log_id is not null)"
        with psycopg.connect(dsn, autocommit=True) as conn:
            while not self._ended.wait(0.05):
                if conn.execute(query).fetchone()[0]:
                    self.seconds = time.perf_counter() - self.started
                    return

    def end(self) -> None:
        self._ended.set()
        self._thread.join()


def drain(dsn: str, files: paramiko.SFTPClient, folder: Path) -> dict[str, float]:
    """Run the job until the folder is empty; seconds by step."""
    params: dict[str, Any] = parameters.resolve(JOB, {}) | {"settleSeconds": 0}
    took = dict.fromkeys(("land", "apply", "close"), 0.0)
    runs = 0

    @contextmanager
    def timed(step: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        took[step] += time.perf_counter() - began

    while any(entry.is_file() for entry in folder.iterdir()):
        runs += 1
        run = Run(JOB.dag_id, f"bench_{runs}")
        with database.connect(dsn, autocommit=True) as conn, timed("land"):
            chunks = landing.land(conn, files, JOB, params, run, arrival.find(files, params))
        for chunk in chunks:
            with database.connect(dsn, autocommit=True) as conn, timed("apply"):
                applying.apply_chunk(conn, chunk, lambda: None)
        with database.connect(dsn, autocommit=True) as conn, timed("close"):
            closing.close(conn, files, JOB, run).raise_if_open()
    return took | {"runs": runs}


def measure(
    cluster: postgres.Cluster, server: sftp.Server, name: str, contents: dict[str, str]
) -> tuple[float, float]:
    """Drain these files into a database of their own; seconds in all, and until the first stock moved."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as conn:
        conn.execute(f"create database {name}")
    dsn = cluster.dsn(name)
    database.migrate(dsn)
    with psycopg.connect(dsn) as conn:
        conn.execute(SEED)
    folder = server.root / JOB.import_path
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file_name, content in contents.items():
        (folder / file_name).write_text(content)
    with sftp_client(server) as files:
        first = FirstEntry(dsn)
        try:
            took = drain(dsn, files, folder)
        finally:
            first.end()
    seconds = took["land"] + took["apply"] + took["close"]
    with psycopg.connect(dsn) as conn:
        units = conn.execute("select sum(qoh) from oms.inventory_item").fetchone()[0]
    print(
        f"{name}: {seconds:.1f} s, {len(contents) / seconds:.1f} files/s, first stock after "
        f"{first.seconds or 0:.1f} s (land {took['land']:.1f}, apply {took['apply']:.1f}, "
        f"close {took['close']:.1f}; {took['runs']} runs; {units} units)",
        flush=True,
    )
    return seconds, first.seconds or 0


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.benchmarks.backlog", description=__doc__)
    arguments.add_argument("--files", type=int, default=2000)
    options = arguments.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}", flush=True)
    home = Path(tempfile.mkdtemp(prefix="oms-bench-"))
    home.chmod(0o711)
    cluster = postgres.prepare(home / "pg", port=processes.free_port(0))
    server = sftp.prepare(home / "sftp", port=processes.free_port(0))
    serving = None
    try:
        postgres.start(cluster, settings=DURABLE, ends_with_us=True)
        serving = sftp.start(server, ends_with_us=True)
        lines = [line(number) for number in range(options.files)]
        many = {f"var_{number}.csv": HEADER + one for number, one in enumerate(lines)}
        single, _ = measure(cluster, server, "one_file", {"var.csv": HEADER + "".join(lines)})
        seconds, first = measure(cluster, server, "many_files", many)
        rate = options.files / seconds
        name = f"{options.files:,} one-line files, end to end, without Airflow's hops"
        record(
            Measured(name, "≥ 50 files/s", f"{rate:.0f} files/s"),
            Measured("… the same lines in one file", "", f"{single:.1f} s"),
            Measured("… until the first of them moves stock", "≤ 20 s", f"{first:.1f} s"),
        )
    finally:
        if serving is not None:
            processes.end(serving)
        postgres.destroy(cluster)
        shutil.rmtree(home)


if __name__ == "__main__":
    sys.exit(main())

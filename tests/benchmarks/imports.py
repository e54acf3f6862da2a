"""How fast a reset lands and applies, beside raw COPY and hand-written SQL for the same effect.

    python -m tests.benchmarks.imports [--rows N] [--changed PERCENT] [--repeat N] [--sftp] [--memory GB]

All arms run in turn, on one server and one state; medians, spread and the ratio are printed. The server is
as durable as a real one. `psql \\copy` is the raw copy of the same file: into a logged table with the file's
columns, made and committed before, so that every row goes through the WAL and is on disk at the end. Design
section 9: land and validate at most 1.0 x `psql \\copy` of the same file into a logged table, the whole
import at most 1.15 x the best hand-written SQL, the process at most 300 MB for a 1 GB file.
"""

import argparse
import base64
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import paramiko
import psycopg
from paramiko.sftp import CMD_DATA, CMD_READ, CMD_STATUS

from oms import catalog, database, parameters
from oms.imports import applying, arrival, closing, landing, staging
from sandbox import postgres, processes, sftp
from tests.benchmarks.report import Measured, record
from tests.oms.imports.conftest import sftp_client

JOB = catalog.IMPORT_INVENTORY_RESET
PRODUCTS = 50_000
LARGE = 7_000_000
"""Rows of the file that has a budget of its own against raw COPY."""
HEADER = b"facilityId,idType,idValue,availableQty\n"

DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "wal_level": "replica",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
}
"""What docker-compose.yaml and a default server have: nothing is gained by forgetting."""

SEED = """
set session_replication_role = replica;
insert into oms.facility (facility_id, facility_name, facility_type_id)
select 'STORE_' || n, 'Store', 'RETAIL_STORE' from generate_series(1, {facilities}) as n;
insert into oms.product (product_id, internal_name, product_name)
select n, 'SKU-' || n, 'P' from generate_series(1, {products}) as n;
insert into oms.product_identification (product_id, identification_type_id, id_value)
select n, 'SKU', 'SKU-' || n from generate_series(1, {products}) as n;
insert into oms.product_identification (product_id, identification_type_id, id_value)
select n, 'UPCA', (490000000000 + n)::text from generate_series(1, {products}) as n;
insert into oms.inventory_item (product_id, facility_id, qoh, atp)
select product, 'STORE_' || store, 50, 50
  from generate_series(1, {facilities}) as store, generate_series(1, {products}) as product;
insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, source_key)
select inventory_item_id, 50, 50, 'seed:' || inventory_item_id from oms.inventory_item;
set session_replication_role = origin;
vacuum analyze oms.inventory_item; vacuum analyze oms.inventory_ledger;
analyze oms.product; analyze oms.product_identification; analyze oms.facility;
checkpoint;
"""

HAND_WRITTEN = """
create unlogged table staging (line_number bigint generated always as identity, facility text, id_type text,
                               sku text, quantity text);
copy staging (facility, id_type, sku, quantity) from stdin (format csv, header);
analyze staging;
create unlogged table resolved as
select staging.line_number + 1 as line_number, item.inventory_item_id, staging.quantity::integer as quantity
  from staging
  join oms.facility on facility.facility_id = staging.facility
  join oms.product_identification as identification
    on identification.identification_type_id = staging.id_type
   and identification.id_value = staging.sku
   and identification.thru_date is null
  join oms.product using (product_id)
  join oms.inventory_item as item
    on item.product_id = product.product_id and item.facility_id = facility.facility_id
   and item.location_seq_id = 'TLTLTLLL01'
 where not product.is_virtual;
analyze resolved;
create unlogged table changed as
select resolved.*
  from resolved
  join (select inventory_item_id, max(line_number) as line_number
          from resolved
         group by inventory_item_id) as last
       using (inventory_item_id, line_number)
  join oms.inventory_item as item using (inventory_item_id)
 where item.atp <> resolved.quantity;
with locked as materialized (
    select changed.line_number, item.inventory_item_id, changed.quantity - item.atp as diff
      from changed join oms.inventory_item as item using (inventory_item_id)
     order by item.facility_id, item.product_id, item.location_seq_id
       for no key update of item)
insert into oms.inventory_ledger
       (inventory_item_id, qoh_diff, atp_diff, reason_id, log_id, line_number, run_id)
select inventory_item_id, diff, diff, 'VAR_EXT_RESET', {log_id}, line_number, 'hand'
  from locked
 where diff <> 0;
drop table staging, resolved, changed;
"""


class LocalFiles:
    """A folder of this machine behind the calls of an SFTP client: the import without the network."""

    def __init__(self, root: Path, host_key: str) -> None:
        self.root = root
        self.host_key = paramiko.Ed25519Key(data=base64.b64decode(host_key.split()[1]))
        self.asked: deque[tuple[Any, ...]] = deque()
        self.requests = 0

    def get_channel(self) -> SimpleNamespace:
        """The way to the key by which an import recognises its server."""
        transport = SimpleNamespace(get_remote_server_key=lambda: self.host_key)
        return SimpleNamespace(get_transport=lambda: transport, closed=False)

    def listdir_attr(self, path: str) -> list[SimpleNamespace]:
        return [self._attributes(one) for one in (self.root / path).iterdir()]

    def stat(self, path: str) -> SimpleNamespace:
        return self._attributes(self.root / path)

    def _attributes(self, path: Path) -> SimpleNamespace:
        found = path.stat()
        return SimpleNamespace(
            filename=path.name, st_mode=found.st_mode, st_size=found.st_size, st_mtime=int(found.st_mtime)
        )

    @contextmanager
    def open(self, path: str, mode: str) -> Iterator[SimpleNamespace]:
        with (self.root / path).open(mode) as file:
            yield SimpleNamespace(handle=file)

    def _async_request(self, transfer: Any, kind: int, file: Any, at: int, what: Any) -> int:
        """A read of so many bytes, or a write of some; its answer is there at once."""
        if kind == CMD_READ:
            data = os.pread(file.fileno(), what, at)
            answer = (CMD_DATA, SimpleNamespace(get_binary=lambda: data)) if data else (CMD_STATUS, "end")
        else:
            file.write(what)
            answer = (CMD_STATUS, "done")
        self.asked.append((transfer, *answer))
        self.requests += 1
        return self.requests

    def _read_response(self) -> None:
        transfer, kind, message = self.asked.popleft()
        transfer._async_response(kind, message, self.requests - len(self.asked))

    def _convert_status(self, message: str) -> None:
        if message == "end":
            raise EOFError

    def posix_rename(self, old: str, new: str) -> None:
        (self.root / old).rename(self.root / new)

    def mkdir(self, path: str) -> None:
        (self.root / path).mkdir()


def write_file(path: Path, rows: int, figure: Callable[[int], int]) -> None:
    """A reset file of `rows` positions, store by store."""
    with path.open("wb") as out:
        out.write(HEADER)
        for start in range(0, rows, PRODUCTS):
            store = f"STORE_{start // PRODUCTS + 1}"
            out.write(
                "".join(
                    f"{store},SKU,SKU-{n + 1},{figure(start + n)}\n"
                    for n in range(min(PRODUCTS, rows - start))
                ).encode()
            )


@contextmanager
def timed(times: list[float]) -> Iterator[None]:
    started = time.perf_counter()
    yield
    times.append(time.perf_counter() - started)


def report(name: str, ours: list[float], other_name: str, other: list[float], budget: str) -> None:
    def line(label: str, times: list[float]) -> str:
        spread = f"{min(times):.2f}-{max(times):.2f}"
        return f"  {label:<34} {statistics.median(times):7.2f} s  ({spread})"

    print(f"{name}\n{line('ours', ours)}\n{line(other_name, other)}", flush=True)
    mine, others = statistics.median(ours), statistics.median(other)
    print(f"  ratio {mine / others:.2f} (budget {budget})\n", flush=True)
    record(
        Measured(f"{name}, against {other_name}", budget, f"{mine:.1f} s", f"{others:.1f} s", mine / others)
    )


class Bench:
    """A server, a seeded database, and the folder that files are dropped into."""

    def __init__(self, dsn: str, home: Path, files: LocalFiles, options: argparse.Namespace) -> None:
        self.dsn, self.options = dsn, options
        self.home = home
        self.folder = home / "sftp" / "root" / JOB.import_path
        self.folder.mkdir(parents=True)
        self.files: Any = files
        self.turn = 0

    def figure(self) -> Callable[[int], int]:
        """Figures of which the wanted share differs from what every turn before has left."""
        self.turn += 1
        turn, every = self.turn, max(1, round(100 / self.options.changed))
        return lambda n: 50 + turn if n % every == 0 else 50

    def raw_copy(self, times: list[float], path: Path) -> None:
        """psql \\copy into a logged table with the columns of the file."""
        psql = postgres.binary_dir() / "psql"
        table = "create table raw (facility text, id_type text, sku text, quantity text)"
        copy = rf"\copy raw from '{path}' (format csv, header)"
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            conn.execute(table)
            with timed(times):
                subprocess.run([psql, self.dsn, "-qc", copy], check=True)
            conn.execute("drop table raw")
            conn.execute("checkpoint")

    def land(self, times: list[float]) -> list[dict[str, Any]]:
        params = parameters.resolve(JOB, {"groupBy": ""}) | {"settleSeconds": 0}
        with database.connect(self.dsn, autocommit=True) as conn, timed(times):
            return landing.land(conn, self.files, JOB, params, self.run, arrival.find(self.files, params))

    @property
    def run(self) -> landing.Run:
        return landing.Run(JOB.dag_id, f"bench_{self.turn}")

    def finish(self, chunks: list[dict[str, Any]], times: list[float]) -> None:
        with database.connect(self.dsn, autocommit=True) as conn:
            with timed(times):
                for chunk in chunks:
                    applying.apply_chunk(conn, chunk, lambda: None)
                account = closing.close(conn, self.files, JOB, self.run)
            account.raise_if_open()
            conn.execute("checkpoint")

    def hand_written(self, times: list[float], path: Path) -> None:
        with database.connect(self.dsn) as conn:
            conn.execute(staging.sql.session_settings)
            (log_id,) = conn.execute(
                """insert into oms.import_log
                          (config_id, dag_id, run_id, connection_id, remote_path, file_name,
                           domain, kind, schedule_now, status, closed_at)
                   values ('HAND', 'hand', 'hand', 'hand', 'x', 'x',
                           'X', 'reset', true, 'DmlsCancelled', now())
                   returning log_id"""
            ).fetchone()
            with timed(times):
                for statement in HAND_WRITTEN.format(log_id=log_id).split(";\n"):
                    if statement.strip().startswith("copy"):
                        with path.open("rb") as source, conn.cursor().copy(statement) as copy:
                            while block := source.read(1 << 18):
                                copy.write(block)
                    elif statement.strip():
                        conn.execute(statement)
                conn.commit()
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            conn.execute("checkpoint")


def compare(bench: Bench) -> None:
    rows, changed = bench.options.rows, bench.options.changed
    raw, hand, landed, whole = [], [], [], []
    for _ in range(bench.options.repeat):
        path = bench.home / "file.csv"
        write_file(path, rows, bench.figure())
        bench.hand_written(hand, path)
        bench.raw_copy(raw, path)
        write_file(path, rows, bench.figure())
        path.replace(bench.folder / "file.csv")
        took: list[float] = []
        chunks = bench.land(landed)
        bench.finish(chunks, took)
        whole.append(landed[-1] + took[0])
        print(
            f"  land {landed[-1]:.2f} rest {took[0]:.2f} | copy {raw[-1]:.2f} hand {hand[-1]:.2f}", flush=True
        )
    report(f"land and validate {rows:,} rows", landed, "psql \\copy", raw, "≤ 1.0")
    name = f"import of {rows:,} rows, {changed:g} % changed"
    report(name, whole, "hand-written SQL", hand, "≤ 1.15")
    report(name, whole, "psql \\copy", raw, "≤ 4" if rows == LARGE and changed == 1 else "")


def measure_memory(bench: Bench, gigabytes: float) -> None:
    """The peak memory of a process that lands one large file."""
    rows = int(gigabytes * 1e9 / 31)
    with (bench.folder / "large.csv").open("wb") as out:
        out.write(HEADER)
        for start in range(0, rows, PRODUCTS):
            out.write(
                b"".join(
                    b"STORE_%d,SKU,SKU-%d,%d\n" % (start // PRODUCTS % 20 + 1, n, 50) for n in range(PRODUCTS)
                )
            )
    size = (bench.folder / "large.csv").stat().st_size
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times: list[float] = []
    bench.land(times)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{size / 1e9:.2f} GB landed in {times[0]:.1f} s; "
        f"peak {peak / 1024:.0f} MB, {before / 1024:.0f} before\n"
    )
    record(Measured(f"memory of a task that lands {size / 1e9:.1f} GB", "≤ 300 MB", f"{peak / 1024:.0f} MB"))


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.benchmarks.imports", description=__doc__)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--changed", type=float, default=1, help="percent of the rows that differ")
    arguments.add_argument("--repeat", type=int, default=5)
    arguments.add_argument("--sftp", action="store_true", help="read over SFTP instead of from this machine")
    arguments.add_argument("--memory", type=float, default=0, help="also land a file of this many GB")
    options = arguments.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}", flush=True)
    home = Path(tempfile.mkdtemp(prefix="oms-bench-"))
    home.chmod(0o711)
    cluster = postgres.prepare(home / "pg", port=processes.free_port(0))
    server = sftp.prepare(home / "sftp", port=processes.free_port(0))
    serving = None
    try:
        postgres.start(cluster, settings=DURABLE, ends_with_us=True)
        with psycopg.connect(cluster.dsn(), autocommit=True) as conn:
            conn.execute("create database bench")
        dsn = cluster.dsn("bench")
        database.migrate(dsn)
        facilities = max(20, -(-options.rows // PRODUCTS))
        with psycopg.connect(dsn, autocommit=True) as conn:
            shown = (f"{name} {conn.execute(f'show {name}').fetchone()[0]}" for name in DURABLE)
            print("; ".join(shown), flush=True)
            for statement in SEED.format(facilities=facilities, products=PRODUCTS).split(";"):
                conn.execute(statement or "select 1")
        bench = Bench(dsn, home, LocalFiles(home / "sftp" / "root", server.host_key), options)
        if options.sftp:
            serving = sftp.start(server, ends_with_us=True)
            with sftp_client(server) as bench.files:
                compare(bench)
        else:
            compare(bench)
        if options.memory:
            measure_memory(bench, options.memory)
    finally:
        if serving is not None:
            processes.end(serving)
        postgres.destroy(cluster)
        shutil.rmtree(home)


if __name__ == "__main__":
    sys.exit(main())

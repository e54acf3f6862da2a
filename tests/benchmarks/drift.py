"""The drift report: naming 5,000 seeded differences, and comparing 1,000,000 levels.

Run: ``PYTHONPATH=include:. python -m tests.benchmarks.drift [levels] [differences]``. Not a pass/fail test.

The comparison is measured beside the bare full outer join of the same two tables, interleaved; both are in
temporary tables of the session, as in a run. Naming is measured with the local shop over HTTP.
"""

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fakeshop.testing import running_shop
from oms import database
from oms.books import findings
from oms.database import Connection
from oms.drift import report
from oms.sync import snapshot
from sandbox import postgres, processes, sftp
from tests.benchmarks.report import Measured, record
from tests.oms.drift.conftest import patient
from tests.oms.drift.seeds import CAUSES, seed
from tests.oms.imports.conftest import sftp_client
from tests.oms.sync.bench import bench

LOCATIONS = 4
ROUNDS = 5
BARE = """select count(*)
            from pg_temp.plan_level as level
            full join pg_temp.drift_reading as reading
              on reading.shopify_location_id = level.shopify_location_id
             and reading.shopify_inventory_item_id = level.shopify_inventory_item_id"""


@contextmanager
def cluster() -> Iterator[str]:
    """A Postgres of our own with a migrated database."""
    home = Path(tempfile.mkdtemp(prefix="oms-drift-"))
    home.chmod(0o711)
    made = postgres.prepare(home, port=processes.free_port(0))
    try:
        postgres.start(made, ends_with_us=True)
        with database.connect(made.dsn(), autocommit=True) as conn:
            conn.execute("create database oms")
        database.migrate(made.dsn("oms"))
        yield made.dsn("oms")
    finally:
        postgres.destroy(made)
        shutil.rmtree(home, ignore_errors=True)


def fill(conn: Connection, levels: int) -> None:
    """Both sides of the comparison; one level in 200 differs."""
    conn.execute(snapshot.sql.make_workspace)
    findings.make_workspace(conn)
    conn.execute(report.sql.make_workspace)
    values = {"levels": levels, "locations": LOCATIONS}
    conn.execute(
        """insert into pg_temp.plan_level (shopify_location_id, shopify_inventory_item_id, product_id,
                                           guarded, by_on_hand, desired, book, told, opened, set_aside)
           select number %% %(locations)s + 1, number, number,
                  true, false, number %% 50, number %% 50, 0, true, false
             from generate_series(1, %(levels)s) as number order by hashint8(number)""",
        values,
    )
    conn.execute(
        """insert into pg_temp.drift_reading
           select number %% %(locations)s + 1, number, true, true,
                  number %% 50 + case when number %% 200 = 0 then 1 else 0 end, 0, 0, number %% 50, now()
             from generate_series(1, %(levels)s) as number order by hashint8(number + 1)""",
        values,
    )
    conn.execute("analyze pg_temp.plan_level, pg_temp.drift_reading")


def compared(conn: Connection) -> float:
    """Seconds of one comparison, the differences stored."""
    conn.execute("drop table if exists pg_temp.drift_candidate")
    started = time.monotonic()
    report.find_differences(conn, [*range(1, LOCATIONS + 1)])
    return time.monotonic() - started


def bare(conn: Connection) -> float:
    """Seconds of the join alone."""
    started = time.monotonic()
    conn.execute(BARE).fetchall()
    return time.monotonic() - started


def compare(dsn: str, levels: int) -> None:
    """Print medians and spread of both arms and their ratio."""
    with database.connect(dsn, autocommit=True) as conn:
        fill(conn, levels)
        arms: dict[str, list[float]] = {"comparison": [], "bare full outer join": []}
        for _ in range(ROUNDS):
            arms["comparison"].append(compared(conn))
            arms["bare full outer join"].append(bare(conn))
        (found,) = conn.execute("select count(*) from pg_temp.drift_candidate").fetchone()
    print(f"{levels:,} levels, {found:,} differ, {ROUNDS} rounds")
    for name, taken in arms.items():
        print(f"  {name:<22} {statistics.median(taken):6.2f} s  ({min(taken):.2f} to {max(taken):.2f})")
    ours, other = (statistics.median(taken) for taken in arms.values())
    print(f"  ratio {ours / other:.2f}")
    what = f"drift: {levels:,} levels compared, against the bare full outer join"
    record(Measured(what, "≤ 3", f"{ours:.1f} s", f"{other:.1f} s", ours / other))


def name(dsn: str, differences: int) -> None:
    """Print how many of the seeded differences are named rightly, and how long a report takes."""
    home = Path(tempfile.mkdtemp(prefix="oms-drift-"))
    server = sftp.prepare(home / "sftp", port=processes.free_port(0))
    started = sftp.start(server, ends_with_us=True)
    try:
        with (
            running_shop(home / "shop") as shop,
            bench(shop, dsn) as oms,
            sftp_client(server) as files,
            database.connect(dsn, autocommit=True) as conn,
        ):
            expected = seed(oms, files, server.root, each=differences // len(CAUSES), clean=differences)
            began = time.monotonic()
            drift = report.compare(conn, patient(oms), "demo", "benchmark")
            seconds = time.monotonic() - began
            rows = conn.execute("select sku, cause from oms.drift_line").fetchall()
    finally:
        processes.end(started)
        shutil.rmtree(home, ignore_errors=True)
    right = sum(expected.get(sku) == cause for sku, cause in rows)
    share = 100 * right / max(len(expected), len(rows))
    print(f"{len(expected):,} seeded differences of {len(CAUSES)} causes among {drift.our_levels:,} levels")
    print(f"  {right:,} named rightly ({share:.2f} %), {len(rows):,} reported, in {seconds:.1f} s")
    record(Measured(f"drift: {len(expected):,} differences named rightly", "≥ 99 %", f"{share:.2f} %"))


def main(levels: int = 1_000_000, differences: int = 5_000) -> None:
    with cluster() as dsn:
        compare(dsn, levels)
        name(dsn, differences)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

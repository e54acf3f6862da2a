"""Online ATP of all products at once, against the plain sum of the same positions.

Run: ``PYTHONPATH=include:. python tests/benchmarks/figures.py [products] [rounds]``. Not a pass/fail test.

Twelve facilities; a twelfth of the positions has a safety stock, every tenth product a threshold, and 50,000
orders wait in the queue. The plain sum reads the same positions, without floors, thresholds or queue.
"""

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oms import database
from oms.database import Connection
from sandbox import postgres, processes
from tests.benchmarks.report import Measured, record
from tests.oms.world import World

FACILITIES = 12
ORDERS = 50_000
FIGURES = "select count(*), sum(online_atp) from oms.online_atp('FAC_GRP')"
PLAIN_SUM = """select count(*), sum(atp) from (select product_id, sum(atp) as atp
                 from oms.inventory_item group by product_id) as plain"""


@contextmanager
def filled_database(products: int) -> Iterator[Connection]:
    """A cluster of our own, filled straight into the tables: the ledger is not what is measured."""
    home = Path(tempfile.mkdtemp(prefix="oms-figures-"))
    home.chmod(0o711)
    cluster = postgres.prepare(home, port=processes.free_port(0))
    try:
        postgres.start(cluster, ends_with_us=True)
        with database.connect(cluster.dsn(), autocommit=True) as conn:
            conn.execute("create database oms")
        database.migrate(cluster.dsn("oms"))
        with database.connect(cluster.dsn("oms"), autocommit=True) as conn:
            fill(conn, products)
            yield conn
    finally:
        postgres.destroy(cluster)
        shutil.rmtree(home, ignore_errors=True)


def fill(conn: Connection, products: int) -> None:
    """Products, a position of each at each facility, settings, waiting orders."""
    world = World(conn)
    for number in range(FACILITIES):
        world.facility(f"F{number}")
    sizes = {"products": products, "facilities": FACILITIES, "orders": min(ORDERS, products)}
    for statement in (
        """insert into oms.product (product_id, internal_name, product_name)
           select number, 'P' || number, 'P' from generate_series(1, %(products)s) as number""",
        """insert into oms.inventory_item (product_id, facility_id, qoh, atp)
           select product, 'F' || place, product * place %% 20, product * place %% 20 - 1
             from generate_series(1, %(products)s) as product,
                  generate_series(0, %(facilities)s - 1) as place""",
        """insert into oms.product_facility (product_id, facility_id, minimum_stock)
           select product, 'F' || product %% %(facilities)s, 2
             from generate_series(1, %(products)s) as product
            union all
           select product, 'CONFIGURATION', 5 from generate_series(1, %(products)s, 10) as product""",
        """insert into oms.order_header (product_store_id, status)
           select 'STORE', 'APPROVED' from generate_series(1, %(orders)s)""",
        "insert into oms.order_ship_group select order_id, 1, '_NA_' from oms.order_header",
        """insert into oms.order_item (order_id, order_item_seq, ship_group_seq, product_id, quantity, status)
           select order_id, 1, 1, order_id, 1, 'APPROVED' from oms.order_header""",
    ):
        conn.execute(statement, sizes)
    conn.execute("vacuum analyze")


def seconds(conn: Connection, query: str) -> float:
    """Run a query to its end."""
    started = time.monotonic()
    conn.execute(query).fetchall()
    return time.monotonic() - started


def main(products: int = 1_000_000, rounds: int = 3) -> None:
    """Print medians and spread of both arms, interleaved, and their ratio."""
    with filled_database(products) as conn:
        conn.execute("set work_mem = '256MB'")
        arms: dict[str, list[float]] = {FIGURES: [], PLAIN_SUM: []}
        for _ in range(rounds):
            for query, taken in arms.items():
                taken.append(seconds(conn, query))
        ids = ", ".join(map(str, range(1, 1001)))
        some = seconds(conn, f"select * from oms.online_atp('FAC_GRP', array[{ids}])")
    print(f"{products:,} products at {FACILITIES} facilities, {rounds} rounds")
    for name, taken in (("online ATP of all", arms[FIGURES]), ("plain sum", arms[PLAIN_SUM])):
        print(f"  {name:<20} {statistics.median(taken):7.2f} s  ({min(taken):.2f} to {max(taken):.2f})")
    ratio = statistics.median(arms[FIGURES]) / statistics.median(arms[PLAIN_SUM])
    print(f"  ratio {ratio:.1f};  online ATP of 1,000 products {some * 1000:.0f} ms")
    figures, plain = (f"{statistics.median(taken):.1f} s" for taken in arms.values())
    record(Measured(f"online ATP of {products:,} products, against a plain sum", "", figures, plain, ratio))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

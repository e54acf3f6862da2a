"""A push of 100,000 changed levels: on Standard against its rate limit, on Plus against a bare client.

Run: ``PYTHONPATH=include:. python tests/benchmarks/push.py [levels] [rounds]``. Not a pass/fail test.

Mode DELTA, the whole push: snapshot, plan, store, send, settle. Standard starts with an empty bucket, so
that the floor is points / 100 per second. Plus starts with a full one; the bare client there sends prepared
bodies of the same size over as many connections and stores nothing: it is compared for several answer
times of the shop. Arms are interleaved.
"""

import itertools
import json
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from fakeshop.testing import TOKEN, ShopServer, running_shop
from oms import database
from oms.shopify.client import ShopifyClient, gid
from oms.sync.options import PushOptions, Report
from oms.sync.push import push_shop
from sandbox import postgres, processes
from tests.benchmarks.report import Measured, record
from tests.oms.world import World

SHOP = "bench"
PARALLEL = PushOptions().parallel
LATENCIES = (0.0, 0.5, 1.5)  # seconds; the last is what spec shopify.md 8.1 assumes of the real shop
_moves = itertools.count()


@contextmanager
def oms_database() -> Iterator[str]:
    """A cluster of our own with its usual, durable settings."""
    home = Path(tempfile.mkdtemp(prefix="oms-push-"))
    home.chmod(0o711)
    cluster = postgres.prepare(home, port=processes.free_port(0))
    try:
        postgres.start(cluster, ends_with_us=True)
        with database.connect(cluster.dsn(), autocommit=True) as conn:
            conn.execute("create database oms")
        database.migrate(cluster.dsn("oms"))
        yield cluster.dsn("oms")
    finally:
        postgres.destroy(cluster)
        shutil.rmtree(home, ignore_errors=True)


def set_up(server: ShopServer, dsn: str, levels: int) -> tuple[int, list[int]]:
    """Fill the shop and an OMS that agrees with it; return the location and its items."""
    server.seed({"shops": [{"shop": SHOP, "access_token": TOKEN, "plan": "enterprise"}]})
    server.generate(SHOP, levels)
    rows = [(one["item"], one["sku"], one["available"], one["location"]) for one in server.levels(SHOP)]
    location = rows[0][3]
    with database.connect(dsn) as conn:
        World(conn).facility("WH", kind="WAREHOUSE")
        conn.execute(
            """insert into oms.shop (shop_id, shop_name, connection_id, product_store_id)
               values (%s, %s, %s, %s)""",
            (SHOP, SHOP, SHOP, "STORE"),
        )
        conn.execute(
            """insert into oms.shop_location
                      (shop_id, shopify_location_id, location_name, facility_group_id, sync_mode)
               values (%s, %s, 'Main', 'FAC_GRP', 'DELTA')""",
            (SHOP, location),
        )
        conn.execute("insert into oms.shop_location_facility values (%s, '_NA_', %s)", (SHOP, location))
        conn.execute("create temp table arrived (item bigint, sku text, available integer)")
        database.copy_rows(conn, "pg_temp.arrived", ("item", "sku", "available"), (row[:3] for row in rows))
        conn.execute("insert into oms.product (internal_name, product_name) select sku, sku from arrived")
        conn.execute(
            """insert into oms.shop_product
                      (shop_id, shopify_variant_id, shopify_product_id, shopify_inventory_item_id, product_id)
               select %s, item, item, item, product_id
                 from arrived join oms.product on internal_name = sku""",
            (SHOP,),
        )
        conn.execute(
            """insert into oms.inventory_item (product_id, facility_id)
               select product_id, 'WH' from oms.product"""
        )
        conn.execute(
            """insert into oms.inventory_ledger
                      (inventory_item_id, qoh_diff, atp_diff, reason_id, source_key)
               select inventory_item_id, available, available, 'VAR_MANUAL', 'bench:' || sku
                 from oms.inventory_item join oms.product using (product_id)
                 join arrived on sku = internal_name"""
        )
    with database.connect(dsn, autocommit=True) as conn:
        conn.execute("vacuum analyze")
    return location, [row[0] for row in rows]


def change_everything(dsn: str) -> None:
    """One more or one less of each product, in turns."""
    number = next(_moves)
    with database.connect(dsn) as conn:
        conn.execute(
            """insert into oms.inventory_ledger
                      (inventory_item_id, qoh_diff, atp_diff, reason_id, source_key)
               select inventory_item_id, %(diff)s, %(diff)s, 'VAR_MANUAL', format('bench:%%s:%%s',
                      inventory_item_id, %(number)s::int)
                 from oms.inventory_item""",
            {"diff": 1 if number % 2 == 0 else -1, "number": number},
        )


def push(server: ShopServer, dsn: str, mode: str) -> tuple[float, Report]:
    """Seconds of a push by a client that knows nothing yet, and its report."""
    client = ShopifyClient(server.base(SHOP), TOKEN)
    started = time.perf_counter()
    options = PushOptions(push_seconds=900, bulk_above_seconds=float("inf"))
    report = push_shop(lambda: database.connect(dsn), client, SHOP, mode, options, "bench")
    seconds = time.perf_counter() - started
    client.close()
    return seconds, report


def bare(server: ShopServer, location: int, items: list[int]) -> float:
    """Seconds of a client that does nothing but send, 250 changes a call."""
    bodies = []
    for start in range(0, len(items), 250):
        changes = [
            {
                "changeFromQuantity": None,
                "delta": 1,
                "inventoryItemId": gid("InventoryItem", item),
                "locationId": gid("Location", location),
            }
            for item in items[start : start + 250]
        ]
        given = {"changes": changes, "name": "available", "reason": "correction"}
        bodies.append(json.dumps({"input": given, "key": str(uuid.uuid4())}))
    client = ShopifyClient(server.base(SHOP), TOKEN)
    started = time.perf_counter()
    with ThreadPoolExecutor(PARALLEL) as pool:
        for answer in pool.map(lambda body: client.execute("adjust_inventory", body), bodies):
            assert answer["inventoryAdjustQuantities"]["inventoryAdjustmentGroup"]
    seconds = time.perf_counter() - started
    client.close()
    return seconds


def show(name: str, seconds: list[float]) -> float:
    """Print median and spread; return the median."""
    median = statistics.median(seconds)
    spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
    print(f"  {name:<34} {median:8.2f} s   ({spread}, {len(seconds)} rounds)")
    return median


def note_ratio(what: str, ours: float, other: float) -> None:
    """A line of the summary; both in seconds."""
    record(Measured(what, "≤ 1.15", f"{ours:.1f} s", f"{other:.1f} s", ours / other))


def compare_on_plus(
    server: ShopServer, dsn: str, location: int, items: list[int], latency: float, rounds: int
) -> None:
    """Our push and a bare client in turns, the shop taking `latency` seconds longer for each call."""
    if latency:
        server.fault("delay", operation="AdjustInventory", seconds=latency, count=None)
    ours: list[float] = []
    alone: list[float] = []
    for _ in range(rounds):
        server.bucket(SHOP, 20_000)
        alone.append(bare(server, location, items))
        server.bucket(SHOP, 20_000)
        change_everything(dsn)
        seconds, report = push(server, dsn, "DELTA")
        assert (report.applied, report.calls) == (len(items), -(-len(items) // 250)), report
        ours.append(seconds)
    server.clear_faults()
    print(f"Plus, full bucket, a call takes {latency:g} s and what the shop computes")
    pushed, bare_client = show("push", ours), show("bare client", alone)
    print(f"  ratio {pushed / bare_client:.2f} (budget 1.15)")
    what = f"{len(items):,} levels, Plus, calls of {latency:g} s, against a bare client"
    note_ratio(what, pushed, bare_client)


def main(levels: int = 100_000, rounds: int = 3) -> None:
    """Measure both plans and print the ratios."""
    calls = -(-levels // 250)
    home = Path(tempfile.mkdtemp(prefix="fakeshop-push-"))
    with oms_database() as dsn, running_shop(home) as server:
        location, items = set_up(server, dsn, levels)
        seconds, report = push(server, dsn, "HARD")
        print(f"{levels:,} levels; hard sync without a difference: {seconds:.2f} s, {report.calls} calls")
        server.switch(SHOP, plan="plus")
        for latency in LATENCIES:
            compare_on_plus(server, dsn, location, items, latency, rounds)
        server.switch(SHOP, plan="standard")
        floor = calls * 10 / 100
        times = []
        for _ in range(max(1, rounds - 1)):
            change_everything(dsn)
            server.bucket(SHOP, 0)
            seconds, report = push(server, dsn, "DELTA")
            assert report.applied == levels, report
            times.append(seconds)
        print(f"Standard, empty bucket; {report.calls} requests for {calls} calls")
        print(f"  floor {floor:.1f} s")
        ours = show("push", times)
        print(f"  ratio {ours / floor:.2f} (budget 1.15)")
        note_ratio(f"{levels:,} levels, Standard, against its rate limit", ours, floor)
    shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))

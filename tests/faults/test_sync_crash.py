"""kill -9 at every point of a push: the next run goes on, and the end is the one without the kill."""

from collections import Counter
from collections.abc import Iterator

import pytest

from fakeshop.testing import TOKEN, ShopServer
from oms import crashpoints, database
from oms.database import Connection
from oms.shopify.client import ShopifyClient
from oms.sync.options import PushOptions
from oms.sync.push import push_products, push_shop
from tests.faults.killing import killed_at
from tests.oms.sync.bench import Bench, bench

ONLY_BULK = {"push.bulk_started", "push.bulk_stored"}
POINTS = [
    name
    for name in crashpoints.POINTS
    if name.split(".")[0] in ("plan", "push", "settle") and name not in ONLY_BULK
]
ONLY_COMPARING = {"plan.levels_read", "plan.activated"}
ONLY_ACTIVATING = {"plan.activated"}
GOODS = [f"P{number}" for number in range(5)]


@pytest.fixture
def oms(shop_server: ShopServer, oms_dsn: str) -> Iterator[Bench]:
    with bench(shop_server, oms_dsn) as made:
        yield made


def run_push(dsn: str, base_url: str, mode: str, options: dict) -> None:
    client = ShopifyClient(base_url, TOKEN)
    given = PushOptions(**options)
    if mode == "RESTOCK":
        push_products(
            lambda: database.connect(dsn), client, "demo", mode, ["WH"], receive, given, "killed run"
        )
    else:
        push_shop(lambda: database.connect(dsn), client, "demo", mode, given, "killed run")


def receive(conn: Connection) -> list[int]:
    """Five units of each product come in at WH, once."""
    conn.execute(
        """insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, reason_id, source_key)
           select inventory_item_id, 5, 5, 'VAR_SCH_SHIP_RECV', format('R1:%s', product_id)
             from oms.inventory_item
            where facility_id = 'WH'
           on conflict do nothing"""
    )
    return [number for (number,) in conn.execute("select product_id from oms.inventory_item")]


def crash(oms: Bench, mode: str, point: str, options: dict) -> None:
    """Run a push that is killed at the point; it must get there."""
    killed_at(point, run_push, oms.dsn, oms.server.base("demo"), mode, options)


def leave_unsent(oms: Bench, mode: str) -> None:
    """A run that plans, and whose batch is throttled until its end."""
    oms.server.fault("throttle", operation="AdjustInventory", count=None)
    oms.push(mode, may_fail=True, push_seconds=0.1)
    oms.server.clear_faults()


def applied_by_key(oms: Bench) -> Counter:
    return Counter(oms.applied())


def applied_lines(oms: Bench) -> Counter:
    return Counter((sku, delta) for sku, delta, status in oms.lines() if status == "APPLIED")


@pytest.mark.parametrize("point", [None, *POINTS])
def test_a_hard_sync(oms: Bench, point: str | None):
    """An unsent batch is left over, an item is to be activated, a bundle is refused, several batches."""
    oms.open_shop(
        "demo", dict.fromkeys(GOODS, 10) | {"BUNDLE": {"bundle": True, "levels": {"Main": 10}}, "X": {}}
    )
    for sku, atp in ({sku: 10 for sku in GOODS} | {"BUNDLE": 9, "X": 4}).items():
        oms.move(sku, atp)
    oms.move("P0", +2)
    leave_unsent(oms, "RECENT")
    for number, sku in enumerate(GOODS):
        oms.move(sku, number - 7)
    options = {"limit": 2, "lines_at_once": 4, "activate_at_location": True, "retry_pause": 0.05}

    if point is not None:
        crash(oms, "HARD", point, options)
    oms.push("HARD", **options)

    expected = {"P0": 5, "P1": 4, "P2": 5, "P3": 6, "P4": 7, "BUNDLE": 10, "X": 4}
    assert {sku: oms.available(sku) for sku in expected} == expected
    assert {sku: oms.book(sku) for sku in expected} == expected
    changes = Counter({("P0", -5): 1, ("P1", -6): 1, ("P2", -5): 1, ("P3", -4): 1, ("P4", -3): 1})
    assert applied_lines(oms) == changes
    assert applied_by_key(oms) - Counter({("X", 4): 1}) == changes
    assert oms.push("HARD", **options).applied == 0


@pytest.mark.parametrize("point", [None, *[point for point in POINTS if point not in ONLY_ACTIVATING]])
def test_deltas(oms: Bench, point: str | None):
    """A delta of the run before is left over, a new one comes, an item is refused, another one is new."""
    oms.open_shop("demo", dict.fromkeys([*GOODS, "BUNDLE", "NEW"], 10), mode="DELTA")
    mapped = "update oms.shop_product set thru_date = %s where product_id = %s"
    oms.db.execute(mapped, ("now", oms.world.products["NEW"]))
    for sku in [*GOODS, "BUNDLE"]:
        oms.move(sku, 10)
    oms.push("HARD")
    oms.move("P0", +2)
    leave_unsent(oms, "DELTA")
    for number, sku in enumerate(GOODS):
        oms.move(sku, number - 7)
    oms.move("BUNDLE", -1)
    oms.unknown_item("BUNDLE")
    oms.db.execute(mapped, (None, oms.world.products["NEW"]))
    oms.move("NEW", 4)
    options = {"limit": 2, "lines_at_once": 2, "retry_pause": 0.05}

    if point is not None:
        crash(oms, "DELTA", point, options)
    oms.push("DELTA", **options)

    expected = {"P0": 5, "P1": 4, "P2": 5, "P3": 6, "P4": 7, "NEW": 4}
    assert {sku: oms.available(sku) for sku in expected} == expected
    assert {sku: oms.book(sku) for sku in expected} == expected
    changes = {("P0", +2): 1, ("P0", -7): 1, ("P1", -6): 1, ("P2", -5): 1, ("P3", -4): 1, ("P4", -3): 1}
    assert applied_lines(oms) == applied_by_key(oms) == Counter(changes | {("NEW", -6): 1})
    assert ("BUNDLE", -1, "REJECTED") in oms.lines()
    assert not {line for line in oms.lines() if line[2] not in ("APPLIED", "REJECTED")}
    assert oms.push("DELTA", **options).planned == 0


@pytest.mark.parametrize("mode", ["RECENT", "DELTA"])
@pytest.mark.parametrize("point", [None, "plan.stored", "push.marked_sent", "settle.stored"])
def test_a_location_that_has_lost_its_facility(oms: Bench, point: str | None, mode: str):
    oms.world.facility("S1")
    oms.open_shop("demo", dict.fromkeys(GOODS, 0), locations={"Main": ["_NA_"], "Old": ["S1"]}, mode=mode)
    for sku in GOODS:
        oms.move(sku, 3, "S1")
    oms.push("HARD")
    before = applied_by_key(oms)
    oms.db.execute("delete from oms.shop_location_facility where facility_id = 'S1'")
    options = {"limit": 2, "lines_at_once": 2, "retry_pause": 0.05}

    if point is not None:
        crash(oms, mode, point, options)
    oms.push(mode, **options)
    oms.push(mode, **options)

    assert {oms.available(sku, location="Old") for sku in GOODS} == {0}
    assert applied_by_key(oms) - before == Counter({(sku, -3): 1 for sku in GOODS})


@pytest.mark.parametrize("point", [None, "push.marked_sent", *sorted(ONLY_BULK), "settle.stored"])
def test_a_bulk_operation(oms: Bench, point: str | None):
    """More than the bucket holds: batches go as lines of a file; the next run follows it or resends."""
    oms.open_shop("demo", dict.fromkeys(GOODS, 10), mode="DELTA")
    for sku in GOODS:
        oms.move(sku, 10)
    oms.push("HARD")
    for sku in GOODS:
        oms.move(sku, -1)
    options = {"limit": 1, "retry_pause": 0.05, "bulk_above_seconds": -1.0, "push_seconds": 30.0}

    if point is not None:
        crash(oms, "DELTA", point, options)
    oms.push("DELTA", **options)
    assert len(oms.requests("RunBulkMutation")) == (0 if point == "push.marked_sent" else 1)

    assert {sku: oms.available(sku) for sku in GOODS} == dict.fromkeys(GOODS, 9)
    assert applied_lines(oms) == applied_by_key(oms) == Counter({(sku, -1): 1 for sku in GOODS})
    assert oms.push("DELTA", **options).planned == 0


@pytest.mark.parametrize("point", [None, *sorted(set(POINTS) - ONLY_COMPARING - {"plan.snapshot_taken"})])
def test_a_restock(oms: Bench, point: str | None):
    """A delta of the run before is left over, goods come in, an item is refused."""
    oms.open_shop("demo", dict.fromkeys(GOODS, 10), mode="DELTA")
    for sku in GOODS:
        oms.move(sku, 10)
    oms.push("HARD")
    oms.move("P0", +2)
    leave_unsent(oms, "RECENT")
    oms.unknown_item("P4")
    options = {"limit": 2, "retry_pause": 0.05}

    if point is not None:
        crash(oms, "RESTOCK", point, options)
    for _ in range(2):
        oms.come_in(receive, **options)

    expected = {"P0": 17, "P1": 15, "P2": 15, "P3": 15}
    assert {sku: oms.available(sku) for sku in expected} == expected
    assert {sku: oms.book(sku) for sku in expected} == expected
    assert applied_lines(oms) == applied_by_key(oms)
    assert ("P4", +5, "REJECTED") in oms.lines()
    assert oms.push("DELTA", **options).planned == 0

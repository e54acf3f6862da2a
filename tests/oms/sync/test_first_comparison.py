"""A location never compared with yet waits until its stock is known as a whole (snapshot.without_stock)."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from oms import database, locks
from oms.sync.errors import TooManyDrops
from oms.sync.options import Mode
from tests.oms.sync.bench import Bench

STORES = ("S1", "S2", "S3")


@pytest.fixture
def business(oms: Bench) -> Bench:
    """A shop with last night's levels; the OMS knows no stock yet."""
    for store in STORES:
        oms.world.facility(store)
    oms.open_shop("demo", {"A": 5, "B": 7, "C": 0})
    return oms


def file_comes_in(oms: Bench, chunks: int = 0) -> int:
    """A reset file whose rows are landed as so many chunks, or that is just being landed; return its log."""
    (load_id,) = oms.db.execute(
        "insert into oms.import_load (dag_id, run_id) values ('d', 'r') returning load_id"
    ).fetchone()
    for number in range(chunks):
        oms.db.execute(
            """insert into oms.import_chunk (load_id, chunk_no, label, row_count, facility_ids)
               values (%s, %s, 'x.csv', 1, '{S1}')""",
            (load_id, number),
        )
    (log_id,) = oms.db.execute(
        """insert into oms.import_log (config_id, dag_id, run_id, connection_id, remote_path, file_name,
                                       domain, kind, schedule_now, status, load_id)
           values ('RESET_INVENTORY', 'd', 'r', 'ftp', '/in/x.csv', 'x.csv', 'BALANCE', 'reset', true, %s, %s)
           returning log_id""",
        ("DmlsRunning" if chunks else "DmlsLanding", load_id if chunks else None),
    ).fetchone()
    return log_id


def chunk_done(oms: Bench, number: int) -> None:
    oms.db.execute("update oms.import_chunk set applied_at = now() where chunk_no = %s", (number,))


@pytest.mark.parametrize("mode", ["RECENT", "HARD"])
def test_a_location_whose_stock_nobody_has_told_yet_is_not_emptied(business: Bench, mode):
    report = business.push(mode)

    assert report.without_stock != ()
    assert business.applied() == []
    assert business.mark() is None


def test_a_hard_sync_before_the_products_are_known_is_no_comparison(business: Bench):
    """As in a fresh installation whose clock strikes first; the products come with changes of their own."""
    known = business.db.execute(
        "update oms.shop_product set thru_date = now() returning shopify_variant_id"
    ).fetchall()
    business.push("HARD")
    business.db.execute("update oms.shop_product set thru_date = null")
    business.db.execute(
        "insert into oms.product_change (product_id, cause) select product_id, 'mapped' from oms.product"
    )

    business.push("RECENT")

    assert len(known) == 3
    assert business.applied() == []


def test_a_mark_without_a_compared_level_is_no_comparison(business: Bench):
    """An installation that has stored such a mark already is not emptied either."""
    business.db.execute(
        """insert into oms.sync_mark (shop_id, shopify_location_id, snapshot, planned_by)
           values ('demo', %s, pg_current_snapshot(), 'earlier')""",
        (business.locations["demo", "Main"],),
    )

    assert business.push("RECENT", include_all=True).without_stock != ()
    assert business.applied() == []


def test_as_many_changes_as_levels_differ_though_pushes_run_all_the_while(business: Bench):
    """Products, then a file of three chunks; a push of each kind after each step and none is too early."""
    log_id = file_comes_in(business, chunks=len(STORES))
    for number, store in enumerate(STORES):
        business.move("A", 2, store)
        business.move("B", 1, store)
        for mode in ("RECENT", "HARD", "DELTA"):
            assert business.push(mode, may_fail=True).sent == 0
        chunk_done(business, number)
    business.db.execute(
        "update oms.import_log set status = 'DmlsFailed', closed_at = now() where log_id = %s", (log_id,)
    )

    business.push("RECENT")
    business.push("HARD")

    assert sorted(business.applied()) == [("A", +1), ("B", -4)]


def test_the_first_comparison_waits_for_a_file_that_is_being_landed(business: Bench):
    business.move("A", 5, "S1")
    log_id = file_comes_in(business)

    assert business.push("RECENT").without_stock != ()
    assert business.available("B") == 7

    business.db.execute("update oms.import_log set status = 'DmlsFailed', closed_at = now()")

    assert business.push("RECENT").without_stock == ()
    assert business.available("B") == 0
    assert log_id


def test_a_file_that_comes_while_a_push_waits_for_its_turn_counts_too(business: Bench):
    business.move("A", 4, "S1")
    lock = locks.LOCATION.of("demo", business.locations["demo", "Main"])
    with database.connect(business.dsn, autocommit=True) as other, ThreadPoolExecutor(1) as pool:
        locks.take(other, lock)
        push = pool.submit(business.push, "RECENT")
        while not business.db.execute(
            "select from pg_locks where locktype = 'advisory' and not granted"
        ).fetchall():
            time.sleep(0.02)
        file_comes_in(business)
        locks.give_back(other, lock)

        assert push.result().without_stock != ()
    assert business.applied() == []


def test_a_hard_sync_that_a_file_has_put_off_fails_so_that_it_is_repeated(business: Bench):
    """It is rung by files that change something; the one it waits for may change nothing."""
    business.mode("DELTA")
    business.move("A", 4, "S1")
    file_comes_in(business)

    report = business.push("HARD", may_fail=True)
    assert report.left_alone == report.without_stock != ()

    business.db.execute("update oms.import_log set status = 'DmlsFailed', closed_at = now()")
    business.push("HARD")
    assert sorted(business.applied()) == [("A", -1), ("B", -7)]


def test_a_first_comparison_by_whichever_job_does_not_empty_the_shop(oms: Bench):
    """A file of one product alone has come: the OMS knows nothing of the others."""
    oms.open_shop("demo", {f"P{number}": 5 for number in range(12)})
    oms.move("P0", 5)

    for _ in range(2):
        with pytest.raises(TooManyDrops, match=r"11 of 12.*upload_inventory"):
            oms.push("RECENT")
    assert (oms.applied(), oms.mark()) == ([], None)

    assert oms.push("HARD", max_drop_pct=None).applied == 11
    oms.move("P0", -1)
    assert oms.push("RECENT").applied == 1


@pytest.mark.parametrize("mode", ["HARD", "RECENT"])
def test_a_first_comparison_does_not_empty_a_small_shop(oms: Bench, mode: Mode):
    oms.open_shop("demo", {"P": 5, "Q": 5, "R": 5})
    oms.move("P", 5)

    with pytest.raises(TooManyDrops, match="2 of 3"):
        oms.push(mode)

    assert (oms.applied(), oms.mark()) == ([], None)


def test_a_location_that_would_be_emptied_keeps_no_other_from_being_served(oms: Bench):
    oms.world.facility("NEW")
    oms.open_shop("demo", dict.fromkeys("PQR", 5), locations={"Old": ["WH"], "New": ["NEW"]})
    for sku, units in (("P", 5), ("Q", 7), ("R", 5)):
        oms.move(sku, units)
    oms.move("P", 9, "NEW")

    with pytest.raises(TooManyDrops, match=f"location {oms.locations['demo', 'New']}: 2 of 3"):
        oms.push("RECENT")

    assert oms.lines() == [("Q", +2, "APPLIED")]
    assert [oms.available(sku, location="New") for sku in "PQR"] == [5, 5, 5]
    for sku in "QR":
        oms.move(sku, 5, "NEW")
    oms.push("RECENT")
    assert oms.available("P", location="New") == 9


def test_whatever_sells_out_later_goes_to_0(oms: Bench):
    skus = [f"P{number}" for number in range(12)]
    oms.open_shop("demo", dict.fromkeys(skus, 5))
    for sku in skus:
        oms.move(sku, 5)
    oms.push("RECENT")
    for sku in skus:
        oms.move(sku, -5)

    assert oms.push("RECENT").applied == 12

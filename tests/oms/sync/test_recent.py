"""Mode RECENT: compare what changed with Shopify, send the differences (spec inventory.md 7.1, 7.2)."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from psycopg import sql as composed

from oms import database
from oms.sync import storing
from tests.oms.sync.bench import Bench


def test_inv_01_only_what_changed_is_read_and_sent(oms: Bench):
    oms.open_shop("demo", {"A": 100, "B": 50, "C": 25, "D": 100, "E": 80})
    for sku, atp in {"A": 100, "B": 50, "C": 25, "D": 100, "E": 80}.items():
        oms.move(sku, atp)
    oms.push("RECENT")
    oms.move("A", -5)
    oms.move("C", +5)
    oms.server.clear_log()
    before = oms.mark()

    report = oms.push("RECENT")

    assert (report.candidates, report.planned, report.applied) == (2, 2, 2)
    assert oms.lines() == [("A", -5, "APPLIED"), ("C", +5, "APPLIED")]
    assert oms.batches() == [(2, "APPLIED", 1)]
    assert [oms.available(sku) for sku in "ABCDE"] == [95, 50, 30, 100, 80]
    assert len(oms.requests("AdjustInventory")) == len(oms.requests("LevelsOfItems")) == 1
    assert oms.mark() != before


def test_inv_04_unguarded_adds_back_what_shopify_sold(oms: Bench):
    oms.open_shop("demo", {"A": 5})
    oms.move("A", 5)
    oms.push("HARD")
    oms.server.place_order("demo", {"sku": "A", "quantity": 4})
    oms.move("A", -1, reason="VAR_DAMAGED")

    oms.push("RECENT")

    assert oms.lines() == [("A", +3, "APPLIED")]
    assert oms.available("A") == 4
    assert oms.book("A") == 4


def test_inv_04_guarded_leaves_it_deducted(oms: Bench):
    oms.open_shop("demo", {"A": 5})
    oms.move("A", 5)
    oms.push("HARD")
    oms.server.place_order("demo", {"sku": "A", "quantity": 4})
    oms.move("A", -1, reason="VAR_DAMAGED")

    oms.push("RECENT", guard_undownloaded_orders=True)

    assert oms.lines() == [("A", -1, "APPLIED")]
    assert oms.available("A") == 0
    assert oms.drifts() == []


def test_inv_05_a_change_is_taken_when_it_becomes_visible(oms: Bench):
    oms.open_shop("demo", {"P": 20})
    oms.move("P", 20)
    oms.push("RECENT")
    oms.move("P", -1, effective_at="2026-01-01 12:59:59+00")

    assert oms.push("RECENT").applied == 1
    assert oms.push("RECENT").candidates == 0
    assert oms.available("P") == 19


def test_inv_05_a_late_commit_is_sent_once(oms: Bench):
    oms.open_shop("demo", {"P": 20, "Q": 20})
    oms.move("P", 20)
    oms.move("Q", 20)
    oms.push("RECENT")
    with database.connect(oms.dsn) as late:
        oms.move("P", -1, conn=late)
        oms.move("Q", -2)  # younger, committed, taken by the next plan
        oms.push("RECENT")
        assert (oms.available("P"), oms.available("Q")) == (20, 18)
    oms.push("RECENT")
    oms.push("RECENT")

    assert oms.lines() == [("Q", -2, "APPLIED"), ("P", -1, "APPLIED")]


def test_inv_05_a_transaction_left_open_elsewhere_delays_nobody(oms: Bench):
    oms.open_shop("demo", {"P": 20})
    oms.move("P", 20)
    oms.push("RECENT")
    with database.connect(oms.dsn) as elsewhere:
        elsewhere.execute("create table left_open (x int)")
        oms.move("P", -1)
        oms.push("RECENT")

        assert oms.available("P") == 19
        elsewhere.rollback()


def test_inv_07_a_sale_between_comparing_and_sending_stays_sold(oms: Bench):
    oms.open_shop("demo", {"P": 100})
    oms.move("P", 95)
    with oms.at(storing.STORED, lambda: oms.server.place_order("demo", {"sku": "P", "quantity": 2})) as order:
        oms.push("RECENT")

    assert oms.lines() == [("P", -5, "APPLIED")]
    assert oms.available("P") == 93
    oms.import_order(order())
    assert oms.push("RECENT").unchanged == 1
    assert oms.available("P") == 93


def test_inv_07_a_change_by_hand_waits_for_the_hard_sync(oms: Bench):
    oms.open_shop("demo", {"P": 100})
    oms.move("P", 95)
    oms.push("RECENT")
    oms.server.adjust("demo", "P", "Main", delta=10)

    assert oms.push("RECENT").candidates == 0
    assert oms.available("P") == 105
    oms.push("HARD")
    assert oms.lines()[-1] == ("P", -10, "APPLIED")
    assert oms.available("P") == 95


def test_inv_12_a_repeated_run_sends_nothing(oms: Bench):
    oms.open_shop("demo", {"B": 10})
    oms.move("B", 12)
    oms.push("RECENT")

    assert oms.push("RECENT", include_all=True).planned == 0
    assert oms.available("B") == 12


def test_inv_31_a_and_c_together_send_a_change_once(oms: Bench):
    oms.open_shop("demo", {"A": 5})
    oms.move("A", 5)
    oms.push("HARD")
    oms.move("A", -1)

    oms.push("RECENT")
    assert oms.book("A") == 4
    assert oms.push("DELTA").planned == 0
    assert oms.available("A") == 4


def test_inv_55_a_change_after_the_mark_is_never_forgotten(oms: Bench):
    """Two transactions change one product; the plan sees the first only, the second still goes out."""
    oms.open_shop("demo", {"P": 20})
    oms.move("P", 20)
    oms.push("RECENT")
    oms.world.setting(oms.world.products["P"], "WH", 1)
    with database.connect(oms.dsn) as t1:
        t1.execute(
            "update oms.product_facility set minimum_stock = 3 where product_id = %s",
            (oms.world.products["P"],),
        )
        oms.push("RECENT")
        assert oms.available("P") == 19
    oms.push("RECENT")

    assert oms.available("P") == 17


@pytest.mark.parametrize("mode", ["RECENT", "DELTA"])
@pytest.mark.parametrize("table", ["facility_group_member", "product_store_facility"])
def test_a_facility_joins_and_leaves_its_channel_when_the_day_comes(oms: Bench, mode: str, table: str):
    oms.world.facility("S1")
    oms.open_shop("demo", {"P": 10, "Q": 4}, mode=mode)
    oms.move("P", 10)
    oms.move("P", 3, "S1")
    oms.move("Q", 4)
    dated = composed.SQL("update {} set from_date = %s, thru_date = %s where facility_id = 'S1'").format(
        composed.Identifier("oms", table)
    )
    oms.db.execute(dated, ("2099-01-01", None))
    began = datetime.now(UTC)
    oms.push("HARD")
    a_while = max(timedelta(seconds=0.5), 3 * (datetime.now(UTC) - began))  # longer than a push takes here
    joins = datetime.now(UTC) + a_while
    leaves = joins + 3 * a_while

    oms.db.execute(dated, (joins, leaves))
    assert oms.push(mode).candidates == 0
    time.sleep(max(0, (joins - datetime.now(UTC)).total_seconds()))
    report = oms.push(mode)
    assert (report.candidates, oms.available("P")) == (1, 13)
    time.sleep(max(0, (leaves - datetime.now(UTC)).total_seconds()))
    oms.push(mode)

    assert oms.lines() == [("P", +3, "APPLIED"), ("P", -3, "APPLIED")]
    assert oms.push(mode).candidates == 0

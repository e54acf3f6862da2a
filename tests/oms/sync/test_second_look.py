"""Guarded comparisons: what two looks have found is acted on (spec inventory.md 6.7, INV-38 to INV-43)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from oms import crashpoints
from oms.fulfillment import packing
from oms.orders.errors import PackedLocked
from oms.shopify import windows
from oms.sync import looks
from tests.oms import one_item
from tests.oms.sync.bench import Bench


def opened(oms: Bench, available: int = 10, **settings: Any) -> None:
    """A level in DELTA mode that was compared when shop and OMS had the same."""
    oms.open_shop("demo", {"P": available}, mode="DELTA", **settings)
    oms.move("P", available)
    oms.push("HARD")
    assert oms.lines() == []


def sell(oms: Bench, quantity: int = 2, **line: Any) -> dict:
    return oms.server.place_order("demo", {"sku": "P", "quantity": quantity, **line})


def cancel(oms: Bench, order: dict, restock: bool) -> None:
    oms.server.order_action("demo", order["id"], "cancel", restock=restock)


def till_sale(oms: Bench, quantity: int = 1) -> dict:
    """A sale at a till of the shop: paid and handed over at once."""
    order = sell(oms, quantity)
    oms.server.order_action("demo", order["id"], "fulfil")
    return order


@contextmanager
def importing(oms: Bench, **options: Any) -> Iterator[None]:
    """An import of orders and their changes, around what it takes in."""
    with windows.import_of_orders(oms.db, "demo", "import", **options):
        yield


def drift_entries(oms: Bench) -> list[int]:
    return [row[0] for row in oms.db.execute("select amount from oms.sync_book where kind = 'drift'")]


def at(monkeypatch: pytest.MonkeyPatch, point: str, act: Any) -> None:
    """Let something happen at a point of the next push, once."""
    done = []

    def happen(name: str) -> None:
        if name == point and not done:
            done.append(name)
            act()

    monkeypatch.setattr(crashpoints, "point", happen)


def test_inv_04_a_guarded_recent_run_leaves_it_deducted_after_the_import_too(oms: Bench):
    oms.open_shop("demo", {"A": 5}, mode="RECENT")
    oms.move("A", 5)
    oms.push("HARD", guard_undownloaded_orders=True)
    order = oms.server.place_order("demo", {"sku": "A", "quantity": 4})
    oms.move("A", -1, reason="VAR_DAMAGED")

    report = oms.push("RECENT", guard_undownloaded_orders=True)

    assert (oms.lines(), report.drifts, oms.available("A")) == ([("A", -1, "APPLIED")], 0, 0)
    oms.import_order(order)
    assert oms.push("RECENT", guard_undownloaded_orders=True).planned == 0
    assert oms.available("A") == oms.online("A") == 0


@pytest.mark.parametrize("moment", ["a", "b", "c"])
def test_inv_39_guard_and_import(oms: Bench, monkeypatch, moment: str):
    opened(oms, 20)
    oms.move("P", -1, reason="VAR_DAMAGED")
    orders = [sell(oms, 4)] if moment in "bc" else []
    if moment == "c":
        oms.import_order(orders[0])
    if moment == "b":
        at(monkeypatch, "plan.levels_read", lambda: oms.import_order(orders[0]))
    if moment == "a":
        at(monkeypatch, "plan.levels_read", lambda: oms.import_order(sell(oms, 4)))

    oms.push("HARD")

    assert (oms.lines(), oms.drifts()) == ([("P", -1, "APPLIED")], [])
    assert oms.available("P") == oms.online("P") == 15
    assert oms.push("DELTA").planned == oms.push("HARD").planned == 0


def test_inv_40_cancelled_without_restock(oms: Bench):
    opened(oms)
    order = sell(oms)
    number = oms.import_order(order)
    cancel(oms, order, restock=False)

    assert oms.push("HARD").planned == 0
    assert oms.drifts() == [-2]
    with importing(oms):
        one_item.cancel(oms.db, number, 1, 2, restocked=False)
    report = oms.push("HARD")

    assert (oms.lines(), oms.drifts(), drift_entries(oms)) == ([("P", +2, "APPLIED")], [], [])
    assert report.drifts_booked == 0
    assert oms.available("P") == oms.online("P") == oms.book("P") == 10


def test_inv_41_cancelled_after_packing(oms: Bench):
    opened(oms)
    order = sell(oms)
    number = oms.import_order(order)
    one_item.reserve(oms.db, number, 1, "WH")
    shipment = packing.pack(oms.db, number, "WH", key="packed")
    cancel(oms, order, restock=True)
    assert oms.available("P") == 10

    with pytest.raises(PackedLocked):
        one_item.cancel(oms.db, number, 1, 2, restocked=True)
    one_item.keep(oms.db, number, 1, 2, restocked=True)
    assert (oms.book("P"), oms.online("P")) == (10, 8)
    oms.push("DELTA")

    assert oms.lines() == [("P", -2, "APPLIED")]
    assert oms.available("P") == 8
    packing.ship(oms.db, shipment)
    assert oms.push("HARD").planned == 0
    assert (oms.drifts(), oms.online("P")) == ([], 8)


@pytest.mark.parametrize("mode", ["DELTA", "RECENT"])
def test_inv_42_a_by_hand(oms: Bench, mode: str):
    opened(oms)
    oms.mode(mode)
    oms.server.adjust("demo", "P", "Main", value=13)
    guarded = {"guard_undownloaded_orders": True}

    first = oms.push("HARD", **guarded)
    assert (first.planned, first.drifts, oms.drifts()) == (0, 1, [3])
    with importing(oms):
        pass
    second = oms.push("HARD", **guarded)

    assert (second.drifts, second.drifts_booked, oms.drifts(), drift_entries(oms)) == (0, 1, [], [3])
    assert oms.lines() == [("P", -3, "APPLIED")]
    assert oms.available("P") == oms.book("P") == 10
    third = oms.push("HARD", **guarded)
    assert (third.planned, third.drifts, third.drifts_booked) == (0, 0, 0)


def test_inv_42_b_at_the_till(oms: Bench):
    opened(oms)
    order = till_sale(oms)
    assert oms.push("HARD").planned == 0
    assert oms.drifts() == [-1]

    with importing(oms):
        take_in_till_sale(oms, order)
    report = oms.push("HARD")

    assert (report.planned, oms.drifts(), drift_entries(oms)) == (0, [], [])
    assert oms.available("P") == oms.online("P") == oms.book("P") == 9


def take_in_till_sale(oms: Bench, order: dict) -> int:
    line = order["lines"][0]
    place = order["fulfillment_orders"][0]["location"]
    sold = one_item.Line(
        oms.world.products["P"], line["quantity"], str(line["id"]), place, "HANDED_OVER", "WH"
    )
    return one_item.take_in(oms.db, "demo", str(order["id"]), [sold])


def test_inv_43_same_size_two_causes(oms: Bench):
    opened(oms)
    first = till_sale(oms)
    oms.push("HARD")
    with importing(oms):
        take_in_till_sale(oms, first)
    till_sale(oms)

    report = oms.push("HARD")

    assert (report.planned, report.drifts, oms.drifts(), drift_entries(oms)) == (0, 1, [-1], [])
    assert oms.available("P") == 8


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"parts": ["orders"]}, id="without changes"),
        pytest.param({"covers_to": "2020-01-01"}, id="of long ago"),
    ],
)
def test_a_second_look_waits_for_orders_and_changes_of_then(oms: Bench, options: dict):
    opened(oms)
    oms.server.adjust("demo", "P", "Main", delta=3)
    oms.push("HARD")

    with importing(oms, **options):
        pass
    assert (oms.push("HARD").planned, oms.drifts()) == (0, [3])
    with importing(oms):
        assert oms.push("HARD").planned == 0
    assert oms.push("HARD").planned == 1


def test_returns_are_waited_for_where_they_are_imported(oms: Bench):
    opened(oms)
    with importing(oms, parts=["returns"]):
        pass
    oms.server.adjust("demo", "P", "Main", delta=3)
    oms.push("HARD")

    with importing(oms):
        pass
    assert oms.push("HARD").planned == 0
    with importing(oms, parts=["returns"]):
        pass
    assert oms.push("HARD").planned == 1


def test_an_import_that_began_before_the_look_does_not_count(oms: Bench):
    opened(oms)
    oms.server.adjust("demo", "P", "Main", delta=3)
    with importing(oms):
        oms.push("HARD")

    assert (oms.push("HARD").planned, oms.drifts()) == (0, [3])


def test_without_imports_a_drift_is_reported_and_not_acted_on(oms: Bench):
    opened(oms)
    oms.server.adjust("demo", "P", "Main", delta=3)
    oms.push("HARD", second_look_minutes=1)

    report = oms.push("HARD", second_look_minutes=1)

    assert (report.planned, report.drifts, report.no_order_imports) == (0, 1, True)
    assert "no import of orders and their changes is known" in report.table()
    assert oms.available("P") == 13


def test_a_hard_sync_looks_again_after_the_next_import(oms: Bench, monkeypatch: pytest.MonkeyPatch):
    opened(oms)
    with importing(oms):
        pass
    oms.server.adjust("demo", "P", "Main", delta=3)

    asked = []
    ask = looks.open_looks

    def import_once_it_waits(*given) -> looks.Looks:
        looks = ask(*given)
        asked.append(looks.due)
        if len(asked) == 1:
            with importing(oms):
                pass
        return looks

    monkeypatch.setattr(looks, "open_looks", import_once_it_waits)
    report = oms.push("HARD", second_look_minutes=5)

    assert asked[:2] == [0, 1]

    assert (report.drifts, report.drifts_booked, report.applied) == (0, 1, 1)
    assert oms.available("P") == 10


def test_a_hard_sync_waits_no_longer_than_it_may_and_not_at_all_after_a_reset(oms: Bench):
    opened(oms)
    with importing(oms):
        pass
    oms.server.adjust("demo", "P", "Main", delta=3)

    assert oms.push("HARD", second_look_minutes=0.02).drifts == 1
    assert oms.push("HARD", second_look_minutes=60, run_type="asset_triggered").drifts == 1
    with importing(oms):
        pass
    assert oms.push("HARD", second_look_minutes=60, run_type="asset_triggered").drifts_booked == 1


def test_a_guarded_recent_run_looks_again_by_itself(oms: Bench):
    oms.open_shop("demo", {"P": 10, "Q": 10})
    oms.move("P", 10)
    oms.move("Q", 10)
    guarded = {"guard_undownloaded_orders": True}
    oms.push("HARD", **guarded)
    oms.server.adjust("demo", "P", "Main", delta=3)
    oms.world.setting(oms.world.products["P"], "CONFIGURATION", 1)
    oms.push("RECENT", **guarded)
    assert (oms.lines(), oms.drifts()) == ([("P", -1, "APPLIED")], [3])

    assert oms.push("RECENT", **guarded).candidates == 0
    with importing(oms):
        pass
    oms.push("RECENT", **guarded)

    assert oms.lines()[1:] == [("P", -3, "APPLIED")]
    assert oms.available("P") == oms.online("P") == 9


def test_a_look_during_our_own_fulfilment_does_not_count(oms: Bench, monkeypatch):
    """The shop has fulfilled, we have not stored its answer: the look sees half of it."""
    opened(oms)
    order = sell(oms)
    number = oms.import_order(order)
    one_item.reserve(oms.db, number, 1, "WH")
    one_item.ship(oms.db, number, 1)

    def fulfil() -> None:
        one_item.fulfilling(oms.db, number, 1)
        oms.server.order_action("demo", order["id"], "fulfil")

    at(monkeypatch, "plan.snapshot_taken", fulfil)
    assert (oms.push("HARD").planned, oms.drifts()) == (0, [])
    assert (oms.push("HARD").planned, oms.drifts()) == (0, [])
    one_item.fulfilled(oms.db, number, 1)

    assert (oms.push("HARD").planned, oms.drifts()) == (0, [])
    assert oms.available("P") == oms.online("P") == 8
    assert oms.db.execute("select kind from oms.sync_learned").fetchall() == [("fulfilling",)]


def test_a_fulfilment_by_somebody_else_between_two_looks(oms: Bench):
    opened(oms)
    order, later = sell(oms), sell(oms)
    number, later_number = oms.import_order(order), oms.import_order(later)
    oms.server.order_action("demo", order["id"], "fulfil")
    oms.push("HARD")
    assert oms.drifts() == [-2]

    with importing(oms):
        one_item.fulfilled(oms.db, number, 1)
    oms.server.order_action("demo", later["id"], "fulfil")
    assert (oms.push("HARD").planned, oms.drifts()) == (0, [-2])
    with importing(oms):
        one_item.fulfilled(oms.db, later_number, 1)

    assert (oms.push("HARD").planned, oms.drifts(), drift_entries(oms)) == (0, [], [])
    assert oms.available("P") == oms.online("P") == 6


def test_a_refund_between_two_looks(oms: Bench):
    """Delivered units come back: the shop restocks them, the OMS learns of it, the goods come in."""
    opened(oms)
    orders = [till_sale(oms), till_sale(oms)]
    with importing(oms):
        numbers = [take_in_till_sale(oms, one) for one in orders]
    place = oms.locations["demo", "Main"]
    back = {"sku": "P", "quantity": 1, "restock_type": "RETURN", "location": place}
    oms.server.order_action("demo", orders[0]["id"], "refund", lines=[back])
    oms.push("HARD")
    assert oms.drifts() == [1]

    with importing(oms):
        assert one_item.refunded(oms.db, numbers[0], 1, 1, "r1", place)
        assert not one_item.refunded(oms.db, numbers[0], 1, 1, "r1", place)
    oms.server.order_action("demo", orders[1]["id"], "refund", lines=[back])
    oms.push("HARD")
    assert (oms.lines(), oms.drifts(), drift_entries(oms)) == ([("P", -1, "APPLIED")], [1], [])

    assert one_item.return_received(oms.db, numbers[0], 1, 1, "WH", "r1")
    assert not one_item.return_received(oms.db, numbers[0], 1, 1, "WH", "r1")
    oms.push("DELTA")
    assert oms.lines()[1:] == [("P", +1, "APPLIED")]
    assert (oms.available("P"), oms.online("P"), oms.book("P")) == (10, 9, 9)


def test_draft_orders_set_units_aside(oms: Bench):
    opened(oms)
    oms.server.adjust("demo", "P", "Main", delta=-4)
    oms.server.adjust("demo", "P", "Main", delta=4, name="reserved")

    assert (oms.push("HARD").planned, oms.drifts()) == (0, [])


def test_units_that_nobody_takes_in_are_reported_after_a_day(oms: Bench):
    opened(oms)
    sell(oms, 3)
    assert oms.push("HARD").unimported == ()
    oms.db.execute("update oms.sync_untaken set since = since - interval '25 hours'")
    order = sell(oms, 1)

    report = oms.push("HARD")

    (one,) = report.unimported
    assert (one.sku, one.units, report.counts()["unimported"]) == ("P", 3, 1)
    assert f"P (product {one.product_id}): 3 since" in report.table()
    oms.import_order(order)
    assert oms.push("HARD").unimported[0].units == 3


def test_the_orders_that_nobody_takes_in_are_named(oms: Bench):
    opened(oms)
    known, unknown, sent = sell(oms, 1), sell(oms, 3), sell(oms, 1)
    oms.import_order(known)
    oms.server.order_action("demo", sent["id"], "fulfil")
    oms.push("HARD")
    oms.db.execute("update oms.sync_untaken set since = since - interval '25 hours'")

    report = oms.push("HARD")

    (one,) = report.unimported
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert (one.units, one.orders) == (3, (f"{unknown['id']} ({unknown['name']} of {today})",))
    assert f"; orders: {unknown['id']} ({unknown['name']}" in report.table()
    assert report.counts()["unimported_orders"] == list(one.orders)


def test_a_shop_that_shows_us_no_orders_is_served_all_the_same(oms: Bench, caplog: pytest.LogCaptureFixture):
    opened(oms)
    sell(oms, 3)
    oms.push("HARD")
    oms.db.execute("update oms.sync_untaken set since = since - interval '25 hours'")
    oms.server.change_app("demo", scopes=["write_inventory", "read_products", "read_locations"])

    report = oms.push("HARD")

    assert [one.orders for one in report.unimported] == [()]
    assert "; orders: not found" in report.table()
    assert "the orders of units not taken in are not named" in caplog.text


@pytest.mark.parametrize("sku", ['6" plate', "it's \\ blue", "A:B (new) OR -x"])
def test_any_sku_finds_its_own_orders(oms: Bench, sku: str):
    oms.open_shop("demo", {sku: 5, "P": 5}, mode="DELTA")
    for name in (sku, "P"):
        oms.move(name, 5)
    oms.push("HARD")
    other, order = (oms.server.place_order("demo", {"sku": name, "quantity": 1}) for name in ("P", sku))
    oms.push("HARD")
    oms.db.execute("update oms.sync_untaken set since = since - interval '25 hours'")

    found = {one.sku: one.orders[0].split()[0] for one in oms.push("HARD").unimported}

    assert found == {"P": str(other["id"]), sku: str(order["id"])}


def test_units_taken_in_are_forgotten(oms: Bench):
    opened(oms)
    order = sell(oms)
    oms.push("HARD")
    oms.import_order(order)

    oms.push("HARD")

    assert oms.db.execute("select count(*) from oms.sync_untaken").fetchone() == (0,)


def test_the_line_of_a_drift_follows_when_the_process_dies_after_storing(oms: Bench, monkeypatch):
    class Killed(BaseException):
        pass

    opened(oms)
    oms.server.adjust("demo", "P", "Main", delta=3)
    oms.push("HARD")
    with importing(oms):
        pass

    def die(name: str) -> None:
        if name == "plan.stored":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(crashpoints, "point", die)
        with pytest.raises(Killed):
            oms.push("HARD")
    assert (oms.book("P"), oms.available("P")) == (10, 13)

    oms.push("DELTA")

    assert (oms.available("P"), drift_entries(oms)) == (10, [3])

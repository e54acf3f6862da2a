"""Webhooks on levels: the newest word counts, who owns the stock decides the rest (inventory.md 5.16)."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import sleep

import pytest

from oms import catalog, crashpoints, database
from oms.parameters import BadParameter, resolve
from oms.stock_pulls import webhooks
from tests.oms.stock_pulls.side import Side

TEN = "2026-11-03T10:00:00Z"
EARLIER = "2026-11-03T09:59:58Z"
LATER = "2026-11-03T10:00:07Z"


def test_inv_25_the_newest_word_is_applied_once(side: Side):
    side.open_shop({"P": 7})
    side.stand("P", 6, 5)
    w1 = side.event("P", 7, TEN)
    side.event("P", 7, TEN, webhook_id=w1)
    w0 = side.event("P", 9, EARLIER)

    counts = side.receive()

    assert side.position("P") == (8, 7)
    assert side.inbox() == {w1: "DONE", w0: "STALE"}
    assert (counts["events"], counts["applied"]) == (2, 1)


def test_inv_25_an_older_word_in_a_later_run_is_stale(side: Side):
    side.open_shop({"P": 7})
    side.stand("P", 6, 5)
    side.event("P", 7, TEN)
    side.receive()
    w0 = side.event("P", 9, EARLIER)

    side.receive()

    assert side.position("P") == (8, 7)
    assert side.inbox()[w0] == "STALE"


def test_inv_25_where_the_oms_owns_the_stock_a_drift_is_noted_and_nothing_changes(side: Side):
    side.open_shop({"P": 7}, master="OMS")
    side.stand("P", 6, 5)
    w1 = side.event("P", 7, TEN)

    side.receive()

    assert side.position("P") == (6, 5)
    assert side.drift("P") == [(7, 5, 2)]
    assert side.inbox() == {w1: "DONE"}


def test_what_the_oms_booked_since_is_not_undone_by_the_same_word(side: Side):
    side.open_shop({"P": 7})
    side.event("P", 7, TEN)
    side.receive()
    side.oms.move("P", -2, "S1")
    again = side.event("P", 7, TEN)

    side.receive()

    assert side.position("P") == (5, 5)
    assert side.inbox()[again] == "STALE"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("together", [True, False])
def test_two_words_of_one_second_are_told_apart_by_when_they_were_triggered(side: Side, order, together):
    """Shopify's updated_at is whole seconds: alone it would lose the last sale of a second."""
    side.open_shop({"P": 7})
    told = [(7, "10:00:00.100"), (6, "10:00:00.200"), (5, "10:00:00.300")]
    for number in order:
        available, time = told[number]
        side.event("P", available, TEN, triggered=f"2026-11-03T{time}Z")
        if not together:
            side.receive()

    side.receive()

    assert side.position("P") == (5, 5)


def test_a_word_between_two_equal_ones_of_one_second_is_old_when_it_comes_late(side: Side):
    side.open_shop({"P": 7})
    for available, time in ((7, "10:00:00.100"), (7, "10:00:00.300"), (6, "10:00:00.200")):
        side.event("P", available, TEN, triggered=f"2026-11-03T{time}Z")
        side.receive()

    assert side.position("P") == (7, 7)


def test_an_unreadable_or_unknown_event_is_set_aside_with_its_reason_and_stops_no_other(side: Side):
    side.open_shop({"P": 7, "Q": 3})
    bad = {
        side.event("P", 1, "yesterday"): "PAYLOAD",
        side.event("P", 1, TEN, payload={"available": "many"}): "PAYLOAD",
        side.event("P", 1, TEN, payload={"available": 10**12}): "PAYLOAD",
        side.event("P", 1, TEN, payload={"inventory_item_id": 404}): "UNKNOWN_ITEM",
    }
    unused = {
        side.event("P", 1, TEN, payload={"location_id": 404}): "UNKNOWN_LOCATION",
        side.event("P", None, LATER): "UNTRACKED",
    }
    side.event("Q", 4, TEN)

    side.receive()

    assert side.position("Q") == (4, 4)
    assert side.position("P") is None
    assert side.errors() == bad | unused
    assert {side.inbox()[one] for one in bad} == {"FAILED"}
    assert {side.inbox()[one] for one in unused} == {"IGNORED"}


def test_an_item_that_becomes_known_is_taken_up_again(side: Side):
    side.open_shop({"P": 7})
    side.db.execute("update oms.shop_product set thru_date = now()")
    number = side.event("P", 7, TEN)
    side.receive()
    assert (side.errors(), side.position("P")) == ({number: "UNKNOWN_ITEM"}, None)

    side.db.execute("update oms.shop_product set thru_date = null")
    counts = side.receive()

    assert side.position("P") == (7, 7)
    assert counts["taken_up_again"] == 1
    assert side.errors() == {}


def test_a_consolidated_location_is_skipped_unless_a_facility_stands_for_it(side: Side):
    side.open_shop({"P": 7}, locations={"Store": ["_NA_"]})
    number = side.event("P", 7, TEN)
    side.receive()
    assert (side.errors(), side.position("P", "WH")) == ({number: "CONSOLIDATED"}, None)

    side.event("P", 6, LATER)
    side.receive(targetFacilityId="WH")

    assert side.position("P", "WH") == (6, 6)


def test_a_location_mapped_to_a_queue_and_a_facility_is_a_mistake(side: Side):
    side.open_shop({"P": 7}, locations={"Store": ["_NA_", "S1"]})
    number = side.event("P", 7, TEN)

    side.receive()

    assert side.errors() == {number: "MAPPING"}


def test_a_target_that_holds_no_stock_is_refused_before_any_effect(side: Side):
    side.open_shop({"P": 7})
    number = side.event("P", 7, TEN)

    with pytest.raises(BadParameter, match="targetFacilityId"):
        side.receive(targetFacilityId="_NA_")

    assert side.inbox() == {number: "NEW"}


def test_a_kit_is_left_to_its_components(side: Side):
    side.open_shop({"P": 7})
    side.db.execute("update oms.product set product_type_id = 'MARKETING_PKG_PICK'")
    number = side.event("P", 7, TEN)

    side.receive()

    assert side.errors() == {number: "EXCLUDED"}


def test_the_echo_of_our_own_push_is_no_drift_even_if_we_have_moved_on(side: Side):
    side.open_shop({"P": 0}, master="OMS")
    side.oms.move("P", 8, "S1")
    side.oms.push("HARD")
    side.oms.move("P", -1, "S1")
    at = side.db.execute('select to_char(max(created_at), \'YYYY-MM-DD"T"HH24:MI:SS"Z"\') from oms.sync_line')

    side.event("P", 8, at.fetchone()[0])
    side.receive()

    assert side.drift("P") == [(8, 7, 0)]


def test_a_drift_is_dated_from_its_first_sight_and_ends_with_it(side: Side):
    side.open_shop({"P": 7}, master="OMS")
    side.stand("P", 5, 5)
    since = "select drifting_since from oms.shop_level_drift"

    side.event("P", 7, EARLIER)
    side.receive()
    first = side.db.execute(since).fetchone()
    side.event("P", 6, TEN)
    side.receive()
    assert side.db.execute(since).fetchone() == first
    side.event("P", 5, LATER)
    side.receive()

    assert side.db.execute(since).fetchone() == (None,)
    assert side.drift("P") == [(5, 5, 0)]


def test_the_figure_of_a_location_that_shows_what_lies_there_is_not_compared_with_available(side: Side):
    side.open_shop({"P": 7}, master="OMS")
    side.db.execute("update oms.shop_location set physical_basis = 'QOH'")
    side.event("P", 7, TEN)

    side.receive()

    assert side.drift("P") == [(7, None, None)]


def test_consolidated_levels_are_compared_with_online_atp(side: Side):
    side.open_shop({"P": 7}, master="OMS", locations={"Store": ["_NA_"]})
    side.stand("P", 9, 9)
    side.oms.world.setting(side.oms.world.products["P"], "S1", 3)
    side.event("P", 7, TEN)

    side.receive()

    assert side.drift("P") == [(7, 6, 1)]


def test_many_events_are_worked_off_in_few_transactions(side: Side):
    skus = [f"P{number}" for number in range(40)]
    side.open_shop(dict.fromkeys(skus, 1))
    for second in range(5):
        for number, sku in enumerate(skus):
            side.event(sku, number + second, f"2026-11-03T10:00:0{second}Z")

    counts = side.receive(limit=64)

    assert {sku: side.position(sku)[1] for sku in skus} == {
        sku: number + 4 for number, sku in enumerate(skus)
    }
    assert counts["events"] == 200
    assert "NEW" not in side.inbox().values()


def test_two_runs_side_by_side_and_any_order_end_with_the_newest_word(side: Side):
    skus = [f"P{number}" for number in range(6)]
    side.open_shop(dict.fromkeys(skus, 1))
    for number in range(120):
        second = (number * 37) % 60
        for sku in skus:
            side.event(sku, second, f"2026-11-03T10:00:{second:02}Z")
    params = resolve(catalog.RECEIVE_INVENTORY_LEVEL_WEBHOOKS, {"limit": 7})

    def run(_: int) -> None:
        with database.connect(side.oms.dsn, autocommit=True) as conn:
            given = side.work(catalog.RECEIVE_INVENTORY_LEVEL_WEBHOOKS, {})
            webhooks.receive(type(given)(**vars(given) | {"conn": conn, "params": params}))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, range(3)))

    assert {side.position(sku) for sku in skus} == {(59, 59)}
    assert "NEW" not in side.inbox().values()


def test_a_newer_word_of_0_on_a_position_that_an_older_one_is_just_making_ends_with_0(
    side: Side, monkeypatch
):
    """Neither finds a position to lock: the older word makes it, the newer one needs none."""
    side.open_shop({"P": 5})
    is_written, may_commit = threading.Event(), threading.Event()

    def wait(name: str) -> None:
        if name == webhooks.WRITTEN and not is_written.is_set():
            is_written.set()
            may_commit.wait(20)

    def run() -> None:
        with database.connect(side.oms.dsn, autocommit=True) as conn:
            webhooks.receive(replace(side.work(catalog.RECEIVE_INVENTORY_LEVEL_WEBHOOKS, {}), conn=conn))

    with monkeypatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setattr(crashpoints, "point", wait)
        side.event("P", 5, EARLIER)
        older = pool.submit(run)
        assert is_written.wait(20)
        side.event("P", 0, LATER)
        newer = pool.submit(run)
        while not newer.done() and not side.someone_waits():
            sleep(0.02)
        may_commit.set()
        older.result(20)
        newer.result(20)

    assert side.position("P") == (0, 0)


def test_shopify_as_master_is_not_told_what_it_told_us(side: Side):
    """6.5: what webhooks wrote is no echo's cause. A shop of our own beside it shows the new figure."""
    side.open_shop({"P": 7})
    side.open_shop({"P": 3}, "ours", master="OMS", mode="DELTA")
    side.oms.move("P", 3, "S1")
    side.oms.push("HARD", shop="ours")
    side.event("P", 7, TEN)
    side.receive()

    for mode in ("RECENT", "DELTA", "HARD"):
        assert side.oms.push(mode).message == "Shopify is the master of this shop's stock"
    assert side.oms.push("DELTA", shop="ours").planned == 0, "a reset is left to the hard sync (6.5)"
    side.oms.push("HARD", shop="ours")

    assert side.oms.applied() == []
    assert side.oms.available("P", shop="ours", location="Store") == 7


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("point", [webhooks.TAKEN, webhooks.WRITTEN, webhooks.DONE])
def test_a_run_that_ends_anywhere_is_finished_by_the_next(side: Side, monkeypatch, point: str):
    side.open_shop({"P": 7})
    side.stand("P", 6, 5)
    for number in range(3):
        side.event("P", 7 - number, f"2026-11-03T10:00:0{number}Z")

    def die(name: str) -> None:
        if name == point:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(crashpoints, "point", die)
        with pytest.raises(Killed):
            side.receive(limit=2)
    side.receive(limit=2)

    assert side.position("P") == (6, 5)
    assert sorted(side.inbox().values()) == ["DONE", "DONE", "STALE"]


def test_shops_in_delta_mode_that_show_the_store_are_compared_again_now_and_then(side: Side):
    """DELTA holds resets back, a hard sync tells them (6.5): one in 15 minutes, not one for each word."""
    side.open_shop({"P": 7}, locations={"Store": ["S1"]})
    side.open_shop({"P": 0}, "other", master="OMS", locations={"Store": ["S1"]}, mode="DELTA")
    side.stand("P", 1, 1)
    side.oms.push("HARD", "other")
    side.event("P", 7, TEN)

    assert side.receive()["facilities"] == ["S1"]
    side.event("P", 8, LATER)
    assert side.receive()["facilities"] == []
    assert side.oms.push("DELTA", "other").planned == 0
    side.db.execute("update oms.job_watermark set recorded_to = recorded_to - interval '16 minutes'")
    assert side.receive()["facilities"] == ["S1"], "also without a further event"

    side.oms.push("HARD", "other")
    side.db.execute("update oms.job_watermark set recorded_to = recorded_to - interval '16 minutes'")
    assert side.receive()["facilities"] == [], "it has seen everything"
    assert side.oms.available("P", "other", "Store") == 8


@pytest.mark.parametrize(("mode", "location"), [("RECENT", ["S1"]), ("DELTA", ["S3"])])
def test_nobody_is_compared_who_hears_of_it_anyway_or_shows_another_store(side: Side, mode, location):
    side.oms.world.facility("S3")
    side.open_shop({"P": 7}, locations={"Store": ["S1"]})
    side.open_shop({"P": 0}, "other", master="OMS", locations={"Store": location}, mode=mode)
    side.stand("P", 1, 1)
    side.stand("P", 1, 1, "S3")
    side.oms.push("HARD", "other")
    side.event("P", 7, TEN)

    assert side.receive()["facilities"] == []

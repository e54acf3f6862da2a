"""What comes back from Shopify and what we do (spec inventory.md 6.6, 7.2, 7.4)."""

from collections.abc import Callable
from typing import Any

import pytest

from fakeshop.testing import TOKEN
from oms import crashpoints
from oms.shopify.client import ShopifyClient
from oms.shopify.errors import Misconfigured, NotSent, OutcomeUnknown
from oms.sync import comparing, sending
from oms.sync.errors import LinesLeft
from tests.oms.sync.bench import Bench

ADJUST = "AdjustInventory"


@pytest.fixture
def changed(oms: Bench) -> Bench:
    """A 100 -> 95 and C 25 -> 30 to be sent."""
    oms.open_shop("demo", {"A": 100, "C": 25})
    oms.move("A", 95)
    oms.move("C", 30)
    return oms


def opened(oms: Bench, atp: dict[str, int], mode: str = "DELTA") -> None:
    oms.open_shop("demo", atp, mode=mode)
    for sku, quantity in atp.items():
        oms.move(sku, quantity)
    oms.push("HARD")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "lost_answer"}, id="lost answer"),
        pytest.param({"kind": "status", "code": 503, "phase": "after"}, id="503 after"),
        pytest.param({"kind": "status", "code": 503}, id="503 before"),
        pytest.param({"kind": "reset"}, id="reset before"),
        pytest.param({"kind": "internal_error", "phase": "after"}, id="internal error after"),
        pytest.param({"kind": "internal_error"}, id="internal error before"),
        pytest.param({"kind": "delay", "seconds": 4, "phase": "after"}, id="time-out"),
        pytest.param({"kind": "status", "code": 502, "html": True}, id="HTML"),
    ],
)
def test_inv_06_a_retry_after_an_unknown_outcome_changes_nothing_twice(changed: Bench, fault):
    changed.server.fault(operation=ADJUST, **fault)

    changed.push("RECENT", push_seconds=20)

    assert (changed.available("A"), changed.available("C")) == (95, 30)
    assert changed.lines() == [("A", -5, "APPLIED"), ("C", +5, "APPLIED")]
    assert changed.batches() == [(2, "APPLIED", 2)]
    assert sorted(changed.applied()) == [("A", -5), ("C", +5)]


def test_a_running_first_attempt_is_waited_for(changed: Bench):
    changed.server.fault("delay", operation=ADJUST, seconds=3.6, phase="during")

    changed.push("RECENT", push_seconds=20)

    assert sorted(changed.applied()) == [("A", -5), ("C", +5)]
    assert changed.batches()[0][:2] == (2, "APPLIED")


def test_a_failed_first_attempt_is_sent_again_under_a_new_key(changed: Bench):
    changed.server.fault("attempt_failed", operation=ADJUST)

    changed.push("RECENT", push_seconds=20)

    assert sorted(changed.applied()) == [("A", -5), ("C", +5)]
    assert [batch[1] for batch in changed.batches()] == ["REJECTED", "APPLIED"]


def test_a_change_by_hand_of_the_same_size_does_not_pass_for_a_failed_attempt(oms: Bench, monkeypatch):
    opened(oms, {"A": 10})
    oms.move("A", -1)
    oms.server.fault("attempt_failed", operation=ADJUST)

    def by_hand(name: str) -> None:
        if name == "push.marked_sent" and not oms.applied() and oms.available("A") == 10:
            oms.server.adjust("demo", "A", "Main", delta=-1)

    monkeypatch.setattr(crashpoints, "point", by_hand)
    oms.push("DELTA")

    assert oms.applied() == [("A", -1)]
    assert oms.lines() == [("A", -1, "APPLIED")]
    assert oms.available("A") == 8


def test_a_key_used_for_another_payload_stops_and_alerts(oms: Bench):
    opened(oms, {"A": 10})
    oms.move("A", -1)
    oms.server.fault("throttle", operation=ADJUST, count=None)
    oms.push("DELTA", may_fail=True, push_seconds=0.1)
    oms.server.clear_faults()
    (batch,) = oms.db.execute("select batch_id::text from oms.sync_batch").fetchone()
    oms.other_call(batch, "A", -3)

    with pytest.raises(Misconfigured, match="another payload"):
        oms.push("DELTA")

    assert oms.batches()[0][1] == "UNKNOWN"
    assert oms.applied() == [("A", -3)]


def test_throttled_only_call_stays_planned(changed: Bench):
    changed.server.fault("throttle", operation=ADJUST, count=None)

    report = changed.push("RECENT", may_fail=True, push_seconds=0.5)

    assert report.left == 2
    assert changed.batches() == [(2, "PLANNED", 1)]
    assert changed.lines() == [("A", -5, "PLANNED"), ("C", +5, "PLANNED")]
    assert changed.db.execute("select first_sent_at from oms.sync_batch").fetchone() == (None,)


def test_inv_44_throttled_repetition_stays_unknown(oms: Bench):
    opened(oms, {"A": 10})
    oms.move("A", -1)
    oms.server.fault("lost_answer", operation=ADJUST)
    oms.server.fault("throttle", operation=ADJUST, count=None, skip=1)
    report = oms.push("DELTA", may_fail=True)
    assert (report.left, oms.batches()[0][1], oms.available("A")) == (1, "UNKNOWN", 9)

    oms.move("A", -2)
    report = oms.push("DELTA", may_fail=True, push_seconds=0.3)
    assert report.left_alone == (oms.locations["demo", "Main"],)
    assert len(oms.lines()) == 1

    oms.server.clear_faults()
    oms.push("DELTA")
    assert oms.lines() == [("A", -1, "APPLIED"), ("A", -2, "APPLIED")]
    assert oms.available("A") == 7


def test_a_429_is_waited_for_as_asked(changed: Bench):
    changed.server.fault("status", operation=ADJUST, code=429, retry_after=0.3)

    report = changed.push("RECENT")

    assert report.applied == 2
    assert report.wait_seconds >= 0.3
    assert changed.batches() == [(2, "APPLIED", 1)]


def test_a_429_that_names_a_date_is_waited_for_as_one_that_names_nothing(changed: Bench):
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    changed.server.fault("status", operation=ADJUST, code=429, retry_after=date)

    assert changed.push("RECENT").applied == 2
    assert changed.batches() == [(2, "APPLIED", 1)]


def test_the_bucket_is_waited_for(changed: Bench):
    changed.server.bucket("demo", -300)  # three seconds of a Standard shop

    report = changed.push("RECENT", push_seconds=20)

    assert report.applied == 2
    assert 0.05 < report.wait_seconds < 10


def test_inv_10_a_line_error_drops_the_line_and_sends_the_rest_under_a_new_key(oms: Bench):
    oms.open_shop("demo", {"A": 100, "X": 9, "C": 25}, settings={"inactive_levels": "error"})
    for sku, atp in {"A": 100, "X": 9, "C": 25}.items():
        oms.move(sku, atp)
    client = oms.client(version="2026-07")
    oms.push("HARD", client=client)
    for sku, diff in {"A": -5, "X": -5, "C": 5}.items():
        oms.move(sku, diff)
    oms.forget_level("X")

    report = oms.push("DELTA", client=client)

    assert report.rejected == {"ITEM_NOT_STOCKED_AT_LOCATION": 1}
    assert sorted(oms.applied()) == [("A", -5), ("C", +5)]
    assert [(batch[0], batch[1]) for batch in oms.batches()] == [(3, "REJECTED"), (2, "APPLIED")]
    assert oms.book("X") == 9
    assert ("X", -5, "REJECTED") in oms.lines()


def test_inv_54_a_rejected_level_is_set_aside_until_its_mapping_is_mended(oms: Bench):
    opened(oms, {"P": 10, "Q": 10})
    good = oms.items["demo", "P"]
    oms.db.execute(
        "update oms.sync_level set shopify_inventory_item_id = 404404 where shopify_inventory_item_id = %s",
        (good,),
    )
    oms.db.execute(
        "update oms.shop_product set shopify_inventory_item_id = 404404 where shopify_inventory_item_id = %s",
        (good,),
    )
    oms.move("P", -3)
    oms.push("DELTA")
    assert oms.lines() == [("P", -3, "REJECTED")]
    oms.move("P", -1)
    oms.server.clear_log()

    report = oms.push("DELTA")
    assert report.skipped == {"SKIPPED_SET_ASIDE": 1}
    assert oms.requests(ADJUST) == []

    oms.db.execute(
        "update oms.sync_level set shopify_inventory_item_id = %s where shopify_inventory_item_id = 404404",
        (good,),
    )
    oms.db.execute(
        "update oms.shop_product set shopify_inventory_item_id = %s where shopify_inventory_item_id = 404404",
        (good,),
    )
    assert oms.book("P") == 10
    oms.push("DELTA")
    assert oms.lines()[1:] == [("P", -4, "APPLIED")]
    assert oms.available("P") == 6


def test_inv_54_a_hard_sync_tries_a_refused_level_again(oms: Bench):
    oms.open_shop("demo", {"P": 10, "Q": {"levels": {"Main": 10}}}, mode="DELTA")
    oms.move("P", 10)
    oms.push("HARD", max_drop_pct=None)
    oms.db.execute(
        "update oms.sync_level set set_aside_code = 'NON_MUTABLE_INVENTORY_ITEM', set_aside_at = now()"
    )
    oms.move("P", -3)
    assert oms.push("DELTA").skipped == {"SKIPPED_SET_ASIDE": 1}

    assert oms.push("HARD").applied == 1
    assert oms.available("P") == 7
    oms.move("P", -1)
    assert oms.push("DELTA").applied == 1


class Answering(ShopifyClient):
    """A client whose shop gives an answer that the local shop cannot be brought to give."""

    def __init__(self, oms: Bench, answer: Callable[[str], dict | None]) -> None:
        super().__init__(oms.server.base("demo"), TOKEN)
        self._answer = answer

    def execute(self, document_name: str, variables: Any, **options: Any) -> dict[str, Any]:
        answer = self._answer(variables) if document_name == "adjust_inventory" else None
        if answer is None:
            return super().execute(document_name, variables, **options)
        return {"inventoryAdjustQuantities": {"inventoryAdjustmentGroup": None, "userErrors": []} | answer}


@pytest.mark.parametrize("code", ["ADJUST_QUANTITIES_FAILED", "SOMETHING_NEW", None])
def test_a_poisoned_item_without_a_path_is_isolated(oms: Bench, code):
    skus = [f"P{n}" for n in range(10)]
    opened(oms, dict.fromkeys(skus, 10))
    for sku in skus:
        oms.move(sku, -1)
    poison = f"InventoryItem/{oms.items['demo', 'P4']}"
    error = {"userErrors": [{"code": code, "field": None, "message": "no"}]}

    report = oms.push(
        "DELTA",
        client=Answering(oms, lambda text: error if poison in text else None),
        push_seconds=10,
        retry_pause=0.01,
    )

    assert report.rejected == {code or "OTHER": 1}
    assert sorted(oms.applied()) == [(sku, -1) for sku in skus if sku != "P4"]
    assert oms.book("P4") == 10


def test_a_success_without_effect_leaves_the_book_and_is_set_aside(oms: Bench):
    oms.open_shop("demo", {"A": 10, "B": 10}, locations={"Main": ["_NA_"], "Other": []}, mode="DELTA")
    for sku in "AB":
        oms.move(sku, 10)
    oms.push("HARD")
    oms.server.set_active("demo", "A", "Main", False)
    for sku in "AB":
        oms.move(sku, -2)

    report = oms.push("DELTA", client=Answering(oms, lambda text: {}))

    assert report.rejected == {"NOT_STOCKED": 1, "NO_EFFECT": 1}
    assert (oms.book("A"), oms.book("B")) == (10, 10)
    assert oms.push("DELTA").skipped == {"SKIPPED_SET_ASIDE": 2}


def test_inv_13_a_part_that_is_throttled_waits_for_the_next_run_of_mode_a(oms: Bench):
    skus = [f"P{n:03d}" for n in range(250)]
    oms.open_shop("demo", dict.fromkeys(skus, 10))
    for sku in skus:
        oms.move(sku, 11)
    oms.server.fault("throttle", operation=ADJUST, skip=1, count=5)

    report = oms.push("RECENT", limit=100, parallel=1, push_seconds=2.5, may_fail=True)

    waiting = report.left
    assert waiting in (100, 150)
    done = {sku for sku, _ in oms.applied()}
    assert len(done) == 250 - waiting
    oms.server.clear_faults()
    late = next(sku for sku in skus if sku not in done)
    oms.move(late, 2)
    oms.server.clear_log()
    before = len(oms.applied())

    oms.push("RECENT", limit=100)

    second = oms.applied()[before:]
    assert sorted(second) == sorted((sku, 3 if sku == late else 1) for sku in skus if sku not in done)
    assert ("P249", 1, "SUPERSEDED") in oms.lines() or waiting == 100
    assert {sku: oms.available(sku) for sku in (late, skus[0])} == {late: 13, skus[0]: 11}


def test_inv_13_in_mode_c_the_batch_is_resent_unchanged(oms: Bench):
    skus = [f"P{n:03d}" for n in range(25)]
    opened(oms, dict.fromkeys(skus, 10))
    for sku in skus:
        oms.move(sku, 1)
    oms.server.fault("throttle", operation=ADJUST, skip=1, count=None)
    report = oms.push("DELTA", limit=10, parallel=1, push_seconds=0.5, may_fail=True)
    assert report.left == 15
    frozen = "select batch_id, payload from oms.sync_batch where status = %s"
    waiting = oms.db.execute(frozen, ("PLANNED",)).fetchall()
    oms.server.clear_faults()
    late = next(sku for sku, _, status in oms.lines() if status == "PLANNED")
    oms.move(late, 2)

    oms.push("DELTA", limit=10)

    assert [line for line in oms.lines() if line[0] == late] == [(late, 1, "APPLIED"), (late, 2, "APPLIED")]
    assert all(line[2] == "APPLIED" for line in oms.lines())
    assert set(waiting) <= set(oms.db.execute(frozen, ("APPLIED",)).fetchall())
    assert {oms.available(sku) for sku in skus if sku != late} == {11}
    assert oms.available(late) == 13


def test_inv_45_a_the_hard_sync_sends_an_unsent_delta_first(oms: Bench):
    opened(oms, {"P": 10})
    oms.move("P", -2)
    oms.server.fault("throttle", operation=ADJUST, count=None)
    oms.push("DELTA", may_fail=True, push_seconds=0.3)
    oms.server.clear_faults()

    report = oms.push("HARD")

    assert report.planned == 0
    assert oms.lines() == [("P", -2, "APPLIED")]
    assert oms.available("P") == 8


def test_inv_45_b_an_unsent_line_of_the_hard_sync_is_superseded(oms: Bench):
    opened(oms, {"P": 10})
    oms.move("P", -2)
    oms.server.fault("throttle", operation=ADJUST, count=None)
    oms.push("HARD", may_fail=True, push_seconds=0.3)
    oms.server.clear_faults()

    report = oms.push("DELTA")

    assert report.superseded == 1
    assert oms.lines() == [("P", -2, "SUPERSEDED"), ("P", -2, "APPLIED")]
    assert (oms.available("P"), oms.book("P")) == (8, 8)


def test_an_order_between_reading_and_storing_is_not_added_back(oms: Bench):
    """INV-39 a: sold and imported after the reading, before the lines are stored."""
    opened(oms, {"P": 20})
    oms.move("P", -1)

    def sell() -> None:
        oms.import_order(oms.server.place_order("demo", {"sku": "P", "quantity": 4}))

    with oms.at(comparing.LEVELS_READ, sell):
        oms.push("HARD")

    assert oms.lines() == [("P", -1, "APPLIED")]
    assert oms.available("P") == oms.online("P") == 15
    assert oms.push("DELTA").planned == 0
    assert oms.push("HARD").planned == 0
    assert oms.drifts() == []


@pytest.mark.parametrize("code", [401, 403])
def test_a_refused_token_stops_the_shop_and_the_lines_leave_the_book(oms: Bench, code):
    opened(oms, {"P": 10})
    oms.move("P", -1)
    fault = {"kind": "unauthorized"} if code == 401 else {"kind": "status", "code": 403}
    oms.server.fault(operation=ADJUST, **fault)

    with pytest.raises(Misconfigured):
        oms.push("DELTA")

    assert (oms.book("P"), oms.lines()) == (10, [("P", -1, "REJECTED")])
    oms.push("DELTA")
    assert oms.available("P") == 9


def test_a_missing_scope_stops_the_shop(oms: Bench):
    opened(oms, {"P": 10})
    oms.move("P", -1)
    oms.server.change_app("demo", scopes=["read_inventory", "read_products", "read_locations"])

    with pytest.raises(Misconfigured, match="ACCESS_DENIED"):
        oms.push("DELTA")

    assert oms.book("P") == 10


def test_a_shop_that_is_down_stops_nobody_else(oms: Bench):
    oms.open_shop("demo", {"A": 5})
    oms.open_shop("other", {"A": 5})
    oms.move("A", 7)
    down = ShopifyClient("http://127.0.0.1:9", "token", timeout=(0.3, 0.3), patience=0.2)

    with pytest.raises(NotSent):
        oms.push("RECENT", client=down, push_seconds=0.2)
    assert oms.push("RECENT", "other").applied == 1

    assert oms.mark() is None
    assert oms.available("A", "other") == 7
    oms.push("RECENT")
    assert oms.available("A") == 7


def test_a_shop_that_goes_down_before_sending_keeps_its_lines_planned(oms: Bench):
    opened(oms, {"A": 5})
    oms.move("A", 2)
    down = ShopifyClient("http://127.0.0.1:9", "token", timeout=(0.3, 0.3))

    with pytest.raises(LinesLeft):
        oms.push("DELTA", client=down, push_seconds=0.2)

    assert oms.batches()[0][1] == "PLANNED"
    oms.push("DELTA")
    assert oms.available("A") == 7


def test_an_old_key_is_read_back_before_anything_is_sent_again(oms: Bench):
    opened(oms, {"A": 10, "B": 10})
    oms.move("A", -1)
    oms.server.fault("lost_answer", operation=ADJUST)
    oms.push("DELTA", may_fail=True, push_seconds=2, retry_pause=5)
    assert oms.batches()[0][1] == "UNKNOWN"
    oms.db.execute("update oms.sync_batch set first_sent_at = now() - interval '24 hours'")
    oms.server.clear_log()

    oms.push("DELTA")

    assert oms.requests(ADJUST) == []
    assert oms.lines() == [("A", -1, "APPLIED")]
    assert oms.available("A") == 9


def test_an_old_key_that_was_never_applied_goes_out_under_a_new_one(oms: Bench):
    opened(oms, {"A": 10, "B": 10})
    oms.move("A", -1)
    oms.server.fault("reset", operation=ADJUST)
    oms.push("DELTA", may_fail=True, push_seconds=2, retry_pause=5)
    oms.db.execute("update oms.sync_batch set first_sent_at = now() - interval '24 hours'")
    oms.server.place_order("demo", {"sku": "A", "quantity": 2})

    oms.push("DELTA")

    assert oms.applied() == [("A", -1)]
    assert oms.available("A") == 7
    assert [batch[1] for batch in oms.batches()] == ["REJECTED", "APPLIED"]


def test_two_runs_of_one_location_do_not_overlap(oms: Bench):
    opened(oms, {"A": 10})
    oms.move("A", -1)
    oms.server.fault("delay", operation=ADJUST, seconds=0.8)

    with oms.at(sending.MARKED_SENT, lambda: oms.push("HARD"), beside=True) as second:
        oms.push("DELTA")

    assert second().planned == 0
    assert oms.applied() == [("A", -1)]


def test_a_changed_component_takes_its_kits_along(oms: Bench):
    opened(oms, {"C": 6, "KIT": 0})
    oms.db.execute(
        "insert into oms.product_assoc (product_id, component_product_id, quantity) values (%s, %s, 2)",
        (oms.world.products["KIT"], oms.world.products["C"]),
    )
    oms.move("C", -1)

    assert oms.push("DELTA").candidates == 2


class LosingAnswers(ShopifyClient):
    """A client that never hears of calls for one location."""

    def __init__(self, oms: Bench, location: int) -> None:
        super().__init__(oms.server.base("demo"), TOKEN)
        self._lost = f"Location/{location}"

    def execute(self, document_name: str, variables: Any, **options: Any) -> dict[str, Any]:
        data = super().execute(document_name, variables, **options)
        if document_name == "adjust_inventory" and self._lost in variables:
            raise OutcomeUnknown("no answer")
        return data


def test_an_unanswered_batch_leaves_only_its_own_location_alone(oms: Bench):
    oms.world.facility("S1")
    oms.open_shop("demo", {"P": 10}, locations={"Main": ["_NA_"], "Store": ["S1"]}, mode="DELTA")
    oms.move("P", 8)
    oms.move("P", 2, "S1")
    oms.push("HARD", max_drop_pct=None)
    store = oms.locations["demo", "Store"]
    deaf = LosingAnswers(oms, store)
    oms.move("P", 1, "S1")
    oms.push("DELTA", client=deaf, limit=1, push_seconds=0.5, may_fail=True)
    oms.move("P", 5, "S1")

    report = oms.push("DELTA", client=deaf, limit=1, push_seconds=0.5, may_fail=True)

    assert report.left_alone == (store,)
    assert (oms.available("P"), oms.available("P", location="Store")) == (16, 3)
    oms.push("DELTA")
    assert (oms.available("P"), oms.available("P", location="Store")) == (16, 8)


@pytest.mark.parametrize("imported_before_the_snapshot", [True, False])
def test_inv_39_sold_before_the_comparison(oms: Bench, imported_before_the_snapshot):
    """INV-39 b: imported after the reading; c: both before the snapshot."""
    opened(oms, {"P": 20})
    oms.move("P", -1)
    order = oms.server.place_order("demo", {"sku": "P", "quantity": 4})
    if imported_before_the_snapshot:
        oms.import_order(order)
        oms.push("HARD")
    else:
        with oms.at(comparing.LEVELS_READ, lambda: oms.import_order(order)):
            oms.push("HARD")

    assert oms.lines() == [("P", -1, "APPLIED")]
    assert oms.available("P") == oms.online("P") == 15
    assert oms.drifts() == []

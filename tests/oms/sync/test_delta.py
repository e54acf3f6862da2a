"""Mode DELTA: desired - book, without reading Shopify (spec inventory.md 6.5, 6.7, 7.1, 7.4)."""

import pytest

from oms import database
from oms.sync.errors import SyncMisconfigured
from tests.oms import one_item
from tests.oms.sync.bench import Bench


def opened(oms: Bench, atp: dict[str, int]) -> None:
    """A shop whose levels equal the OMS, compared by a hard sync, in mode DELTA."""
    oms.open_shop("demo", atp, mode="DELTA")
    for sku, quantity in atp.items():
        oms.move(sku, quantity)
    oms.push("HARD")
    assert oms.lines() == []


def test_inv_02_orders_not_imported_stay_deducted(oms: Bench):
    opened(oms, {"A": 5})
    oms.server.place_order("demo", {"sku": "A", "quantity": 4})
    oms.move("A", -1, reason="VAR_DAMAGED")

    oms.push("DELTA")

    assert oms.lines() == [("A", -1, "APPLIED")]
    assert oms.available("A") == 0
    assert oms.online("A") == 4


def test_inv_03_a_receipt(oms: Bench):
    opened(oms, {"B": 10})
    oms.move("B", 2, reason="VAR_SHIP_RECV")

    oms.push("DELTA")

    assert oms.lines() == [("B", +2, "APPLIED")]
    assert oms.available("B") == 12


def test_inv_12_a_repeated_run_sends_nothing(oms: Bench):
    opened(oms, {"B": 10})
    oms.move("B", 2, reason="VAR_SHIP_RECV")
    oms.push("DELTA")

    assert oms.push("DELTA").planned == 0
    assert oms.push("DELTA", include_all=True).planned == 0
    assert oms.available("B") == 12


def test_inv_05_a_late_commit_is_sent_once(oms: Bench):
    opened(oms, {"P": 20, "Q": 20})
    with database.connect(oms.dsn) as late:
        oms.move("P", -1, conn=late)
        oms.move("Q", -2)
        oms.push("DELTA")
        assert (oms.available("P"), oms.available("Q")) == (20, 18)
    oms.push("DELTA")
    oms.push("DELTA")

    assert oms.lines() == [("Q", -2, "APPLIED"), ("P", -1, "APPLIED")]


@pytest.mark.parametrize(
    ("atp", "safety", "threshold", "event", "lines"),
    [
        pytest.param(3, 5, 0, -1, [], id="a"),
        pytest.param(6, 5, 0, -3, [-1], id="b"),
        pytest.param(8, 0, 10, +5, [+3], id="c"),
    ],
)
def test_inv_28_floors(oms: Bench, atp, safety, threshold, event, lines):
    oms.open_shop("demo", {"P": 0}, mode="DELTA")
    oms.world.setting(oms.world.products["P"], "WH", safety)
    oms.world.setting(oms.world.products["P"], "CONFIGURATION", threshold)
    oms.move("P", atp)
    oms.push("HARD")
    before = len(oms.lines())
    oms.move("P", event)

    oms.push("DELTA")

    assert [delta for _, delta, _ in oms.lines()[before:]] == lines
    assert oms.available("P") == oms.online("P")


def test_inv_34_import_before_receipt(oms: Bench):
    opened(oms, {"P": 4})
    order = oms.server.place_order("demo", {"sku": "P", "quantity": 2})
    oms.move("P", -3, reason="VAR_DAMAGED")
    oms.push("DELTA")
    assert (oms.lines(), oms.available("P")) == ([("P", -3, "APPLIED")], -1)

    oms.import_order(order)
    assert oms.push("DELTA").planned == 0
    assert (oms.online("P"), oms.book("P")) == (0, -1)

    oms.move("P", 5, reason="VAR_SHIP_RECV")
    oms.push("DELTA")
    assert oms.lines()[-1] == ("P", +5, "APPLIED")
    assert oms.available("P") == oms.online("P") == 4


def test_inv_35_dip_into_safety_stock(oms: Bench):
    oms.world.facility("NY")
    oms.open_shop("demo", {"P": 11}, mode="DELTA")
    oms.world.setting(oms.world.products["P"], "NY", 5)
    oms.move("P", 6, "NY")
    oms.move("P", 10)
    oms.push("HARD")
    order = oms.server.place_order("demo", {"sku": "P", "quantity": 3})
    number = oms.import_order(order)
    one_item.reserve(oms.db, number, 1, "NY")

    oms.push("DELTA")
    assert (oms.lines(), oms.available("P")) == ([("P", +2, "APPLIED")], 10)

    oms.move("P", -3, "NY", "VAR_DAMAGED")
    assert oms.push("DELTA").planned == 0

    oms.server.order_action("demo", order["id"], "cancel", restock=True)
    one_item.cancel(oms.db, number, 1, 3, restocked=True)
    oms.push("DELTA")
    assert oms.lines()[-1] == ("P", -3, "APPLIED")
    assert oms.available("P") == oms.online("P") == 10


def test_inv_36_a_a_threshold_goes_out(oms: Bench):
    opened(oms, {"P": 10})
    oms.world.setting(oms.world.products["P"], "CONFIGURATION", 3)

    oms.push("DELTA")

    assert oms.lines() == [("P", -3, "APPLIED")]


def test_inv_36_b_a_lifted_hold_goes_out(oms: Bench):
    oms.db.execute("update oms.product_store set hold_preorder_physical_inventory = true")
    opened(oms, {"P": 0})
    order = oms.server.place_order("demo", {"sku": "P", "quantity": 3})
    number = oms.import_order(order, facility_id="PRE_ORDER_PARKING")
    assert oms.available("P") == -3
    oms.move("P", 70, reason="VAR_SHIP_RECV")
    assert oms.push("DELTA").planned == 0
    assert (oms.online("P"), oms.book("P")) == (0, -3)

    one_item.reserve(oms.db, number, 1, "WH")
    oms.push("DELTA")

    assert oms.lines() == [("P", +70, "APPLIED")]
    assert oms.available("P") == oms.online("P") == 67


def test_inv_37_an_order_of_another_channel(oms: Bench):
    opened(oms, {"P": 10})
    number = one_item.take_in(oms.db, None, "other-1", [one_item.Line(oms.world.products["P"], 2)])
    oms.push("DELTA")
    assert (oms.lines(), oms.available("P")) == ([("P", -2, "APPLIED")], 8)

    one_item.reserve(oms.db, number, 1, "WH")
    assert oms.push("DELTA").planned == 0
    one_item.release(oms.db, number, 1)
    assert oms.push("DELTA").planned == 0
    one_item.cancel(oms.db, number, 1, 2, restocked=False)
    oms.push("DELTA")
    assert oms.lines()[-1] == ("P", +2, "APPLIED")
    assert oms.available("P") == 10


def test_inv_38_a_hard_sync_beside_deltas_adds_nothing_back(oms: Bench):
    opened(oms, {"P": 10})
    order = oms.server.place_order("demo", {"sku": "P", "quantity": 2})

    assert oms.push("HARD").planned == 0
    assert oms.drifts() == []
    oms.import_order(order)
    assert oms.push("DELTA").planned == 0
    assert oms.push("HARD").planned == 0
    assert oms.available("P") == oms.online("P") == 8


def test_inv_42_a_change_by_hand_is_noted_at_the_first_look(oms: Bench):
    opened(oms, {"P": 10})
    oms.server.adjust("demo", "P", "Main", delta=3)

    report = oms.push("HARD")

    assert (report.planned, report.drifts, oms.drifts()) == (0, 1, [3])
    oms.server.adjust("demo", "P", "Main", delta=-3)
    oms.push("HARD")
    assert oms.drifts() == []


def test_resets_are_held_back_until_a_comparison(oms: Bench):
    opened(oms, {"P": 10})
    oms.move("P", 5, reason="VAR_EXT_RESET")
    oms.move("P", -1, reason="VAR_DAMAGED")

    oms.push("DELTA")
    assert oms.lines() == [("P", -1, "APPLIED")]
    oms.push("HARD")
    assert oms.lines()[-1] == ("P", +5, "APPLIED")
    assert oms.push("DELTA").planned == 0
    assert oms.available("P") == 14


def test_just_launched_products_wait_at_stores_only(oms: Bench):
    oms.world.facility("S1")
    opened(oms, {"P": 10})
    oms.db.execute(
        "insert into oms.product_category_member (category_id, product_id) values ('NEW', %s)",
        (oms.world.products["P"],),
    )
    oms.move("P", 4, "S1")
    oms.move("P", 1)

    oms.push("DELTA", exclude_category="NEW")
    assert oms.lines() == [("P", +1, "APPLIED")]


def test_a_location_without_a_comparison_asks_for_a_hard_sync(oms: Bench):
    oms.open_shop("demo", {"P": 5}, mode="DELTA")
    oms.move("P", 7)

    report = oms.push("DELTA")

    assert report.needs_hard_sync == (oms.locations["demo", "Main"],)
    assert oms.available("P") == 5
    oms.push("HARD")
    assert oms.available("P") == 7


def test_a_store_that_does_not_reserve_has_no_deltas(oms: Bench):
    opened(oms, {"P": 5})
    oms.db.execute("update oms.product_store set reserve_inventory = false")

    with pytest.raises(SyncMisconfigured, match="does not reserve"):
        oms.push("DELTA")


def test_the_clock_serves_only_the_locations_of_the_mode(oms: Bench):
    opened(oms, {"P": 10})
    oms.move("P", -1)

    assert oms.push("RECENT", run_type="scheduled").message == "no location to serve"
    assert oms.push("DELTA", run_type="scheduled").applied == 1


def test_inv_51_kits_and_the_queue(oms: Bench):
    oms.world.facility("S1")
    oms.open_shop("demo", {"c": 6, "K": 2}, mode="DELTA")
    component, kit = oms.world.products["c"], oms.world.products["K"]
    oms.db.execute(
        "update oms.product set product_type_id = 'MARKETING_PKG_PICK' where product_id = %s", (kit,)
    )
    oms.db.execute(
        "insert into oms.product_assoc (product_id, component_product_id, quantity) values (%s, %s, 2)",
        (kit, component),
    )
    for place in ("WH", "S1"):
        oms.move("c", 3, place)
        oms.move("K", 1, place)
    oms.push("HARD")
    assert oms.lines() == []

    number = oms.import_order(oms.server.place_order("demo", {"sku": "K", "quantity": 1}))
    oms.push("DELTA")
    assert (oms.online("c"), oms.online("K"), oms.lines()) == (4, 1, [("c", -2, "APPLIED")])

    assert one_item.broker(oms.db, number, "WH") == 1
    oms.push("DELTA")
    assert (oms.online("c"), oms.online("K"), len(oms.lines())) == (4, 1, 1)

    oms.import_order(oms.server.place_order("demo", {"sku": "c", "quantity": 3}))
    oms.push("DELTA")
    assert (oms.online("c"), oms.online("K")) == (1, 0)
    assert oms.lines()[1:] == [("K", -1, "APPLIED")]
    assert (oms.available("c"), oms.available("K")) == (1, 0)


def test_orders_from_elsewhere_can_be_left_out_from_the_queue_on(oms: Bench):
    opened(oms, {"P": 10})
    left_out = {"include_foreign_reservations": False}
    product = oms.world.products["P"]
    seen = one_item.take_in(oms.db, None, "before", [one_item.Line(product, 1)])
    oms.push("HARD")
    assert oms.available("P") == 9

    number = one_item.take_in(oms.db, None, "other-1", [one_item.Line(product, 2)])
    assert oms.push("DELTA", **left_out).planned == 0
    one_item.reserve(oms.db, number, 1, "WH")
    assert oms.push("DELTA", **left_out).planned == 0
    oms.move("P", -1)
    oms.push("DELTA", **left_out)
    assert (oms.available("P"), oms.online("P")) == (8, 6)
    one_item.release(oms.db, number, 1)
    one_item.cancel(oms.db, seen, 1, 1, restocked=False)
    assert oms.push("DELTA", **left_out).planned == 0

    oms.push("HARD")

    assert oms.available("P") == oms.online("P") == 7
    assert oms.push("DELTA", **left_out).planned == oms.push("DELTA").planned == 0


def test_orders_from_elsewhere_can_be_left_out_at_a_store(oms: Bench):
    oms.world.facility("S1")
    oms.open_shop("demo", {"P": 10}, locations={"Main": ["S1"]}, mode="DELTA")
    oms.move("P", 10, "S1")
    oms.push("HARD")
    one_item.take_in(oms.db, None, "other-1", [one_item.Line(oms.world.products["P"], 2)], "S1")

    assert oms.push("DELTA", include_foreign_reservations=False).planned == 0
    oms.push("HARD")

    assert oms.available("P") == 8
    assert oms.push("DELTA", include_foreign_reservations=False).planned == 0

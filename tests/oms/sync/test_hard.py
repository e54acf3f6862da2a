"""Mode HARD: compare everything (spec inventory.md 5.1, 6.3, 7.2)."""

import pytest

from oms import catalog
from oms.parameters import resolve
from oms.sync.errors import SyncMisconfigured, TooManyDrops
from oms.sync.options import PushOptions
from tests.oms.sync.bench import Bench


@pytest.fixture
def two_stores(oms: Bench) -> Bench:
    oms.world.facility("S1")
    oms.world.facility("S2")
    return oms


@pytest.mark.parametrize(
    ("s1", "s2", "shopify", "lines", "after"),
    [
        pytest.param(-4, 2, 3, [("P", -3, "APPLIED")], 0, id="a: net-negative guard"),
        pytest.param(-4, 2, -2, [], -2, id="b: oversold units stay recorded"),
        pytest.param(-1, 9, -2, [("P", +11, "APPLIED")], 9, id="c: floor per facility"),
    ],
)
def test_inv_08_negative_available(two_stores: Bench, s1, s2, shopify, lines, after):
    two_stores.open_shop("demo", {"P": shopify})
    two_stores.move("P", s1, "S1")
    two_stores.move("P", s2, "S2")

    two_stores.push("HARD", max_drop_pct=None)

    assert two_stores.lines() == lines
    assert two_stores.available("P") == after


def test_inv_08_d_oversold_units_are_not_raised_twice(two_stores: Bench):
    oms = two_stores
    oms.open_shop("demo", {"P": 0})
    oms.move("P", -4, "S1")
    oms.move("P", 2, "S2")
    order = oms.server.place_order("demo", {"sku": "P", "quantity": 2})
    oms.push("HARD")
    oms.move("P", 5, "S1")

    oms.push("DELTA")

    assert oms.lines() == [("P", +3, "APPLIED")]
    assert oms.available("P") == 1
    oms.import_order(order)
    assert oms.push("DELTA").planned == 0
    assert oms.online("P") == 1


def test_inv_09_an_untracked_item_is_skipped(oms: Bench):
    oms.open_shop("demo", {"G": {"tracked": False}, "H": 7, "J": 4})
    for sku, atp in {"G": 40, "H": 9, "J": 4}.items():
        oms.move(sku, atp)

    report = oms.push("HARD")

    assert oms.lines() == [("H", +2, "APPLIED")]
    assert report.skipped == {"SKIPPED_UNTRACKED": 1}
    assert (report.unchanged, report.warnings) == (1, 1)


def test_inv_10_an_item_without_a_level_is_skipped(oms: Bench):
    oms.open_shop("demo", {"A": 100, "X": {}, "C": 25})
    for sku, atp in {"A": 95, "X": 4, "C": 30}.items():
        oms.move(sku, atp)

    report = oms.push("HARD")

    assert oms.lines() == [("A", -5, "APPLIED"), ("C", +5, "APPLIED")]
    assert report.skipped == {"SKIPPED_NOT_STOCKED": 1}


def test_inv_10_an_inactive_level_is_skipped(oms: Bench):
    oms.open_shop("demo", {"A": 100, "X": 9}, locations={"Main": ["_NA_"], "Other": []})
    oms.move("X", 4)
    oms.server.set_active("demo", "X", "Main", False)

    assert oms.push("HARD").skipped["SKIPPED_NOT_STOCKED"] == 1
    assert ("X", -5) not in oms.applied()


def test_inv_10_activate_at_location_stocks_the_item(oms: Bench):
    oms.open_shop("demo", {"A": 100, "X": {}})
    oms.move("A", 95)
    oms.move("X", 4)

    oms.push("HARD", activate_at_location=True)

    assert oms.available("X") == 4
    assert oms.book("X") == 4
    assert oms.lines() == [("A", -5, "APPLIED")]
    assert oms.push("HARD", activate_at_location=True).planned == 0


def test_inv_11_many_facilities_one_location(oms: Bench):
    for name, member in {"NY": True, "TOKYO": True, "OUTLET": False}.items():
        oms.world.facility(name, member=member)
    oms.open_shop("demo", {"P": 42})
    product = oms.world.products["P"]
    for facility, atp, safety in (("NY", 10, 2), ("TOKYO", 1, 3), ("WH", 40, 0), ("OUTLET", 7, 0)):
        oms.move("P", atp, facility)
        oms.world.setting(product, facility, safety)
    oms.world.setting(product, "CONFIGURATION", 5)
    oms.world.order(product, 4)

    oms.push("HARD")
    assert oms.lines() == [("P", -3, "APPLIED")]
    assert oms.available("P") == oms.online("P") == 39

    oms.move("P", -1, "TOKYO", "POS_SALE")
    assert oms.push("DELTA").planned == 0
    oms.move("P", -3, "NY", "POS_SALE")
    oms.push("DELTA")
    assert oms.available("P") == oms.online("P") == 36


def test_a_location_both_consolidated_and_physical_stops_before_any_write(oms: Bench):
    oms.open_shop("demo", {"P": 5}, locations={"Main": ["_NA_", "WH"]})
    oms.move("P", 7)

    with pytest.raises(SyncMisconfigured, match="consolidated and physical"):
        oms.push("HARD")

    assert oms.lines() == []
    assert oms.available("P") == 5


def test_a_physical_location_shows_its_facility_and_the_consolidated_one_the_channel(oms: Bench):
    oms.world.facility("S1")
    oms.open_shop("demo", {"P": 0}, locations={"Main": ["_NA_"], "Store": ["S1"]})
    oms.move("P", 7)
    oms.move("P", 3, "S1")

    oms.push("HARD")

    assert (oms.available("P"), oms.available("P", location="Store")) == (10, 3)


def test_allow_brokering_n_publishes_0_at_a_physical_location(oms: Bench):
    oms.open_shop("demo", {"P": 5}, locations={"Store": ["WH"]})
    oms.move("P", 5)
    oms.world.setting(oms.world.products["P"], "WH", 0, False)

    oms.push("HARD", max_drop_pct=None)

    assert oms.available("P", location="Store") == 0


def test_a_product_without_mapping_is_skipped_and_never_taken_as_0(oms: Bench):
    oms.open_shop("demo", {"P": 5, "U": 5})
    oms.db.execute(
        "update oms.shop_product set shopify_inventory_item_id = null where product_id = %s",
        (oms.world.products["U"],),
    )
    oms.move("P", 5)

    assert oms.push("HARD").skipped == {"SKIPPED_UNMAPPED": 1}
    assert oms.available("U") == 5


def test_too_many_drops_stop_before_the_first_send(oms: Bench):
    oms.open_shop("demo", {f"P{n}": 5 for n in range(12)})
    oms.move("P0", 5)

    with pytest.raises(TooManyDrops, match="11 of 12"):
        oms.push("HARD")

    assert oms.lines() == []
    assert oms.mark() is None
    assert oms.push("HARD", max_drop_pct=None).applied == 11


def test_a_dry_run_writes_and_sends_nothing(oms: Bench):
    oms.open_shop("demo", {"P": 5})
    oms.move("P", 7)

    report = oms.push("HARD", dry_run=True)

    assert [(one.compared_with, one.desired, one.delta) for one in report.preview] == [(5, 7, 2)]
    assert (oms.lines(), oms.mark(), oms.available("P")) == ([], None, 5)
    assert oms.db.execute("select count(*) from oms.sync_book").fetchone() == (0,)


def test_pushes_switched_off_are_skipped_with_a_message(oms: Bench):
    oms.open_shop("demo", {"P": 5})
    oms.move("P", 7)
    oms.db.execute("update oms.shop set push_enabled = false")

    assert "switched off" in oms.push("HARD").message
    assert oms.available("P") == 5


def test_after_a_reset_a_hard_sync_serves_only_delta_locations(oms: Bench):
    oms.open_shop("demo", {"P": 5})
    oms.move("P", 7)

    assert oms.push("HARD", run_type="asset_triggered").message == "no location to serve"
    oms.mode("DELTA")
    assert oms.push("HARD", run_type="asset_triggered").applied == 1


def test_qoh_basis_compares_with_on_hand(oms: Bench):
    oms.open_shop("demo", {"P": 10}, locations={"Store": ["WH"]})
    oms.db.execute("update oms.shop_location set physical_basis = 'QOH'")
    oms.move("P", 10)
    oms.server.place_order("demo", {"sku": "P", "quantity": 2})

    assert oms.push("HARD").planned == 0
    assert oms.available("P", location="Store") == 8


def test_a_hard_sync_of_changes_alone_compares_what_has_moved_since_the_last_one(oms: Bench):
    """includeAll=false: what somebody has changed in Shopify alone is left to a run over all levels."""
    changes_alone = PushOptions.of(resolve(catalog.UPLOAD_INVENTORY, {"includeAll": False}))
    assert changes_alone.include_all is False
    oms.open_shop("demo", {"P": 10, "Q": 10})
    oms.move("P", 10)
    oms.move("Q", 10)
    assert oms.push("HARD", include_all=False).unchanged == 2, "nothing was compared before: everything is"
    oms.move("P", -3)
    oms.server.adjust("demo", "Q", "Main", delta=5)

    report = oms.push("HARD", include_all=False)

    assert (report.candidates, report.applied) == (1, 1)
    assert (oms.available("P"), oms.available("Q")) == (7, 15)
    assert oms.push("HARD", include_all=False).planned == 0
    assert oms.push("HARD").applied == 1
    assert oms.available("Q") == 10

"""A facility moves to another location, or none: the next push takes its units off the old one."""

from pathlib import Path

import pytest

from oms.__main__ import main
from oms.setup.applying import set_up
from oms.sync.options import Mode
from tests.oms import one_item
from tests.oms.sync.bench import Bench

STORES = ("S1", "S2", "S3")
HEADERS = {
    "shop_location_facilities": "shop_id,facility_id,shopify_location_id",
    "shop_locations": "shop_id,shopify_location_id,location_name,sync_mode,leave_units",
}


class Retailer:
    """Two stores with locations of their own and one location that is free, changed by files of a setup."""

    def __init__(self, oms: Bench, folder: Path, mode: str) -> None:
        self.oms, self.folder, self.mode = oms, folder, mode
        for store in STORES:
            oms.world.facility(store)
        oms.open_shop(
            "demo", {"A": 0, "B": 0}, locations={"One": ["S1"], "Two": ["S2"], "Free": ["S3"]}, mode=mode
        )
        self.map(S1="One", S2="Two")
        for store, units in (("S1", 5), ("S2", 3)):
            oms.move("A", units, store)
            oms.move("B", 1, store)
        oms.push("HARD")
        assert self.shown("A") == {"One": 5, "Two": 3, "Free": 0}

    def write(self, file: str, *rows: str) -> None:
        (self.folder / f"{file}.csv").write_text("\n".join([HEADERS[file], *rows]) + "\n")

    def number(self, location: str) -> int:
        return self.oms.locations["demo", location]

    def map(self, **facilities: str) -> list[str]:
        """Map the facilities and no others; return what the setup says of location One."""
        self.write(
            "shop_location_facilities",
            *(f"demo,{facility},{self.number(at)}" for facility, at in facilities.items()),
        )
        return self.apply()

    def set(self, location: str, mode: str, leave: str = "") -> list[str]:
        self.write("shop_locations", f"demo,{self.number(location)},{location},{mode},{leave}")
        return self.apply()

    def apply(self) -> list[str]:
        with self.oms.db.transaction():
            report = set_up(self.oms.db, self.folder, prune=True)
        for path in self.folder.iterdir():
            path.unlink()
        return [line for line in report.lines if f"'demo / {self.number('One')}'" in line]

    def shown(self, sku: str) -> dict[str, int]:
        return {one["location_name"]: one["available"] for one in self.oms.server.levels("demo", sku=sku)}

    def push(self, mode: Mode | None = None, **options: object) -> None:
        self.oms.push(mode or self.mode, run_type="scheduled", **options)


@pytest.fixture(params=["RECENT", "DELTA"])
def retailer(oms: Bench, tmp_path: Path, request: pytest.FixtureRequest) -> Retailer:
    return Retailer(oms, tmp_path, request.param)


def test_the_setup_says_what_the_old_location_offers_and_the_next_push_takes_it_off(retailer: Retailer):
    (note,) = retailer.map(S1="Free", S2="Two")

    assert (
        "no facility is mapped to it any more; by its book it goes on offering 6 units of 2 products" in note
    )
    assert note.endswith("until the next push takes them off (leave_units Y leaves them)")
    retailer.push()
    assert retailer.shown("A")["One"] == retailer.shown("B")["One"] == 0
    assert retailer.shown("A")["Two"] == 3
    retailer.push("HARD")
    assert retailer.shown("A") == {"One": 0, "Two": 3, "Free": 5}


def test_a_dry_run_says_it_too(retailer: Retailer, oms_dsn: str, capsys: pytest.CaptureFixture[str]):
    retailer.write("shop_location_facilities", f"demo,S2,{retailer.number('Two')}")

    assert main(["--dsn", oms_dsn, "setup", str(retailer.folder), "--dry-run", "--prune"]) == 0

    assert "it goes on offering 6 units of 2 products until the next push" in capsys.readouterr().out
    retailer.oms.push("HARD")
    assert retailer.shown("A")["One"] == 5


def test_once_it_is_empty_it_is_nobody_s(retailer: Retailer):
    """Who takes the location over afterwards finds his figures left alone."""
    retailer.map(S2="Two")
    retailer.push()
    retailer.oms.server.adjust("demo", "A", "One", delta=9)

    retailer.push()
    retailer.push("HARD")
    retailer.oms.push("DELTA", include_all=True)

    assert retailer.shown("A")["One"] == 9


def test_the_units_can_be_left(retailer: Retailer):
    retailer.set("One", retailer.mode, "Y")
    (note,) = retailer.map(S2="Two")

    assert "it goes on offering 6 units of 2 products (leave_units is Y)" in note
    retailer.push()
    retailer.push("HARD")
    assert retailer.shown("A")["One"] == 5

    assert "until the next push takes them off" in retailer.set("One", retailer.mode, "N")[0]
    retailer.push()
    assert retailer.shown("A")["One"] == 0


def test_a_mapping_that_changes_twice_before_a_push(retailer: Retailer):
    retailer.map(S1="Free", S2="Two")
    assert retailer.map(S1="One", S2="Two") == []
    retailer.push()
    assert retailer.shown("A") == {"One": 5, "Two": 3, "Free": 0}

    retailer.map(S1="Free", S2="Two")
    retailer.push()
    retailer.push("HARD")
    retailer.map(S1="One", S2="Two")
    retailer.push()
    assert retailer.shown("A") == {"One": 5, "Two": 3, "Free": 0}


def test_two_stores_that_change_places(retailer: Retailer):
    assert retailer.map(S1="Two", S2="One") == []

    retailer.push()

    assert retailer.shown("A") == {"One": 3, "Two": 5, "Free": 0}


def test_a_location_that_is_switched_off_is_left_alone_and_that_is_said(retailer: Retailer):
    (note,) = retailer.set("One", "OFF")
    assert "its sync_mode is OFF: nothing is sent there, and by its book it goes on offering 6 units" in note

    retailer.map(S1="Free", S2="Two")
    retailer.push()
    assert retailer.shown("A")["One"] == 5

    retailer.set("One", retailer.mode)
    retailer.push("HARD")
    assert retailer.shown("A")["One"] == 0


def test_what_was_sold_meanwhile_is_not_put_back(retailer: Retailer):
    order = retailer.oms.server.place_order("demo", {"sku": "A", "quantity": 2, "location": "One"})
    retailer.map(S2="Two")

    retailer.push()
    assert retailer.shown("A")["One"] <= 0
    retailer.oms.import_order(order)
    retailer.push()
    retailer.push("HARD")

    assert retailer.shown("A")["One"] <= 0


@pytest.mark.parametrize("imported", ["sold", "cancelled", "never"])
def test_what_was_sold_meanwhile_is_taken_off_when_it_is_cancelled(retailer: Retailer, imported: str):
    oms = retailer.oms
    order = oms.server.place_order("demo", {"sku": "A", "quantity": 2, "location": "One"})
    retailer.map(S2="Two")
    retailer.push()
    number = oms.import_order(order) if imported != "never" else None
    if imported == "sold":
        retailer.push()
    oms.server.order_action("demo", order["id"], "cancel", restock=True)
    if number is not None:
        one_item.cancel(oms.db, number, 1, 2, restocked=True)
    elif retailer.mode == "RECENT":
        assert retailer.shown("A")["One"] == 2

    for _ in range(2):
        retailer.push()

    assert retailer.shown("A")["One"] == 0
    assert retailer.shown("A")["Two"] == 3


def test_taking_off_is_no_drop_that_stops_a_hard_sync(oms: Bench, tmp_path: Path):
    skus = [f"P{number}" for number in range(12)]
    oms.world.facility("S1")
    oms.open_shop("demo", dict.fromkeys(skus, 0), locations={"One": ["S1"], "Main": ["_NA_"]})
    for sku in skus:
        oms.move(sku, 2, "S1")
    oms.push("HARD")
    (tmp_path / "shop_location_facilities.csv").write_text(
        f"shop_id,facility_id,shopify_location_id\ndemo,_NA_,{oms.locations['demo', 'Main']}\n"
    )
    with oms.db.transaction():
        set_up(oms.db, tmp_path, prune=True)

    report = oms.push("HARD")

    assert report.applied == 12
    assert {oms.available(sku, location="One") for sku in skus} == {0}

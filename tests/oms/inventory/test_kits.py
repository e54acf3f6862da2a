"""Kits: their balances follow their components (inventory.md 2.5, 5.12)."""

import io
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from oms.inventory import kits
from oms.inventory.kits import BadKits
from tests.oms.world import World

HEADER = "kit_sku,component_sku,quantity\n"


@pytest.fixture
def shop_floor(oms_dsn: str):
    with psycopg.connect(oms_dsn, autocommit=True) as conn:
        yield World(conn)


def known(world: World, *skus: str) -> None:
    for sku in skus:
        product = world.product(sku)
        world.db.execute(
            """insert into oms.product_identification (product_id, identification_type_id, id_value)
               values (%s, 'SKU', %s)""",
            (product, sku),
        )


def define(world: World, *rows: str) -> int:
    return kits.define(world.db, kits.read_definitions(io.StringIO(HEADER + "\n".join(rows) + "\n")))


def compute(world: World, **options) -> kits.Account:
    return kits.compute_kits(world.db, "bulk_recent_kit/run", **options)


def balances(world: World, sku: str) -> dict[str, tuple[int, int]]:
    rows = world.db.execute(
        """select facility_id, sum(qoh)::int, sum(atp)::int from oms.inventory_item
            where product_id = %s group by facility_id""",
        (world.products[sku],),
    )
    return {facility: (qoh, atp) for facility, qoh, atp in rows}


def entries(world: World) -> int:
    return world.db.execute(
        "select count(*) from oms.inventory_ledger where comments = 'kit computed'"
    ).fetchone()[0]


def stock(world: World, sku: str, **facilities: int) -> None:
    for facility, units in facilities.items():
        known_facility = world.db.execute("select 1 from oms.facility where facility_id = %s", (facility,))
        if known_facility.fetchone() is None:
            world.facility(facility)
        world.stock(world.products[sku], facility, units)


@pytest.fixture
def belts(shop_floor: World) -> World:
    """The kit of a belt and a wallet."""
    known(shop_floor, "B", "W", "K")
    define(shop_floor, "K,B,1", "K,W,1")
    return shop_floor


def test_inv_20_example_1(belts: World):
    stock(belts, "B", TIMES_SQUARE=5, BROADWAY=3)
    stock(belts, "W", BROOKLYN=10, BROADWAY=7)

    compute(belts)

    assert sum(atp for _, atp in balances(belts, "K").values()) == 3


def test_inv_20_example_2_then_two_belts_are_sold(belts: World):
    stock(belts, "B", BROOKLYN=3, BROADWAY=1)
    stock(belts, "W", BROOKLYN=2, BROADWAY=5)
    assert compute(belts).changed == 2
    assert balances(belts, "K") == {"BROOKLYN": (2, 2), "BROADWAY": (1, 1)}

    stock(belts, "B", BROOKLYN=-1)
    assert compute(belts).changed == 0

    stock(belts, "B", BROOKLYN=-1)
    assert compute(belts).changed == 1
    assert balances(belts, "K") == {"BROOKLYN": (1, 1), "BROADWAY": (1, 1)}
    assert belts.db.execute(
        """select qoh_diff, atp_diff, reason_id from oms.inventory_ledger
            where comments = 'kit computed' order by entry_id desc limit 1"""
    ).fetchone() == (-1, -1, "VAR_INTEGR")


def test_inv_20_example_3(shop_floor: World):
    known(shop_floor, "B", "W", "K")
    define(shop_floor, "K,B,2", "K,W,3")
    stock(shop_floor, "B", WH=5)
    stock(shop_floor, "W", WH=7)

    compute(shop_floor)

    assert balances(shop_floor, "K") == {"WH": (2, 2)}


def test_inv_20_a_kit_in_a_kit_counts_by_its_parts(shop_floor: World):
    known(shop_floor, "B", "W", "K", "BOX")
    define(shop_floor, "K,B,1", "K,W,1", "BOX,K,2", "BOX,B,1")
    stock(shop_floor, "B", WH=9)
    stock(shop_floor, "W", WH=9)

    compute(shop_floor)

    assert balances(shop_floor, "K") == {"WH": (9, 9)}
    assert balances(shop_floor, "BOX") == {"WH": (3, 3)}, "2 belts in the kits and one beside them"


def test_inv_20_a_cycle_is_refused_and_the_others_go_on(belts: World):
    known(belts, "X", "Y")
    belts.db.execute(
        """insert into oms.product_assoc (product_id, component_product_id, quantity)
           values (%(x)s, %(y)s, 1), (%(y)s, %(x)s, 1)""",
        {"x": belts.products["X"], "y": belts.products["Y"]},
    )
    stock(belts, "B", WH=1)
    stock(belts, "W", WH=1)
    stock(belts, "X", WH=5)

    account = compute(belts, include_all=True)

    assert account.in_cycle == ("X", "Y")
    assert balances(belts, "K") == {"WH": (1, 1)}
    assert balances(belts, "Y") == {}


def test_a_definition_that_would_make_a_cycle_is_refused_as_a_whole(belts: World):
    known(belts, "Z")

    with pytest.raises(BadKits, match="kit B would contain itself"):
        define(belts, "K,B,1", "K,Z,1", "B,K,1")

    assert belts.db.execute("select count(*) from oms.product_assoc where thru_date is null").fetchone() == (
        2,
    )


def test_missing_negative_and_uncounted_components(belts: World):
    known(belts, "CARD", "WRAP")
    define(belts, "K,B,1", "K,W,1", "K,CARD,1", "K,WRAP,1")
    belts.db.execute("update oms.product set product_type_id = 'GIFT_CARD' where internal_name = 'CARD'")
    belts.shop(belts.products["WRAP"], tracked=False)
    stock(belts, "B", WH=4, STORE=-2, OUTLET=3)
    stock(belts, "W", WH=6, STORE=5)

    compute(belts)

    assert balances(belts, "K") == {"WH": (4, 4)}, "STORE has -2 belts, OUTLET no wallets"


def test_a_kit_that_nothing_limits_is_left_alone(shop_floor: World):
    known(shop_floor, "CARD", "K")
    define(shop_floor, "K,CARD,1")
    shop_floor.db.execute("update oms.product set product_type_id = 'GIFT_CARD' where internal_name = 'CARD'")
    stock(shop_floor, "K", WH=7)

    assert compute(shop_floor).without_parts == ("K",)

    assert balances(shop_floor, "K") == {"WH": (7, 7)}


def test_safety_stock_counts_if_asked_for(belts: World):
    stock(belts, "B", WH=10)
    stock(belts, "W", WH=10)
    belts.setting(belts.products["B"], "WH", minimum=4)

    compute(belts, basis="COMPUTED_ATP")

    assert balances(belts, "K") == {"WH": (6, 6)}


def test_a_component_that_ended_counts_no_more(belts: World):
    stock(belts, "B", WH=10)
    stock(belts, "W", WH=2)
    compute(belts)

    define(belts, "K,B,1")

    assert compute(belts).changed == 1
    assert balances(belts, "K") == {"WH": (10, 10)}


def test_only_kits_with_a_change_are_looked_at(belts: World):
    known(belts, "C", "K2")
    define(belts, "K2,C,1")
    stock(belts, "B", WH=1)
    stock(belts, "W", WH=1)
    assert compute(belts).kits == 2
    assert compute(belts).kits == 1, "its own first entry came after the mark"
    assert compute(belts).kits == 0

    stock(belts, "C", WH=3)

    assert compute(belts).kits == 1
    assert compute(belts, include_all=True).kits == 2
    assert balances(belts, "K2") == {"WH": (3, 3)}


def test_a_change_that_commits_late_is_not_lost(belts: World, oms_dsn: str):
    stock(belts, "B", WH=5)
    stock(belts, "W", WH=5)
    compute(belts)
    with psycopg.connect(oms_dsn) as late:
        World.stock(_on(belts, late), belts.products["B"], "WH", -3)
        compute(belts)
        assert balances(belts, "K") == {"WH": (5, 5)}
        late.commit()

    compute(belts)

    assert balances(belts, "K") == {"WH": (2, 2)}


def test_two_computations_at_once_book_once(belts: World, oms_dsn: str):
    stock(belts, "B", WH=5)
    stock(belts, "W", WH=5)

    def run(number: int) -> None:
        with psycopg.connect(oms_dsn, autocommit=True) as own:
            kits.compute_kits(own, f"run {number}", include_all=True)

    with ThreadPoolExecutor(4) as runs:
        list(runs.map(run, range(4)))

    assert balances(belts, "K") == {"WH": (5, 5)}
    assert entries(belts) == 1


def test_a_dry_run_books_nothing(belts: World):
    stock(belts, "B", WH=5)
    stock(belts, "W", WH=5)

    assert compute(belts, dry_run=True).changed == 1

    assert balances(belts, "K") == {}
    assert compute(belts).changed == 1


def test_every_fault_of_a_file_is_named_with_its_line(belts: World):
    with pytest.raises(BadKits) as refused:
        define(belts, "K,NOPE,1", ",B,1", "K,B,0", "K,K,1", "K,W,1", "K,W,2", "K\0,B,1")

    assert refused.value.faults == [
        "line 2: component_sku 'NOPE' has no product",
        "line 3: kit_sku '' is blank",
        "line 4: quantity '0' is not a whole number from 1 on",
        "line 5: kit K cannot contain itself",
        "line 7: W stands twice in kit K",
        r"line 8: kit_sku 'K\x00' has no product",
    ]
    with pytest.raises(BadKits, match="line 1: no column component_sku"):
        kits.read_definitions(io.StringIO("kit_sku,what\n"))


def test_the_same_definition_again_changes_nothing(belts: World):
    assert define(belts, "K,B,1", "K,W,") == 0
    assert define(belts, "K,B,2", "K,W,1") == 2


def _on(world: World, conn: psycopg.Connection) -> World:
    """The same world seen over another connection."""
    other = object.__new__(World)
    other.db, other.products, other._keys = conn, world.products, iter(["late"])
    return other


def test_skus_are_compared_without_their_form_of_unicode_and_blanks_of_no_width(shop_floor: World):
    known(shop_floor, "KIT", "Ö")

    assert define(shop_floor, "KIT\u200b,O\u0308\ufeff,2") == 1


def test_a_line_that_says_nothing_is_no_row(shop_floor: World):
    known(shop_floor, "KIT", "P")

    assert define(shop_floor, ",,", "KIT,P,2", "\u3000,,", "\x1a") == 1

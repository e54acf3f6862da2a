"""Files of Shopify's levels, the locations side by side; the result is that of the bulk query (5.15)."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import paramiko
import pytest

from oms.imports.errors import FileRefused
from oms.shopify import exports
from oms.stock_pulls import sync
from tests.oms.imports.conftest import RESET_JOB, Floor, now, sftp_client
from tests.oms.stock_pulls.side import Side

TEN = "2026-11-03T10:00:00Z"
LATER = "2026-11-03T10:00:07Z"
LAST = "2026-11-03T11:00:07+01:00"


@pytest.fixture
def sftp(sftp_server: Any, sftp_root: Path) -> Iterator[paramiko.SFTPClient]:
    with sftp_client(sftp_server) as files:
        yield files


def test_balances_follow_the_lines(side: Side, sftp, sftp_root):
    side.open_shop({"P": 1, "Q": 1})
    side.stand("P", 6, 5)

    side.files(
        sftp,
        sftp_root,
        side.line("P", 7, TEN) + side.line("P", 2, TEN, location="Other") + side.line("Q", -3, TEN),
    )

    assert side.position("P") == (8, 7)
    assert side.position("P", "S2") == (2, 2)
    assert side.position("Q") == (-3, -3)


def test_each_location_is_one_chunk_and_its_newest_line_wins(side: Side, sftp, sftp_root):
    side.open_shop({"P": 1})

    side.files(
        sftp,
        sftp_root,
        side.line("P", 9, LATER) + side.line("P", 4, TEN) + side.line("P", 5, TEN, location="Other"),
        minChunkRows=1,
    )

    chunks = side.db.execute("select label, facility_ids from oms.import_chunk order by 1").fetchall()
    assert [facilities for _, facilities in chunks] == [["S1"], ["S2"]]
    assert str(side.oms.locations["demo", "Store"]) in chunks[0][0]
    assert (side.position("P"), side.position("P", "S2")) == ((9, 9), (5, 5))
    assert side.db.execute("select superseded_count from oms.import_log").fetchone() == (1,)


def test_of_two_files_the_newer_word_wins_whatever_their_order(side: Side, sftp, sftp_root):
    side.open_shop({"P": 1})

    side.files(sftp, sftp_root, side.line("P", 9, LATER), side.line("P", 4, TEN))

    assert side.position("P") == (9, 9)
    assert side.notes() == {"STALE": 1}


def test_a_zone_is_no_other_time(side: Side, sftp, sftp_root):
    side.open_shop({"P": 1})
    side.files(sftp, sftp_root, side.line("P", 9, LATER))

    side.files(sftp, sftp_root, side.line("P", 9, LAST))

    assert side.db.execute("select unchanged_count from oms.import_log order by log_id").fetchall()[-1] == (
        1,
    )


def test_bad_lines_are_set_aside_and_stop_no_other(side: Side, sftp, sftp_root):
    side.open_shop({"P": 1})
    store, item = side.oms.locations["demo", "Store"], side.oms.items["demo", "P"]

    side.files(
        sftp,
        sftp_root,
        f"mars,{item},P,true,{store},1,1,{TEN}\n"
        f"demo,404,P,true,{store},1,1,{TEN}\n"
        f"demo,x,P,true,{store},1,1,{TEN}\n"
        f"demo,{item},P,true,{store},many,1,{TEN}\n"
        f"demo,{item},P,true,{store},1,1,soon\n"
        f"demo,{item},P,true,{store},1,1,2099-01-01T00:00:00Z\n"
        f"demo,{item},P,true,{store},1,1,\n"
        f"demo,{item},P,perhaps,{store},1,1,{TEN}\n"
        f"demo,{item},P,true,404,1,1,{TEN}\n"
        f"demo,{item},P,false,{store},1,1,{TEN}\n"
        f"demo,{item},P,true,{store},,1,{TEN}\n"
        f"demo,{item},P,true,{store},5,1,{TEN}\n",
    )

    assert side.position("P") == (5, 5)
    assert side.rejects() == [
        "ERR_FUTURE_TIMESTAMP",
        "ERR_INVALID_BOOLEAN",
        "ERR_INVALID_NUMBER",
        "ERR_INVALID_NUMBER",
        "ERR_INVALID_TIMESTAMP",
        "ERR_PRODUCT_NOT_FOUND",
        "ERR_REQUIRED",
        "ERR_SHOP_NOT_FOUND",
    ]
    assert side.notes() == {"SKIPPED_UNMAPPED": 1, "SKIPPED_UNTRACKED": 2}
    messages = (
        "select error_column, error_message from oms.import_reject where error_code like '%NUMBER' order by 1"
    )
    assert [column for column, _ in side.db.execute(messages)] == ["available", "inventory_item_id"]


def test_inv_33_a_line_of_a_shop_of_ours_refuses_the_file(side: Side, sftp, sftp_root):
    side.open_shop({"P": 1})
    side.open_shop({"P": 1}, "ours", master="OMS")

    with pytest.raises(FileRefused, match="line 3: the OMS owns the stock of shop ours"):
        side.files(sftp, sftp_root, side.line("P", 7, TEN) + side.line("P", 7, TEN, shop="ours"))

    assert side.position("P") is None


def test_initial_stock_is_for_facilities_without_entries(side: Side, sftp, sftp_root):
    side.open_shop({"P": 1}, master="OMS")
    side.stand("P", 1, 1, "S2")

    side.files(
        sftp,
        sftp_root,
        side.line("P", 7, TEN) + side.line("P", 7, TEN, location="Other"),
        initialStock=True,
    )

    assert (side.position("P"), side.position("P", "S2")) == ((7, 7), (1, 1))


def test_initial_stock_is_newer_than_a_count_from_before_it(side: Side, sftp, sftp_root):
    """Also where the shop has none: no entry tells of that."""
    side.open_shop({"P": 1, "Q": 1}, master="OMS")
    (sftp_root / RESET_JOB.import_path).mkdir(parents=True)
    floor = Floor(side.db, sftp, sftp_root, side.oms.dsn, side.no_sftp)
    before = now(floor)
    side.files(sftp, sftp_root, side.line("P", 7, TEN) + side.line("Q", 0, TEN), initialStock=True)

    products = dict(side.db.execute("select internal_name, product_id from oms.product").fetchall())
    lines = (f"S1,{products[sku]},{units},false,{before}\n" for sku, units in (("P", 7), ("Q", 3)))
    floor.reset("facilityId,productId,availableQty,resetByAtp,asOf\n" + "".join(lines)).raise_if_open()

    assert (side.position("P"), side.position("Q")) == ((7, 7), (0, 0))
    assert side.notes() == {"STALE": 2}


def test_a_target_that_holds_no_stock_refuses_the_file(side: Side, sftp, sftp_root):
    side.open_shop({"P": 1})

    with pytest.raises(FileRefused, match="targetFacilityId"):
        side.files(sftp, sftp_root, side.line("P", 7, TEN), targetFacilityId="_NA_")


PAIRS = {"S1": "T1", "S2": "T2", "WH": "TW"}
PLACES = ("Store", "Other", "Web")


def exported(side: Side, shop: str) -> str:
    """The lines that somebody would export of a shop."""
    client = side.oms.client(shop)
    operation = exports.wait(client, exports.start(client, sync._query(None)))
    known = frozenset(number for (of, _), number in side.oms.locations.items() if of == shop)
    with exports.lines(operation) as lines:
        return b"".join(sync.Export(shop, known).text(lines)).decode().partition("\n")[2]


@pytest.mark.parametrize("seed", range(6))
def test_the_result_is_that_of_the_bulk_query(seed: int, side: Side, sftp, sftp_root):
    """Two equal shops with equal stores: one is read by the bulk query, the other from files."""
    random = Random(seed)
    quantity, wanted = random.choice(["available", "on_hand"]), random.choice([None, "WH"])
    products: dict[str, Any] = {
        f"P{number}": {
            "tracked": random.random() > 0.15,
            "levels": {place: random.randint(-3, 20) for place in PLACES if random.random() > 0.3},
        }
        for number in range(12)
    }
    for twin in PAIRS.values():
        side.oms.world.facility(twin)
    side.oms.server.clock(-7200)
    side.open_shop(products, "bulk", locations={"Store": ["S1"], "Other": ["S2"], "Web": ["_NA_"]})
    side.open_shop(
        products, "files", locations={"Store": ["T1"], "Other": ["T2"], "Web": ["_NA_", "TW", "WH"]}
    )
    for sku in random.sample(list(products), 2):
        gone = (side.oms.world.products[sku],)
        side.db.execute("update oms.shop_product set thru_date = now() where product_id = %s", gone)
    for sku in products:
        facility, units = random.choice(list(PAIRS)), random.randint(-5, 30)
        side.stand(sku, units, units - 2, facility)
        side.stand(sku, units, units - 2, PAIRS[facility])

    for step in range(3):
        side.sync("bulk", quantityName=quantity, targetFacilityId=wanted)
        given = {"quantityName": quantity, "targetFacilityId": wanted and PAIRS[wanted]}
        side.files(sftp, sftp_root, exported(side, "files"), minChunkRows=1, **given)
        side.oms.server.clock(-3600 + 60 * step)
        for sku in random.sample(list(products), 4):
            place = random.choice(list(products[sku]["levels"]) or ["Store"])
            delta, units, facility = random.randint(1, 9), random.randint(1, 9), random.choice(list(PAIRS))
            if place in products[sku]["levels"]:
                for shop in ("bulk", "files"):
                    side.oms.server.adjust(shop, sku, place, delta=delta)
            side.oms.move(sku, units, facility)
            side.oms.move(sku, units, PAIRS[facility])

    positions = side.db.execute(
        """select internal_name, facility_id, qoh, atp
             from oms.inventory_item join oms.product using (product_id) order by 1, 2"""
    ).fetchall()
    here, there = (
        [(sku, names[place], *figures) for sku, place, *figures in positions if place in names]
        for names in ({one: one for one in PAIRS}, {twin: one for one, twin in PAIRS.items()})
    )
    assert here == there
    counts = side.db.execute(
        """select total_count, applied_count, unchanged_count, superseded_count, skipped_count,
                  rejected_count,
                  (select array_agg(outcome order by outcome) from oms.import_row_note as note
                    where note.log_id = log.log_id),
                  (select array_agg(reject.error_code) from oms.import_reject as reject
                    where reject.log_id = log.log_id)
             from oms.import_log as log order by log_id"""
    ).fetchall()
    assert counts[0::2] == counts[1::2]
    assert len(counts) == 6
    assert counts[0][1] > 0


def test_levels_at_one_facility_are_never_in_two_chunks_of_a_load(side: Side, sftp, sftp_root):
    """Two locations that stand for one facility are not applied side by side."""
    side.open_shop({"P": 1}, locations={"Store": ["_NA_"], "Other": ["S2"]})

    side.files(
        sftp,
        sftp_root,
        side.line("P", 7, TEN) + side.line("P", 5, LATER, location="Other"),
        targetFacilityId="S2",
        minChunkRows=1,
    )

    assert side.position("P", "S2") == (5, 5)
    assert side.db.execute("select count(*) from oms.import_chunk").fetchone() == (1,)

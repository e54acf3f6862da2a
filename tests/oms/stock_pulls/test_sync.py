"""All levels of a shop by one bulk query: balances follow where Shopify owns the stock (5.14)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from oms import crashpoints, database
from oms.parameters import BadParameter
from oms.shopify.errors import ExportDamaged, ExportIncomplete, Misconfigured
from oms.stock_pulls import sync
from tests.oms.stock_pulls.side import Side

pytestmark = pytest.mark.usefixtures("locks_in_order")

ZERO = {"Store": 0, "Other": 0}


def test_balances_follow_the_levels(side: Side):
    side.open_shop({"P": {"levels": {"Store": 7, "Other": 2}}, "Q": {"levels": {"Store": 4}}})
    side.stand("P", 6, 5)
    side.stand("Q", 4, 4)

    counts = side.sync()

    assert side.position("P") == (8, 7), "a reset by ATP moves both by the difference (5.4)"
    assert side.position("P", "S2") == (2, 2)
    assert side.position("Q") == (4, 4)
    assert {name: counts[name] for name in ("levels", "total", "applied", "unchanged", "skipped")} == {
        "levels": 3,
        "total": 3,
        "applied": 2,
        "unchanged": 1,
        "skipped": 0,
    }
    assert side.logs() == ["DmlsFinished"]


def test_on_hand_sets_what_lies_there(side: Side):
    side.open_shop({"P": {"levels": {"Store": 7}}})
    side.oms.server.place_order("demo", {"sku": "P", "quantity": 2, "location": "Store"})
    side.stand("P", 4, 1)

    side.sync(quantityName="on_hand")

    assert side.position("P") == (7, 4)


def test_a_level_is_applied_once_whatever_the_oms_booked_since(side: Side):
    side.open_shop({"P": {"levels": {"Store": 7}}})
    side.sync()
    side.oms.move("P", -2, "S1")

    counts = side.sync()

    assert side.position("P") == (5, 5)
    assert (counts["applied"], counts["unchanged"]) == (0, 1)


def test_a_change_of_the_same_second_is_taken_by_the_next_sync(side: Side):
    side.open_shop({"P": {"levels": {"Store": 7}}})
    side.sync()
    side.db.execute("update oms.shop_level_applied set figure = 8, told_at = told_at - interval '1 second'")
    side.stand("P", 8, 8)

    side.sync()

    assert side.position("P") == (7, 7)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"shopify\\/InventoryLevel", b"shopify\\/InventoryLevex"),
        (b'"id"', b'"iD"'),
        (b'"name":"available"', b'"name":"availabel"'),
        (b'"quantity":7', b'"quantity":"7"'),
        (b'"updatedAt"', b'"updatedIt"'),
        (b"{", b"<html>"),
        (b"{", b"[" * 100_000),
    ],
)
def test_a_damaged_line_of_a_download_is_named_and_no_level_is_passed_over(
    side: Side, monkeypatch, good: bytes, bad: bytes
):
    side.open_shop({"P": {"levels": {"Store": 7}}, "Q": {"levels": {"Store": 7}}})
    whole = requests.Response.iter_lines

    def damaged(*args, **more):
        for line in whole(*args, **more):
            yield line.replace(good, bad, 1) if b"InventoryLevel" in line else line

    with monkeypatch.context() as patch:
        patch.setattr(requests.Response, "iter_lines", damaged)
        with pytest.raises(ExportDamaged, match=r"line \d+ of the export is not what was asked for"):
            side.sync()
    assert (side.position("P"), side.logs()) == (None, ["DmlsCancelled"])

    side.sync()

    assert side.position("P") == (7, 7)


def test_webhook_and_sync_agree_on_what_is_newer(side: Side):
    side.open_shop({"P": {"levels": {"Store": 7}}})
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat(timespec="seconds")
    side.event("P", 9, later)
    side.receive()

    counts = side.sync()

    assert side.position("P") == (9, 9)
    assert (counts["skipped"], counts["stale"], side.notes()) == (1, 1, {"STALE": 1})


def test_inv_33_where_the_oms_owns_the_stock_the_run_fails_before_anything_is_asked(side: Side):
    side.open_shop({"P": {"levels": {"Store": 7}}}, master="OMS")
    side.stand("P", 6, 5)
    side.oms.server.clear_log()

    with pytest.raises(sync.NotTheMaster, match="inventory_master"):
        side.sync()

    assert side.position("P") == (6, 5)
    assert side.oms.requests("BulkQuery") == []
    assert side.logs() == []


def test_initial_stock_fills_facilities_without_entries_once(side: Side):
    side.open_shop({"P": {"levels": {"Store": 7, "Other": 3}}}, master="OMS")
    side.stand("P", 1, 1, "S2")

    side.sync(initialStock=True)
    assert (side.position("P"), side.position("P", "S2")) == ((7, 7), (1, 1))
    assert side.notes() == {"SKIPPED_HAS_STOCK": 1}
    side.oms.server.adjust("demo", "P", "Store", value=20)
    side.sync(initialStock=True)

    assert side.position("P") == (7, 7)


def test_what_initial_stock_wrote_is_not_pushed_back(side: Side):
    side.open_shop({"P": {"levels": {"Store": 7, "Other": 3}}}, master="OMS")
    side.sync(initialStock=True)

    for mode in ("RECENT", "HARD", "DELTA"):
        assert side.oms.push(mode).planned == 0

    assert side.oms.applied() == []


def test_only_levels_changed_since_the_last_run_less_the_buffer_are_read(side: Side):
    side.oms.server.clock(-7200)
    side.open_shop({"P": {"levels": {"Store": 7}}, "Q": {"levels": {"Store": 4}}})
    side.oms.server.clock(0)

    assert side.sync(includeAll=False)["levels"] == 0, "nothing changed in the last 15 minutes"
    assert side.sync(includeAll=False, bufferTime=300)["levels"] == 2
    side.oms.server.adjust("demo", "Q", "Store", value=9)
    counts = side.sync(includeAll=False)

    assert counts["levels"] == 1
    assert (side.position("P"), side.position("Q")) == ((7, 7), (9, 9))


def test_the_first_window_is_the_frequency(side: Side):
    side.oms.server.clock(-7200)
    side.open_shop({"P": {"levels": {"Store": 7}}})
    side.oms.server.clock(0)

    assert side.sync(includeAll=False, frequency=240)["levels"] == 1


def test_a_window_begins_where_the_last_export_was_asked_for(side: Side):
    side.open_shop({"P": {"levels": {"Store": 7}}})
    before = datetime.now(UTC).replace(microsecond=0)

    side.sync()

    (mark,) = side.db.execute("select recorded_to from oms.job_watermark").fetchone()
    assert before <= mark <= datetime.now(UTC)


def test_what_cannot_be_taken_is_skipped_or_rejected_and_never_zero(side: Side):
    side.open_shop(
        {
            "GIFT": {"tracked": False, "levels": {"Store": 0}},
            "GONE": {"levels": {"Store": 3}},
            "KIT": {"levels": {"Store": 2}},
            "P": {"levels": {"Store": 7}},
        }
    )
    for sku in ("GIFT", "GONE", "KIT"):
        side.stand(sku, 5, 5)
    gone, kit = ((side.oms.world.products[sku],) for sku in ("GONE", "KIT"))
    side.db.execute("update oms.shop_product set thru_date = now() where product_id = %s", gone)
    side.db.execute(
        "update oms.product set product_type_id = 'MARKETING_PKG_PICK' where product_id = %s", kit
    )

    counts = side.sync()

    assert {sku: side.position(sku) for sku in ("GIFT", "GONE", "KIT", "P")} == {
        "GIFT": (5, 5),
        "GONE": (5, 5),
        "KIT": (5, 5),
        "P": (7, 7),
    }
    assert side.notes() == {"SKIPPED_UNTRACKED": 1, "SKIPPED_EXCLUDED": 1}
    assert side.rejects() == ["ERR_PRODUCT_NOT_FOUND"]
    assert (counts["rejected"], counts["skipped"], counts["applied"]) == (1, 2, 1)


@pytest.fixture
def gone(side: Side, sftp_server: Any, sftp_root: Path) -> Side:
    """The shop has two items, the OMS knows one; rejects go to the SFTP server."""
    side.sftp_server = sftp_server
    side.open_shop({"P": {"levels": {"Store": 7}}, "GONE": {"levels": {"Store": 3}}})
    side.db.execute(
        "update oms.shop_product set thru_date = now() where product_id = %s",
        (side.oms.world.products["GONE"],),
    )
    return side


ERRORS = Path("shopify/inventory_levels/error")


def test_levels_that_cannot_be_taken_stand_in_a_reject_file(gone: Side, sftp_root: Path):
    gone.sync()

    (file,) = (sftp_root / ERRORS).iterdir()
    assert file.name.startswith("1_inventory_levels_")
    header, line = file.read_text().splitlines()
    assert header.startswith(
        "error_line,error_column,error_code,error_message,error_log,shop_id,inventory_item"
    )
    assert "ERR_PRODUCT_NOT_FOUND" in line
    assert f",demo,{gone.oms.items['demo', 'GONE']},GONE,true," in line
    (noted,) = gone.db.execute("select reject_file from oms.import_log").fetchone()
    assert noted == f"{ERRORS}/{file.name}"


def test_without_rejects_or_a_server_no_file_is_written(gone: Side, sftp_root: Path):
    gone.sync(propertyResource=None)
    gone.db.execute("update oms.shop_product set thru_date = null")
    gone.sync()

    assert list(sftp_root.iterdir()) == []
    assert gone.position("GONE") == (3, 3)


def test_a_server_that_is_down_costs_nothing_but_the_file_and_the_next_run_writes_it(
    gone: Side, sftp_server: Any, sftp_root: Path
):
    gone.sftp_server = replace(sftp_server, port=9)
    with pytest.raises(OSError, match="Unable to connect"):
        gone.sync()
    assert gone.position("P") == (7, 7)
    assert gone.logs() == ["DmlsFinished"]
    gone.sftp_server = sftp_server

    gone.sync()

    assert sorted(file.name[0] for file in (sftp_root / ERRORS).iterdir()) == ["1", "2"]


def test_a_consolidated_location_is_skipped_unless_a_facility_stands_for_it(side: Side):
    side.open_shop({"P": {"levels": {"Store": 7}}}, locations={"Store": ["_NA_"]})

    side.sync()
    assert (side.notes(), side.position("P", "WH")) == ({"SKIPPED_CONSOLIDATED": 1}, None)
    side.sync(targetFacilityId="WH")

    assert side.position("P", "WH") == (7, 7)


def test_a_location_that_is_not_set_up_is_passed_over_and_counted(side: Side):
    side.open_shop({"P": {"levels": {"Store": 7, "Other": 3}}})
    other = (side.oms.locations["demo", "Other"],)
    side.db.execute("delete from oms.shop_location_facility where shopify_location_id = %s", other)
    side.db.execute("delete from oms.shop_location where shopify_location_id = %s", other)

    counts = side.sync()

    assert (counts["levels"], counts["elsewhere"], counts["total"]) == (2, 1, 1)
    assert side.position("P", "S2") is None


@pytest.mark.parametrize(
    ("locations", "params", "error"),
    [
        ({"Store": ["_NA_", "S1"]}, {}, Misconfigured),
        ({"Store": ["S1", "S2"], "Other": ["_NA_"]}, {"targetFacilityId": "WH"}, BadParameter),
    ],
)
def test_a_mapping_under_which_no_figure_is_right_stops_the_run(side: Side, locations, params, error):
    side.open_shop({"P": {"levels": {"Store": 7}}}, locations=locations)

    with pytest.raises(error):
        side.sync(**params)

    assert side.logs() == []


def test_a_target_that_holds_no_stock_is_refused(side: Side):
    side.open_shop({"P": {"levels": {"Store": 7}}})

    with pytest.raises(BadParameter, match="targetFacilityId"):
        side.sync(targetFacilityId="_NA_")

    assert side.logs() == []


def test_a_dry_run_counts_and_changes_nothing(side: Side):
    side.open_shop({"P": {"levels": {"Store": 7}}})

    counts = side.sync(dryRun=True)

    assert (counts["applied"], counts["dryRun"]) == (1, True)
    assert side.position("P") is None
    for table in ("import_log", "shop_level_applied", "job_watermark", "inventory_ledger"):
        assert side.db.execute(f"select count(*) from oms.{table}").fetchone() == (0,)
    assert side.sync()["applied"] == 1


def test_a_download_that_breaks_off_changes_nothing_and_the_next_run_does_it(side: Side, monkeypatch):
    side.open_shop({"P": {"levels": {"Store": 7}}, "Q": {"levels": {"Store": 7}}})
    real = sync.exports.wait

    def longer(*args, **kwargs):
        operation = real(*args, **kwargs)
        return operation | {"objectCount": str(int(operation["objectCount"]) + 5)}

    with monkeypatch.context() as patch:
        patch.setattr(sync.exports, "wait", longer)
        with pytest.raises(ExportIncomplete):
            side.sync()
    assert (side.position("P"), side.logs()) == (None, ["DmlsCancelled"])

    side.sync()

    assert side.position("P") == (7, 7)


@pytest.mark.parametrize("point", [sync.LANDED, sync.APPLIED, sync.CLOSED])
def test_shops_in_delta_mode_are_compared_again_whichever_run_set_the_balances(
    side: Side, monkeypatch, point
):
    """DELTA holds resets back, a hard sync tells them (6.5): a run that dies cannot call for it."""
    side.open_shop({"P": 7}, locations={"Store": ["S1"]})
    side.open_shop({"P": 0}, "other", master="OMS", locations={"Store": ["S1"]}, mode="DELTA")
    side.stand("P", 1, 1)
    side.oms.push("HARD", "other")

    def die(name: str) -> None:
        if name == point:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(crashpoints, "point", die)
        with pytest.raises(Killed):
            side.sync()

    assert side.sync()["facilities"] == ["S1"]
    side.oms.push("HARD", "other")
    assert side.sync()["facilities"] == [], "it has seen everything"
    assert side.oms.available("P", "other", "Store") == 7


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("sku", ["A\rB", "A\nB", "A\r\nB", 'A"B', "A,B", " =A ", "\tA", "箱"])
def test_a_level_is_taken_whatever_its_sku(side: Side, sku: str):
    side.open_shop({sku: {"levels": {"Store": 7}}, "Q": {"levels": {"Store": 4}}})

    counts = side.sync()

    assert (counts["applied"], counts["rejected"]) == (2, 0)
    assert (side.position(sku), side.position("Q")) == ((7, 7), (4, 4))


def test_two_runs_of_a_shop_take_turns(side: Side):
    side.open_shop({f"P{number}": {"levels": {"Store": number}} for number in range(1, 6)})

    def run(number: int) -> int:
        with database.connect(side.oms.dsn, autocommit=True) as conn:
            given = Side(side.oms)
            params = sync.catalog.SYNC_INVENTORY_FROM_SHOPIFY
            return sync.sync_shop(
                conn,
                side.oms.client(),
                "demo",
                given.params(params),
                f"sync_inventory_from_shopify/{number}",
                open_sftp=side.no_sftp,
            )["applied"]

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(run, range(2))) == [0, 5]


def test_a_reset_that_came_before_is_applied_before_if_it_is_not_urgent(side: Side):
    """The levels stand in the queue of all files that change balances (3.4)."""
    side.open_shop({"P": {"levels": {"Store": 7}}})
    side.sync(scheduleNow=False)

    (row,) = side.db.execute("select config_id, domain, kind, schedule_now from oms.import_log").fetchall()
    assert row == ("SYNC_SHOPIFY_INV", "BALANCE", "reset", False)
    assert side.position("P") == (7, 7)


def test_rows_stand_behind_the_ledger(side: Side):
    side.open_shop({"P": {"levels": {"Store": 7}}})

    side.sync()

    found = side.db.execute(
        """select reason_id, file_name, line_number
             from oms.inventory_ledger join oms.import_log using (log_id)"""
    ).fetchone()
    assert found[0] == "VAR_EXT_RESET"
    assert found[1].startswith("inventory_levels_")
    assert found[2] == 2

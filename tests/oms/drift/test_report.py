"""Every difference between a shop and our figures has a name (spec inventory.md 6.1, 6.3, 6.7)."""

import csv
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

from oms import database, parameters
from oms.drift import files
from oms.drift.report import ShopsLeft, compare, report_all
from oms.imports import arrival, landing, staging
from oms.imports.jobs import Run
from oms.inventory.files import prefilter
from oms.servers import OtherServer
from oms.shopify.errors import ExportDamaged
from tests.oms.drift.conftest import Reconcile, causes, patient, work_of
from tests.oms.drift.seeds import JOB, seed
from tests.oms.imports.conftest import RESET, identify, sftp_client
from tests.oms.sync.bench import Bench

CLEAN = 5


def test_each_of_eight_causes_is_named(oms: Bench, sftp_server: Any, sftp_root: Path, reconcile: Reconcile):
    with sftp_client(sftp_server) as sftp:
        expected = seed(oms, sftp, sftp_root, each=12, clean=CLEAN)

    found = reconcile()

    assert causes(oms) == expected
    assert found == {"demo": dict.fromkeys(sorted(set(expected.values())), 12)}
    details = dict(oms.db.execute("select cause, min(detail) from oms.drift_line group by cause").fetchall())
    assert "late.csv (log " in details["LATE_FILE"]
    assert details["ORDER_NOT_IMPORTED"].startswith("3 units are committed")
    assert details["OTHER_WRITER"].startswith("4 units beside what we know")


def test_where_all_is_right_nothing_differs(oms: Bench, reconcile: Reconcile):
    oms.open_shop("demo", {"A": 3, "B": 0})
    oms.move("A", 5)
    oms.push("HARD")
    oms.server.adjust("demo", "B", "Main", delta=-2)  # oversold: raising it to 0 would lose two sales

    assert reconcile() == {"demo": {}}
    assert oms.db.execute("select status, our_levels, shop_levels from oms.drift_report").fetchall() == [
        ("FINISHED", 2, 2)
    ]


def test_a_location_of_each_mode_and_a_store_of_its_own(oms: Bench, reconcile: Reconcile):
    oms.world.facility("S1")
    oms.open_shop("demo", {"A": 0}, locations={"Main": ["_NA_"], "Store": ["S1"]})
    oms.db.execute("update oms.shop_location set physical_basis = 'QOH' where location_name = 'Store'")
    oms.move("A", 5)
    oms.move("A", 3, facility="S1")
    oms.push("HARD")
    assert reconcile() == {"demo": {}}

    oms.server.adjust("demo", "A", "Store", delta=2)
    oms.server.place_order("demo", {"sku": "A", "quantity": 1, "location": "Main"})

    assert reconcile() == {"demo": {"ORDER_NOT_IMPORTED": 1, "OTHER_WRITER": 1}}


@pytest.mark.parametrize("large_from", [1, 100_000], ids=["compared first", "row by row"])
def test_a_row_that_says_our_figure_explains_no_difference(
    oms: Bench,
    sftp_server: Any,
    sftp_root: Path,
    reconcile: Reconcile,
    monkeypatch: pytest.MonkeyPatch,
    large_from: int,
):
    """The open file changes B, not A: what A shows in the shop has somebody else done."""
    monkeypatch.setattr(prefilter, "WORTH_ROWS", large_from)
    oms.open_shop("demo", {"A": 5, "B": 5}, mode="DELTA")
    for sku in "AB":
        identify(oms.db, oms.world.products[sku], "SKU", sku)
        oms.move(sku, 5)
    oms.push("HARD")
    for sku in "AB":
        oms.server.adjust("demo", sku, "Main", delta=4)
    folder = sftp_root / JOB.import_path
    folder.mkdir(parents=True)
    (folder / "late.csv").write_text(RESET + "WH,SKU,A,5\nWH,SKU,B,9\n")
    with sftp_client(sftp_server) as sftp:
        given = parameters.resolve(JOB, {}) | {"settleSeconds": 0}
        landing.land(oms.db, sftp, JOB, given, Run(JOB.dag_id, "late"), arrival.find(sftp, given))

    reconcile()

    assert causes(oms) == {"A": "OTHER_WRITER", "B": "LATE_FILE"}


def test_a_file_that_is_closed_during_the_report_breaks_nothing_off(
    oms: Bench, sftp_server: Any, sftp_root: Path, reconcile: Reconcile
):
    """It counts as open until its account is closed, and its staging goes in that very moment."""
    oms.open_shop("demo", {"A": 5}, mode="DELTA")
    identify(oms.db, oms.world.products["A"], "SKU", "A")
    oms.move("A", 5)
    oms.push("HARD")
    oms.server.adjust("demo", "A", "Main", delta=4)
    folder = sftp_root / JOB.import_path
    folder.mkdir(parents=True)
    (folder / "late.csv").write_text(RESET + "WH,SKU,A,9\n")
    with sftp_client(sftp_server) as sftp:
        given = parameters.resolve(JOB, {}) | {"settleSeconds": 0}
        landing.land(oms.db, sftp, JOB, given, Run(JOB.dag_id, "late"), arrival.find(sftp, given))
    (log_id,) = oms.db.execute("select log_id from oms.import_log").fetchone()

    with database.connect(oms.dsn) as closing, ThreadPoolExecutor(1) as pool:
        staging.drop(closing, log_id)
        report = pool.submit(reconcile)
        waits = "select exists (select from pg_locks where not granted and relation is not null)"
        while not (report.done() or oms.db.execute(waits).fetchone()[0]):
            sleep(0.02)
        closing.commit()
        assert report.result(60) == {"demo": {"OTHER_WRITER": 1}}


def test_active_locations_that_are_not_served_are_listed_with_what_they_offer(
    oms: Bench, reconcile: Reconcile, caplog: pytest.LogCaptureFixture
):
    for store in ("S1", "S2"):
        oms.world.facility(store)
    places = {"Main": ["_NA_"], "Off": ["S1"], "Bare": ["S2"], "Unknown": ["WH"], "Empty": []}
    variant = {"levels": {"Main": 5, "Off": 3, "Bare": 2, "Unknown": 7, "Empty": 0}}
    oms.open_shop("demo", {"A": variant, "B": variant, "C": variant | {"tracked": False}}, locations=places)
    number = {name: oms.locations["demo", name] for name in places}
    oms.db.execute("delete from oms.shop_location_facility where facility_id in ('WH', 'S2')")
    oms.db.execute(
        "delete from oms.shop_location where shopify_location_id = any(%s)",
        ([number["Unknown"], number["Empty"]],),
    )
    oms.db.execute("update oms.shop_location set sync_mode = 'OFF' where location_name = 'Off'")
    for sku in "ABC":
        oms.move(sku, 5)
    oms.push("HARD")

    with caplog.at_level("WARNING"):
        reconcile()

    found = oms.db.execute(
        """select location_name, reason, sells_online, products, units
             from oms.drift_unserved order by units desc"""
    ).fetchall()
    assert found == [
        ("Unknown", "not in shop_locations.csv", True, 2, 14),
        ("Off", "its sync_mode is OFF", True, 2, 6),
        ("Bare", "no facility is mapped to it", True, 2, 4),
        ("Empty", "not in shop_locations.csv", True, 0, 0),
    ]
    assert f"location {number['Unknown']} Unknown (not in shop_locations.csv): 14 units of 2" in caplog.text


def test_a_shop_that_is_served_nowhere_is_listed_too(oms: Bench, reconcile: Reconcile):
    oms.open_shop("demo", {"A": 5}, mode="OFF")

    reconcile()

    found = oms.db.execute("select location_name, reason, units from oms.drift_unserved").fetchall()
    assert found == [("Main", "its sync_mode is OFF", 5)]


def test_a_change_that_a_recent_location_will_send_is_no_other_writer(oms: Bench, reconcile: Reconcile):
    oms.open_shop("demo", {"A": 5}, mode="RECENT")
    oms.move("A", 5)
    oms.push("HARD")
    order = oms.server.place_order("demo", {"sku": "A", "quantity": 2})
    oms.push("HARD")  # unguarded: adds the two units back
    oms.import_order(order)

    assert reconcile() == {"demo": {"PUSH_PENDING": 1}}


def test_an_unanswered_call_is_a_push_pending_whether_it_was_applied_or_not(oms: Bench, reconcile: Reconcile):
    oms.open_shop("demo", {"A": 5, "B": 5}, mode="DELTA")
    oms.move("A", 5)
    oms.move("B", 5)
    oms.push("HARD")
    oms.server.fault("lost_answer", operation="AdjustInventory", count=None)
    oms.move("A", -1, reason="VAR_DAMAGED")
    oms.push("DELTA", may_fail=True)
    assert oms.available("A") == 4
    assert reconcile() == {"demo": {}}
    oms.server.clear_faults()
    oms.server.fault("reset", operation="AdjustInventory", count=None)
    oms.move("B", -1, reason="VAR_DAMAGED")
    oms.push("DELTA", may_fail=True)
    assert oms.available("B") == 5

    assert reconcile() == {"demo": {"PUSH_PENDING": 1}}


@pytest.mark.parametrize("run", range(3))
def test_there_is_no_false_drift_while_pushes_orders_and_imports_are_under_way(oms: Bench, run: int):
    chance = random.Random(run)
    skus = [f"P{number}" for number in range(20)]
    oms.open_shop("demo", dict.fromkeys(skus, 0), mode="DELTA")
    for sku in skus:
        oms.move(sku, 50)
    oms.push("HARD")
    over = threading.Event()

    def live() -> None:
        while not over.is_set():
            sku = chance.choice(skus)
            match chance.choice(("move", "order", "push")):
                case "move":
                    oms.move(sku, chance.randint(-1, 2), reason="VAR_FOUND")
                case "order":
                    order = oms.server.place_order("demo", {"sku": sku, "quantity": 1})
                    if chance.random() < 0.7:
                        oms.import_order(order)
                case "push":
                    oms.push("DELTA", client=patient(oms), push_seconds=60)

    busy = threading.Thread(target=live)
    busy.start()
    found: dict[str, int] = {}
    try:
        with database.connect(oms.dsn, autocommit=True) as conn:
            for _ in range(4):
                found |= compare(conn, patient(oms), "demo", "test").causes
    finally:
        over.set()
        busy.join()

    assert set(found) <= {"PUSH_PENDING", "ORDER_NOT_IMPORTED"}


def test_table_and_chart_are_on_sftp_and_no_cell_is_a_formula(
    oms: Bench, sftp_root: Path, reconcile: Reconcile
):
    oms.open_shop("demo", {"=cmd|'/c calc'!A0": 5, "B": 5})
    oms.move("B", 9)

    reconcile(exportPath="reports/drift")

    folder = sftp_root / "reports" / "drift"
    assert sorted(path.name.partition("_1")[2] for path in folder.iterdir()) == [
        ".csv",
        ".svg",
        "_by_location.csv",
    ]
    ((csv_file, chart_file),) = oms.db.execute("select csv_file, chart_file from oms.drift_report").fetchall()
    with (sftp_root / csv_file).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["sku"], row["cause"], row["difference"]) for row in rows] == [
        ("'=cmd|'/c calc'!A0", "PUSH_PENDING", "5"),
        ("B", "PUSH_PENDING", "-4"),
    ]
    with (sftp_root / csv_file.replace(".csv", "_by_location.csv")).open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert {name: row[name] for name in ("location_name", "levels", "units", "PUSH_PENDING")} == {
        "location_name": "Main",
        "levels": "2",
        "units": "9",
        "PUSH_PENDING": "2",
    }
    bars = ElementTree.parse(sftp_root / chart_file).findall("{http://www.w3.org/2000/svg}rect")
    assert len(bars) == 1


def test_the_table_by_location_begins_with_the_one_that_is_furthest_away():
    def line(place: int, cause: str, difference: int | None) -> tuple[Any, ...]:
        known = {"location_name": f"P{place}", "shopify_location_id": place, "cause": cause}
        return tuple({**dict.fromkeys(files.COLUMNS), **known, "difference": difference}.values())

    lines = [line(1, "REFUSED", 3), line(2, "UNMAPPED", None), line(2, "REFUSED", -7), line(2, "REFUSED", 1)]

    assert files.by_location(lines).decode().splitlines() == [
        "location_name,shopify_location_id,levels,units,REFUSED,UNMAPPED",
        "P2,2,3,8,2,1",
        "P1,1,1,3,1,0",
    ]
    assert files.by_location([]).decode() == "location_name,shopify_location_id,levels,units\n"


def test_repair_lets_a_hard_sync_take_the_chosen_causes_only(oms: Bench, reconcile: Reconcile):
    oms.open_shop("demo", {"A": 5, "B": 5, "C": 5})
    for sku in "ABC":
        oms.move(sku, 5)
    oms.push("HARD")
    oms.server.adjust("demo", "A", "Main", delta=4)
    oms.server.place_order("demo", {"sku": "B", "quantity": 2})

    assert reconcile() == {"demo": {"ORDER_NOT_IMPORTED": 1, "OTHER_WRITER": 1}}
    assert oms.available("A") == 9
    reconcile(repair=True, repairCauses=["OTHER_WRITER"])

    assert (oms.available("A"), oms.available("B")) == (5, 3)
    assert oms.applied() == [("A", -4)]
    assert oms.lines() == [("A", -4, "APPLIED")]
    assert reconcile() == {"demo": {"ORDER_NOT_IMPORTED": 1}}
    history = oms.db.execute(
        """select report_id - min(report_id) over (), cause, sku
             from oms.drift_line order by report_id, cause"""
    ).fetchall()
    assert history == [
        (0, "ORDER_NOT_IMPORTED", "B"),
        (0, "OTHER_WRITER", "A"),
        (1, "ORDER_NOT_IMPORTED", "B"),
        (1, "OTHER_WRITER", "A"),
        (2, "ORDER_NOT_IMPORTED", "B"),
    ]


def test_a_shop_that_fails_does_not_hinder_the_others(oms: Bench, reconcile: Reconcile):
    oms.open_shop("demo", {"A": 5})
    oms.open_shop("other", {"B": 5})
    oms.move("B", 5)
    oms.server.change_app("demo", installed=False)

    with pytest.raises(ShopsLeft, match="demo"):
        reconcile()

    assert oms.db.execute("select shop_id, status from oms.drift_report order by 1").fetchall() == [
        ("demo", "STARTED"),
        ("other", "FINISHED"),
    ]


@pytest.mark.parametrize("error", [ConnectionRefusedError("no answer"), OtherServer("another key")])
def test_a_server_that_does_not_take_the_files_hinders_no_other_shop(oms, sftp_server, sftp_root, error):
    oms.open_shop("demo", {"A": 5})
    oms.open_shop("other", {"B": 5})
    work = work_of(oms, sftp_server)

    def refuse(_resource):
        raise error

    with pytest.raises(ShopsLeft, match=f"demo: {error}; other: {error}"):
        report_all(replace(work, open_sftp=refuse))
    with pytest.raises(KeyError, match="a mistake of ours"):
        report_all(replace(work, open_shop=lambda _: {}["a mistake of ours"]))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b'"name":"available"', b'"name":"availabel"'),
        (b'"updatedAt":"2', b'"updatedAt":"z'),
        (b'"isActive"', b'"isActivo"'),
        (b"InventoryItem\\/7", b"InventoryItem\\/x"),
        (b"{", b"<html>"),
    ],
)
def test_a_damaged_line_of_a_download_is_named(
    oms: Bench, reconcile: Reconcile, monkeypatch, good: bytes, bad: bytes
):
    oms.open_shop("demo", {"A": 5})
    oms.move("A", 5)
    whole = requests.Response.iter_lines

    def damaged(*args, **more):
        yield from (line.replace(good, bad, 1) for line in whole(*args, **more))

    monkeypatch.setattr(requests.Response, "iter_lines", damaged)

    with pytest.raises(ExportDamaged, match=r"line \d+ of the export is not what was asked for"):
        reconcile()

    assert oms.db.execute("select status from oms.drift_report").fetchall() == [("STARTED",)]


def test_a_location_that_waits_for_its_first_stock_is_left_out(oms: Bench, reconcile: Reconcile):
    oms.open_shop("demo", {"A": 5})

    assert reconcile() == {"demo": {}}

"""A file is taken back as a whole: once, and only where that is right (architecture.md 8.2)."""

import threading
import time

import psycopg
import pytest

from oms import __main__ as commands
from oms import catalog
from oms.imports.errors import UndoRefused
from oms.inventory import undoing
from oms.inventory.why import why
from tests.oms.imports.conftest import RESET, RESET_JOB, VARIANCE, VARIANCE_JOB, identify
from tests.oms.imports.test_repairs import mend, returned
from tests.oms.imports.test_resets import AS_OF, LATE

ROWS = VARIANCE + "STORE_1,,SKU,A,5,,VAR_FOUND,\nSTORE_1,,SKU,A,-2,,,\nSTORE_2,,SKU,B,4,,,\n"


def undo(floor, log_id: int = 1, run: str = "undo_import/1", **options) -> undoing.Undone:
    return undoing.undo(floor.conn, log_id, run_name=run, **options)


def refusal(floor, log_id: int = 1, **options) -> str:
    """Why a file is not undone; nothing may have changed."""
    before = floor.conn.execute("select count(*) from oms.inventory_ledger").fetchone()
    with pytest.raises(UndoRefused) as refused:
        undo(floor, log_id, **options)
    assert floor.conn.execute("select count(*) from oms.inventory_ledger").fetchone() == before
    return str(refused.value)


def test_every_entry_gets_one_the_other_way_that_names_it(floor):
    floor.stock("A", 10, 8)
    floor.vary(ROWS)

    done = undo(floor, reason="wrong day")

    assert (done.entries, done.units, done.positions) == (3, 11, 2)
    assert (floor.position("A"), floor.position("B", "STORE_2")) == ((10, 8), (0, 0))
    assert floor.conn.execute(
        """select entry.qoh_diff, back.qoh_diff, back.atp_diff, back.reason_id = entry.reason_id,
                  back.effective_at = entry.effective_at, back.comments
             from oms.inventory_ledger as entry
             join oms.inventory_ledger as back on back.undoes_entry = entry.entry_id
            order by entry.line_number"""
    ).fetchall() == [
        (5, -5, -5, True, True, "undo of log 1: wrong day"),
        (-2, 2, 2, True, True, "undo of log 1: wrong day"),
        (4, -4, -4, True, True, "undo of log 1: wrong day"),
    ]
    assert "undoes entry" in why(floor.conn, "A", "STORE_1").entries[-1].cause


def test_what_sold_since_stays_sold(floor):
    item = floor.stock("A", 10, 10)
    floor.vary(ROWS)
    floor.move(item, -1, -1, at="now")

    undo(floor)

    assert floor.position("A") == (9, 9)


def test_a_file_is_undone_once_and_a_repeated_run_answers_the_same(floor):
    floor.vary(ROWS)
    first = undo(floor)

    assert undo(floor) == first
    assert "was undone at" in refusal(floor, run="undo_import/2")
    assert floor.position("A") == (0, 0)


def test_two_undo_at_once(floor):
    floor.vary(ROWS)
    faults = []

    def other() -> None:
        with psycopg.connect(floor.dsn, autocommit=True) as conn:
            try:
                undoing.undo(conn, 1, run_name="undo_import/2")
            except UndoRefused as refused:
                faults.append(refused)

    thread = threading.Thread(target=other)
    with floor.conn.transaction():
        undo(floor)
        thread.start()
        time.sleep(0.3)
        assert thread.is_alive()
    thread.join()

    assert (len(faults), floor.position("A")) == (1, (0, 0))


def test_the_same_file_may_be_imported_again_and_undone_again(floor):
    floor.vary(ROWS)
    floor.vary(ROWS)
    assert floor.counts() == {"total": 3, "duplicate": 3}
    undo(floor)

    floor.vary(ROWS)
    assert (floor.counts(), floor.position("A")) == ({"total": 3, "applied": 3}, (3, 3))
    floor.vary(ROWS)
    assert floor.counts() == {"total": 3, "duplicate": 3}
    undo(floor, 3)

    assert floor.position("A") == (0, 0)


def test_a_dry_run_writes_nothing(floor):
    floor.vary(ROWS)

    assert "would be taken back" in str(undo(floor, dry_run=True))

    assert floor.position("A") == (3, 3)
    assert undo(floor).dry_run is False


def test_a_reset_is_undone_with_what_moved_since(floor):
    item = floor.stock("A", 8, 6)
    floor.reset(RESET + "STORE_1,SKU,A,10\n")
    floor.move(item, -1, -1, at="now")

    undo(floor)

    assert floor.position("A") == (7, 5)


@pytest.mark.parametrize(
    "later",
    [
        "STORE_1,SKU,A,20\n",
        "STORE_1,SKU,A,3\n",
        "STORE_1,SKU,C,1\n",
    ],
    ids=["overrode it", "found nothing to change", "set the facility"],
)
def test_a_reset_of_the_facility_afterwards_is_in_the_way(floor, later):
    """Also one that changed nothing there: its figure contains what the file had booked."""
    floor.vary(ROWS)
    floor.reset(RESET + later)

    message = refusal(floor)

    assert "A at STORE_1" in message
    assert "(log 2)" in message
    assert "1 of its 2 positions" in message
    assert "count the position again" in message


def test_of_two_resets_of_one_run_the_last_can_be_undone_and_then_the_first(floor):
    floor.stock("A", 10, 10)
    for number, units in enumerate((12, 15), 1):
        floor.drop(RESET_JOB, f"{number}.csv", RESET + f"STORE_1,SKU,A,{units}\n")
    floor.run(RESET_JOB)

    assert "2.csv (log 2)" in refusal(floor, 1)
    undo(floor, 2)
    undo(floor, 1, run="undo_import/2")

    assert floor.position("A") == (10, 10)


def test_once_the_later_reset_is_undone_the_file_can_be(floor):
    floor.vary(ROWS)
    floor.reset(RESET + "STORE_1,SKU,A,20\n")
    assert "log 2" in refusal(floor)

    undo(floor, 2)
    undo(floor, 1)

    assert floor.position("A") == (0, 0)


def test_a_count_that_contains_the_movement_is_in_the_way_and_an_earlier_one_is_not(floor):
    dated = VARIANCE.rstrip() + ",effectiveDate\n"
    floor.vary(dated + "STORE_1,,SKU,A,5,,,,2026-01-02T10:00:00Z\n", name="1.csv")
    floor.vary(dated + "STORE_1,,SKU,B,5,,,,2026-01-02T10:00:00Z\n", name="2.csv")
    for sku, moment in (("A", "2026-01-02T12:00:00Z"), ("B", "2026-01-02T09:00:00Z")):
        floor.conn.execute(
            """update oms.inventory_item set counted_as_of = %s
                where product_id = (select product_id from oms.product where internal_name = %s)""",
            (moment, sku),
        )

    assert "was counted for 2026-01-02 12:00" in refusal(floor, 1)
    undo(floor, 2)

    assert (floor.position("A"), floor.position("B")) == ((5, 5), (0, 0))


def test_a_count_is_undone_with_its_moment_and_what_moved_since_stays(floor):
    """INV-17 and back; a sale from before the count, in the ledger or still to come, counts again."""
    item = floor.stock("A", 8, 8)
    floor.move(item, -1, -1, at="2026-08-01T05:10:00Z")
    floor.reset(AS_OF + "STORE_1,A,10,false,2026-08-01T05:00:00Z\n")
    assert floor.position("A") == (9, 9)

    undo(floor)
    floor.vary(LATE + "STORE_1,A,-1,2026-08-01T04:50:00Z\n")

    assert floor.position("A") == (6, 6)
    assert floor.notes() == []


def test_the_count_before_counts_again_once_the_newest_is_undone(floor):
    floor.stock("A", 10, 10)
    for hour in (4, 5):
        floor.reset(AS_OF + f"STORE_1,A,{hour},false,2026-08-01T0{hour}:00:00Z\n")
    undo(floor, 2)
    assert floor.position("A") == (4, 4)

    floor.vary(LATE + "STORE_1,A,-1,2026-08-01T03:50:00Z\nSTORE_1,A,-1,2026-08-01T04:10:00Z\n")

    assert (floor.position("A"), floor.notes()) == ((3, 3), [(2, "ALREADY_COUNTED")])
    assert "was counted for 2026-08-01 04:00" in refusal(floor, 1)


def test_the_same_count_may_come_again(floor):
    floor.stock("A", 8, 8)
    count = AS_OF + "STORE_1,A,10,false,2026-08-01T05:00:00Z\n"
    floor.reset(count)
    undo(floor)

    floor.reset(count)
    assert floor.position("A") == (10, 10)
    undo(floor, 2)

    assert floor.position("A") == (8, 8)


@pytest.mark.parametrize("late", ["A", "B"])
def test_a_count_that_movements_were_judged_by_is_not_undone(floor, late):
    """The sale from before the count carries 0, also where the count found nothing to change."""
    floor.stock("A", 8, 8)
    floor.stock("B", 5, 5)
    floor.reset(AS_OF + "STORE_1,A,10,false,2026-08-01T05:00:00Z\nSTORE_1,B,5,false,2026-08-01T05:00:00Z\n")
    floor.vary(LATE + f"STORE_1,{late},-1,2026-08-01T04:50:00Z\n")

    message = refusal(floor)

    assert f"{late} at STORE_1" in message
    assert "which the count of 2026-08-01 05:00" in message


def test_an_older_count_that_was_refused_because_of_it_is_in_the_way(floor):
    """INV-52 b: without the newer count it would have counted."""
    floor.stock("A", 8, 8)
    floor.reset(AS_OF + "STORE_1,A,7,false,2026-08-01T05:00:00Z\n")
    floor.reset(AS_OF + "STORE_1,A,8,false,2026-08-01T04:00:00Z\n")

    assert "has set since" in refusal(floor, 1)


def test_stock_does_not_fall_below_what_the_policy_of_the_file_allows(floor):
    item = floor.stock("A", 0, 0)
    floor.vary(VARIANCE + "STORE_1,,SKU,A,5,,,\nSTORE_2,,SKU,B,4,,,\n", name="1.csv")
    floor.vary(VARIANCE + "STORE_1,,SKU,A,5,,,\n", name="2.csv", negativePolicy="allow")
    floor.move(item, -8, -8, at="now")

    assert "A at STORE_1 TLTLTLLL01 would fall to -3 units" in refusal(floor, 1)
    undo(floor, 2)

    assert (floor.position("A"), floor.position("B", "STORE_2")) == ((-3, -3), (4, 4))


def test_files_without_anything_to_take_back(floor):
    floor.vary(VARIANCE + "STORE_1,,SKU,A,0,,,\n", name="1.csv")
    floor.vary(ROWS[:-1], name="2.csv")
    floor.vary(ROWS, name="3.csv")
    floor.vary(ROWS, name="3.csv")
    floor.drop(VARIANCE_JOB, "5.csv", ROWS + "STORE_1,,SKU,A,1,,,\n")
    floor.land(VARIANCE_JOB)
    floor.drop(
        catalog.IMPORT_PRODUCT_FACILITY, "6.csv", "product-sku,facility-id,allow-pickup\nA,STORE_1,N\n"
    )
    floor.run(catalog.IMPORT_PRODUCT_FACILITY)

    assert "has moved no stock" in refusal(floor, 1)
    assert "nothing of it was booked" in refusal(floor, 2)
    assert "duplicate of log 3" in refusal(floor, 4)
    assert "wait until its import has closed it" in refusal(floor, 5)
    assert "import a file with the former values" in refusal(floor, 6)
    assert "there is no log 77" in refusal(floor, 77)


def test_a_kit_is_in_the_way(floor):
    floor.vary(ROWS)
    floor.conn.execute(
        "update oms.product set product_type_id = 'MARKETING_PKG_PICK' where internal_name = 'B'"
    )

    assert "is a kit" in refusal(floor)


def test_a_repair_is_undone_before_its_file_and_its_lines_may_be_repaired_again(floor):
    floor.vary(VARIANCE + "STORE_1,,SKU,A,5,,,\nSTORE_1,,SKU,NOPE,3,,,\n")
    mended = mend(returned(floor), ("NOPE", "B"))
    floor.vary(mended, name="2.csv")

    assert "were repaired by 2.csv (log 2)" in refusal(floor, 1)
    undo(floor, 2)
    floor.vary(mended, name="2.csv")
    assert (floor.counts(), floor.position("B")) == ({"total": 1, "applied": 1}, (3, 3))
    undo(floor, 3)
    undo(floor, 1)

    assert (floor.position("A"), floor.position("B")) == ((0, 0), (0, 0))


def test_document_lines_of_an_undone_file_are_booked_when_they_come_again(floor):
    job = catalog.IMPORT_ITEM_RECEIPT
    (product_id,) = floor.conn.execute("select min(product_id) from oms.product").fetchone()
    identify(floor.conn, product_id, "NETSUITE_PRODUCT_ID", "3412")
    content = "externalFacilityId,idValue,availableDelta,comments\n900,3412,{},ItemReceipt # 5\n"
    floor.drop(job, "1.csv", content.format(12))
    floor.run(job)
    undo(floor)

    floor.drop(job, "2.csv", content.format(10))
    floor.run(job)

    assert (floor.counts(), floor.position("A", "WH")) == ({"total": 1, "applied": 1}, (10, 10))


def test_the_command_says_what_it_did_or_why_not(floor, capsys):
    floor.vary(ROWS)

    assert commands.main(["--dsn", floor.dsn, "undo", "1", "--dry-run"]) == 0
    assert commands.main(["--dsn", floor.dsn, "undo", "1", "--reason", "test"]) == 0
    assert commands.main(["--dsn", floor.dsn, "undo", "1"]) == 1

    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "inv_var.csv (log 1): 3 entries of 11 units at 2 positions would be taken back",
        "inv_var.csv (log 1): 3 entries of 11 units at 2 positions taken back",
    ]
    assert "was undone at" in shown.err


@pytest.mark.parametrize("is_reset", [True, False])
def test_the_pushes_hear_of_an_undoing_and_only_a_reset_is_left_to_the_hard_sync(floor, is_reset):
    """A variance goes out with the next push of either mode; DELTA holds resets back (6.5)."""
    if is_reset:
        floor.reset(RESET + "STORE_1,SKU,A,10\n")
    else:
        floor.vary(ROWS)
    with psycopg.connect(floor.dsn, autocommit=True) as listener:
        listener.execute("listen oms_stock_changed")

        done = undo(floor)

        heard = {one.payload for one in listener.notifies(timeout=5, stop_after=1)}
    assert "STORE_1" in heard
    assert done.held_back_at == (("STORE_1",) if is_reset else ())
    assert undo(floor).held_back_at == done.held_back_at, "a repeated run rings, too"


def test_the_balance_of_a_past_moment_is_that_without_the_file(floor):
    """A count of a moment between the file and its undoing finds what it would have found without it."""
    item = floor.stock("A", 10, 10)
    floor.vary(VARIANCE.rstrip() + ",effectiveDate\nSTORE_1,,SKU,A,5,,,,2026-02-01T10:00:00Z\n")
    undo(floor)

    floor.reset(RESET.rstrip() + ",asOf\nSTORE_1,SKU,A,9,2026-03-01T10:00:00Z\n")

    assert floor.position("A") == (9, 9)
    assert item
    assert floor.files(RESET_JOB) == []

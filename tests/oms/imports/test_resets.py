"""Resets: the worked examples of spec inventory.md 5.4, 7.3 and 7.4, on a real database and SFTP server."""

import pytest

from oms.inventory import undoing
from oms.inventory.files import prefilter
from tests.oms.imports.conftest import RESET, RESET_JOB, now

BAD_ROWS = RESET + (
    "STORE_1,SKU,A,20\n"
    "STORE_1,SKU,NOPE,5\n"
    "MARS,SKU,A,5\n"
    "STORE_2,SKU,A,\n"
    "STORE_2,SKU,C,abc\n"
    "STORE_1,SKU,B,-2\n"
    "STORE_1,SKU,A,22\n"
    "_NA_,SKU,A,5\n"
    "STORE_2,SKU,B,3.5\n"
    "STORE_1,,C,4\n"
)


def test_inv_21_bad_rows(floor):
    floor.stock("A", 18, 15)
    floor.stock("B", 0, 0)
    floor.stock("C", 4, 4)

    account = floor.reset(BAD_ROWS)

    account.raise_if_open()
    assert floor.counts() == {"total": 10, "applied": 2, "unchanged": 1, "superseded": 1, "rejected": 6}
    assert floor.rejects() == [
        (3, "ERR_PRODUCT_NOT_FOUND"),
        (4, "ERR_FACILITY_NOT_FOUND"),
        (5, "ERR_REQUIRED"),
        (6, "ERR_INVALID_NUMBER"),
        (9, "ERR_VIRTUAL_FACILITY"),
        (10, "ERR_INVALID_NUMBER"),
    ]
    assert (floor.position("A"), floor.position("B"), floor.position("C")) == ((25, 22), (-2, -2), (4, 4))
    assert account.changed == 2
    assert floor.files(RESET_JOB) == []
    assert floor.files(RESET_JOB, "archive") == ["1_reset.csv"]


def test_inv_21_the_reject_file_has_the_reason_in_front_of_the_untouched_line(floor):
    floor.reset(BAD_ROWS)

    written = (floor.root / RESET_JOB.import_path / "error" / "1_reset.csv").read_text().splitlines()
    lines = BAD_ROWS.splitlines()
    ours = "error_line,error_column,error_code,error_message,error_log,"
    assert written[0] == ours + "facilityId,idType,idValue,availableQty"
    assert [one.split(",")[:3] for one in written[1:3]] == [
        ["3", "idValue", "ERR_PRODUCT_NOT_FOUND"],
        ["4", "facilityId", "ERR_FACILITY_NOT_FOUND"],
    ]
    for one in written[1:]:
        assert one.endswith(lines[int(one.split(",")[0]) - 1])


@pytest.mark.parametrize(
    ("before", "by_atp", "file", "after"),
    [((10, 5), "true", 4, (9, 4)), ((10, 5), "false", 4, (4, -1))],
)
def test_inv_15_reset_modes(floor, before, by_atp, file, after):
    floor.stock("A", *before)

    floor.reset(f"facilityId,idValue,availableQty,resetByAtp\nSTORE_1,A,{file},{by_atp}\n").raise_if_open()

    assert floor.position("A") == after


@pytest.mark.parametrize(
    ("before", "reserved", "file", "after"),
    [((2, 1), 1, 6, (6, 5)), ((15, 10), 5, 20, (20, 15)), ((10, 0), 2, 10, (10, 8))],
)
def test_inv_15_counts_undo_suppression_and_keep_reservations(floor, before, reserved, file, after):
    item = floor.stock("A", *before)
    reserve(floor, item, reserved)
    folder = RESET_JOB.config("REC_INV_COUNT").import_path
    (floor.root / folder / "count.csv").write_text(f"facilityId,idValue,quantity\nSTORE_1,A,{file}\n")

    floor.run(RESET_JOB, configId="REC_INV_COUNT").raise_if_open()

    assert floor.position("A") == after
    assert floor.conn.execute(
        "select reason_id from oms.inventory_ledger where log_id is not null"
    ).fetchall() == [("CYCLE_COUNT",)]


def reserve(floor, item, units):
    floor.conn.execute("insert into oms.product_store (product_store_id, store_name) values ('S', 'S')")
    floor.conn.execute("insert into oms.order_header (product_store_id, order_name) values ('S', '#1')")
    floor.conn.execute(
        """insert into oms.order_ship_group (order_id, ship_group_seq, facility_id)
           select order_id, 1, 'STORE_1' from oms.order_header"""
    )
    floor.conn.execute(
        """insert into oms.order_item (order_id, order_item_seq, ship_group_seq, product_id, quantity)
           select order_id, 1, 1, (select product_id from oms.product where internal_name = 'A'), %s
             from oms.order_header""",
        (units,),
    )
    floor.conn.execute(
        """insert into oms.inventory_reservation (order_id, order_item_seq, inventory_item_id, quantity)
           select order_id, 1, %s, %s from oms.order_header""",
        (item, units),
    )


def test_inv_16_reset_repeated_and_absent_products(floor):
    floor.stock("A", 15, 15)
    floor.stock("B", 8, 8)

    floor.reset(RESET + "STORE_1,SKU,A,20\n")
    assert (floor.position("A"), floor.position("B"), floor.counts()) == (
        (20, 20),
        (8, 8),
        {"total": 1, "applied": 1},
    )

    account = floor.reset(RESET + "STORE_1,SKU,A,20\n")
    assert (floor.counts(), floor.entries(), account.changed) == ({"total": 1, "unchanged": 1}, 1, 0)
    assert floor.logs("status, duplicate_of_log_id") == [("DmlsFinished", None)] * 2


AS_OF = "facilityId,idValue,availableQty,resetByAtp,asOf\n"


def test_inv_17_without_as_of_a_later_sale_is_lost(floor):
    item = floor.stock("A", 8, 8)
    floor.move(item, -1, -1, at="2026-08-01T05:10:00Z")

    floor.reset(AS_OF + "STORE_1,A,10,false,\n")

    assert floor.position("A") == (10, 10)


def test_inv_17_with_as_of_a_later_sale_survives_and_the_same_file_changes_nothing(floor):
    item = floor.stock("A", 8, 8)
    floor.move(item, -1, -1, at="2026-08-01T05:10:00Z")

    floor.reset(AS_OF + "STORE_1,A,10,false,2026-08-01T05:00:00Z\n")
    assert floor.position("A") == (9, 9)

    floor.reset(AS_OF + "STORE_1,A,10,false,2026-08-01T14:00:00+09:00\n")
    assert (floor.position("A"), floor.counts()) == ((9, 9), {"total": 1, "unchanged": 1})


LATE = "facilityId,idValue,availableDelta,effectiveDate\n"


def test_inv_52_a_a_sale_from_before_the_count_changes_nothing(floor):
    floor.stock("A", 8, 8)
    floor.reset(AS_OF + "STORE_1,A,7,false,2026-08-01T05:00:00Z\n")
    assert floor.position("A") == (7, 7)

    floor.vary(LATE + "STORE_1,A,-1,2026-08-01T04:50:00Z\n").raise_if_open()

    assert (floor.position("A"), floor.counts()) == ((7, 7), {"total": 1, "applied": 1})
    late, count = floor.conn.execute(
        """select (qoh_diff, atp_diff)::text, (select count.log_id from oms.inventory_ledger as count
                                              where count.entry_id = late.counted_by_entry)
             from oms.inventory_ledger as late where log_id = 2"""
    ).fetchone()
    assert (late, count) == ("(0,0)", 1)
    assert floor.notes() == [(2, "ALREADY_COUNTED")]


def test_inv_52_a_a_sale_from_after_the_count_counts(floor):
    floor.stock("A", 8, 8)
    floor.reset(AS_OF + "STORE_1,A,7,false,2026-08-01T05:00:00Z\n")

    floor.vary(LATE + "STORE_1,A,-1,2026-08-01T05:00:01Z\n")

    assert floor.position("A") == (6, 6)


def test_inv_52_b_an_older_count_is_stale(floor):
    floor.stock("A", 8, 8)
    floor.reset(AS_OF + "STORE_1,A,7,false,2026-08-01T05:00:00Z\n")

    floor.reset(AS_OF + "STORE_1,A,8,false,2026-08-01T04:00:00Z\n")

    assert (floor.position("A"), floor.counts(), floor.notes()) == (
        (7, 7),
        {"total": 1, "skipped": 1},
        [(2, "STALE")],
    )


def test_inv_52_c_two_counts_find_a_lost_unit_once(floor):
    floor.stock("A", 10, 10)

    for hour in (4, 5):
        floor.reset(AS_OF + f"STORE_1,A,9,false,2026-08-01T0{hour}:00:00Z\n")

    assert (floor.position("A"), floor.counts()) == ((9, 9), {"total": 1, "unchanged": 1})


def test_inv_52_d_the_moment_of_a_count_without_difference_is_kept(floor):
    floor.stock("A", 10, 10)
    floor.reset(AS_OF + "STORE_1,A,10,false,2026-08-01T05:00:00Z\n")
    assert floor.entries() == 0

    floor.vary(LATE + "STORE_1,A,-1,2026-08-01T04:50:00Z\n")

    assert floor.position("A") == (10, 10)


def test_inv_52_a_movement_of_a_count_without_entry_names_it_in_its_note(floor):
    floor.stock("A", 10, 10)
    floor.reset(AS_OF + "STORE_1,A,10,false,2026-08-01T05:00:00Z\n")
    floor.vary(LATE + "STORE_1,A,-1,2026-08-01T04:50:00Z\n")

    ((message,),) = floor.conn.execute("select message from oms.import_row_note").fetchall()
    assert "2026-08-01 05:00:00+00" in message


def test_a_count_from_before_a_reset_that_was_processed_first_is_stale(floor):
    floor.reset(AS_OF + "STORE_1,A,10,false,\n")

    floor.reset(AS_OF + f"STORE_1,A,10,false,{now(floor, -20)}\n")

    assert (floor.position("A"), floor.notes()) == ((10, 10), [(2, "STALE")])
    ((message,),) = floor.conn.execute("select message from oms.import_row_note").fetchall()
    assert "was set without asOf" in message


def test_a_count_between_two_resets_moves_nothing(floor):
    floor.reset(AS_OF + "STORE_1,A,10,false,\n")
    between = now(floor)
    floor.reset(AS_OF + "STORE_1,A,30,false,\n")

    floor.reset(AS_OF + f"STORE_1,A,30,false,{between}\n")

    assert (floor.position("A"), floor.counts()) == ((30, 30), {"total": 1, "skipped": 1})


@pytest.mark.parametrize("units", [0, 10])
@pytest.mark.parametrize("compared", [False, True])
def test_a_reset_that_found_nothing_to_change_makes_an_older_count_stale(floor, monkeypatch, units, compared):
    """Also where no position exists yet, and where rows that agree are left out of a large file."""
    if compared:
        monkeypatch.setattr(prefilter, "WORTH_ROWS", 1)
    if units:
        floor.stock("A", units, units)
    floor.stock("B", 4, 4)
    before = now(floor)
    floor.reset(RESET + f"STORE_1,SKU,A,{units}\n")

    floor.reset(AS_OF + f"STORE_1,A,8,false,{before}\nSTORE_1,B,3,false,{before}\n")

    assert (floor.position("A"), floor.position("B")) == ((units, units), (3, 3))
    assert floor.notes() == [(2, "STALE")]


def test_a_count_after_a_reset_counts(floor):
    floor.stock("A", 10, 10)
    floor.reset(AS_OF + "STORE_1,A,10,false,\nSTORE_1,B,4,false,\n")

    after = now(floor)
    floor.reset(AS_OF + f"STORE_1,A,8,false,{after}\nSTORE_1,B,3,false,{after}\n")

    assert (floor.position("A"), floor.position("B")) == ((8, 8), (3, 3))


def test_a_row_without_a_moment_that_a_later_row_replaces_makes_no_count_stale(floor):
    floor.stock("A", 10, 10)
    floor.stock("B", 4, 4)
    first, second = now(floor), now(floor)
    floor.reset(AS_OF + f"STORE_1,A,10,false,\nSTORE_1,B,4,false,\nSTORE_1,A,10,false,{first}\n")

    floor.reset(AS_OF + f"STORE_1,A,8,false,{second}\n", name="second.csv")

    assert (floor.position("A"), floor.notes()) == ((8, 8), [])


def test_a_reset_that_was_undone_makes_no_count_stale(floor):
    floor.stock("A", 10, 10)
    floor.stock("B", 4, 4)
    before = now(floor)
    floor.reset(RESET + "STORE_1,SKU,A,12\nSTORE_1,SKU,B,4\n")
    undoing.undo(floor.conn, 1, run_name="undo")

    floor.reset(AS_OF + f"STORE_1,A,8,false,{before}\nSTORE_1,B,3,false,{before}\n")

    assert (floor.position("A"), floor.position("B")) == ((8, 8), (3, 3))


def test_only_movements_of_goods_stay_on_top_of_a_count(floor):
    """A delta that corrects what was found is a statement of its moment too."""
    item = floor.stock("A", 8, 8)
    floor.move(item, -1, -1, at="2026-08-01T05:10:00Z")
    floor.vary(LATE.rstrip() + ",varianceReasonId\nSTORE_1,A,3,2026-08-01T05:20:00Z,CYCLE_COUNT\n")

    floor.reset(AS_OF + "STORE_1,A,9,false,2026-08-01T05:15:00Z\n")
    assert (floor.position("A"), floor.notes()) == ((10, 10), [(2, "STALE")])

    floor.reset(AS_OF + "STORE_1,A,9,false,2026-08-01T05:30:00Z\n")
    assert floor.position("A") == (9, 9)


@pytest.mark.parametrize(
    "moment",
    ["2026-08-01T05:00:00", "2026-02-30T05:00:00Z", "yesterday", "1754024400", "2026-08-01T25:00:00Z"],
)
def test_a_moment_without_zone_or_sense_is_a_reject(floor, moment):
    floor.reset(AS_OF + f"STORE_1,A,1,,{moment}\n")

    assert floor.rejects() == [(2, "ERR_INVALID_TIMESTAMP")]


def test_a_count_in_the_future_is_a_reject(floor):
    floor.reset(AS_OF + "STORE_1,A,1,,2099-02-28T05:00:00Z\n")

    assert floor.rejects() == [(2, "ERR_FUTURE_TIMESTAMP")]


def test_a_count_from_a_clock_that_is_ahead_is_one_of_its_arrival(floor):
    floor.reset(AS_OF + f"STORE_1,A,10,false,{now(floor, 4)}\n")

    floor.vary(LATE + f"STORE_1,A,-1,{now(floor)}\n")

    assert (floor.position("A"), floor.notes()) == ((9, 9), [])
    (counted,) = floor.conn.execute(
        "select counted_as_of = created_at from oms.inventory_item, oms.import_log where log_id = 1"
    ).fetchone()
    assert counted


def test_a_sale_from_a_clock_that_is_ahead_is_in_a_count_that_was_begun_later(floor):
    floor.stock("A", 10, 10)
    floor.vary(LATE + f"STORE_1,A,-1,{now(floor, 4)}\n")

    floor.reset(AS_OF + f"STORE_1,A,9,false,{now(floor)}\n")

    assert floor.position("A") == (9, 9)


def test_leap_days_are_moments(floor):
    floor.reset(AS_OF + "STORE_1,A,1,,2024-02-29T05:00:00.5+05:30\nSTORE_1,B,1,,2023-02-29T05:00Z\n")

    assert floor.rejects() == [(3, "ERR_INVALID_TIMESTAMP")]


def test_the_last_valid_row_wins_and_an_invalid_one_supersedes_nothing(floor):
    floor.reset(RESET + "STORE_1,SKU,A,5\nSTORE_1,SKU,A,6\nSTORE_1,SKU,A,x\n")

    assert floor.position("A") == (6, 6)
    assert floor.counts() == {"total": 3, "applied": 1, "superseded": 1, "rejected": 1}


def test_unknown_positions_are_created_only_when_something_is_there(floor):
    floor.reset(RESET + "STORE_1,SKU,A,5\nSTORE_1,SKU,B,0\n")

    assert (floor.position("A"), floor.position("B")) == ((5, 5), None)
    assert floor.counts() == {"total": 2, "applied": 1, "unchanged": 1}


def test_kits_and_excluded_types_are_skipped(floor):
    floor.reset(RESET + "STORE_1,SKU,KIT,5\nSTORE_1,SKU,A,1\n")

    assert floor.counts() == {"total": 2, "applied": 1, "skipped": 1}
    assert floor.notes() == [(2, "SKIPPED_EXCLUDED")]


def test_a_parent_product_has_no_stock(floor):
    floor.reset(RESET + "STORE_1,SKU,PARENT,5\n")

    assert floor.rejects() == [(2, "ERR_VIRTUAL_PRODUCT")]


def test_a_reason_that_writes_nothing_writes_nothing(floor):
    floor.stock("A", 1, 1)

    floor.reset("facilityId,idValue,availableQty,reason\nSTORE_1,A,5,NO_VARIANCE_LOG\n")

    assert (floor.position("A"), floor.counts()) == ((1, 1), {"total": 1, "unchanged": 1})


@pytest.mark.parametrize("reason", ["NO_SUCH_REASON", "SHOPIFY_POS_SALE"])
def test_a_reason_that_files_may_not_give_is_a_reject(floor, reason):
    floor.reset(f"facilityId,idValue,availableQty,reason\nSTORE_1,A,5,{reason}\n")

    assert floor.rejects() == [(2, "ERR_REASON_NOT_FOUND")]
    (said,) = floor.conn.execute("select error_message from oms.import_reject").fetchone()
    assert said.startswith(f"'{reason}' is not a reason that a file may give; use one of CYCLE_COUNT, ")
    assert "VAR_FOUND" in said


def test_the_parameter_sets_the_mode_of_rows_that_do_not(floor):
    floor.stock("A", 10, 5)

    floor.reset(RESET + "STORE_1,SKU,A,4\n", additionalParameters={"resetByAtp": False})

    assert floor.position("A") == (4, -1)


def test_an_entry_names_its_file_line_run_reason_and_comment(floor):
    floor.reset("facilityId,idValue,availableQty,comments\nSTORE_1,A,5,morning count\n")

    assert floor.conn.execute(
        "select log_id, line_number, run_id, reason_id, comments from oms.inventory_ledger"
    ).fetchall() == [(1, 2, "run_1", "VAR_EXT_RESET", "morning count")]

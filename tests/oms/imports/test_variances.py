"""Variances: the worked examples of spec inventory.md 5.5 and INV-14, on a real database and SFTP server."""

import psycopg
import pytest

from oms import locks
from tests.oms.imports.conftest import VARIANCE, VARIANCE_JOB

TWO_EQUAL_ROWS = VARIANCE + "STORE_1,,SKU,W,-2,,VAR_DAMAGED,\n" * 2


def test_inv_14_two_equal_rows_are_both_applied(floor):
    floor.stock("W", 10, 10)

    floor.vary(TWO_EQUAL_ROWS)

    assert (floor.position("W"), floor.entries()) == ((6, 6), 2)
    assert floor.counts() == {"total": 2, "applied": 2}


@pytest.mark.parametrize("name", ["inv_var.csv", "inv_var(1).csv"])
def test_inv_14_the_same_bytes_again_change_nothing(floor, name):
    floor.stock("W", 10, 10)
    floor.vary(TWO_EQUAL_ROWS)

    account = floor.vary(TWO_EQUAL_ROWS, name=name)

    account.raise_if_open()
    assert floor.position("W") == (6, 6)
    assert floor.logs("status, duplicate_of_log_id, applied_count, duplicate_count")[-1] == (
        "DmlsFinished",
        1,
        0,
        2,
    )
    assert floor.files(VARIANCE_JOB) == []
    assert floor.files(VARIANCE_JOB, "archive") == ["1_inv_var.csv", f"2_{name}"]


@pytest.mark.parametrize(("name", "applied"), [("inv_var.csv", 0), ("other.csv", 2)])
def test_inv_14_after_72_hours_only_the_name_tells(floor, name, applied):
    floor.vary(TWO_EQUAL_ROWS, negativePolicy="allow")
    floor.conn.execute("update oms.import_log set created_at = created_at - interval '73 hours'")

    assert floor.vary(TWO_EQUAL_ROWS, name=name, negativePolicy="allow").changed == applied


def test_inv_14_force_applies_them_again(floor):
    floor.stock("W", 10, 10)
    floor.vary(TWO_EQUAL_ROWS)

    floor.vary(TWO_EQUAL_ROWS, force=True)

    assert floor.position("W") == (2, 2)


def test_inv_14_a_chunk_repeated_after_its_commit_changes_nothing(floor):
    floor.stock("W", 10, 10)
    floor.vary(TWO_EQUAL_ROWS)

    again = floor.apply(floor.chunks[0])

    assert (floor.position("W"), again["applied"]) == ((6, 6), 2)


def test_a_copy_of_a_file_that_is_still_being_landed_stays_until_it_is_and_is_no_fault(floor):
    floor.stock("A", 10, 10)
    one = VARIANCE + "STORE_1,,SKU,A,-2,,,\n"
    floor.drop(VARIANCE_JOB, "a.csv", one)
    floor.land(VARIANCE_JOB)
    floor.conn.execute("update oms.import_log set status = 'DmlsLanding'")
    with psycopg.connect(floor.dsn, autocommit=True) as lander:
        locks.take(lander, locks.IMPORT_LOG.of(1))
        floor.vary(one, "b.csv").raise_if_open()
    assert floor.logs("file_name, closed_at is not null") == [("a.csv", False), ("b.csv", False)]

    floor.conn.execute("update oms.import_log set status = 'DmlsPending' where file_name = 'a.csv'")
    floor.run(VARIANCE_JOB).raise_if_open()
    assert floor.position("A") == (8, 8)
    assert floor.logs("file_name, duplicate_count, closed_at is not null") == [
        ("a.csv", 0, True),
        ("b.csv", 1, True),
    ]


def test_a_refused_file_is_no_earlier_one(floor):
    floor.stock("W", 10, 10)
    floor.vary(TWO_EQUAL_ROWS[:-1])
    assert floor.fault()[1] == "ERR_TRUNCATED"

    floor.vary(TWO_EQUAL_ROWS)

    assert floor.position("W") == (6, 6)


@pytest.mark.parametrize(("delta", "after"), [(5, 15), (-5, 5), (-10, 0), (-12, 0), (0, 10)])
def test_5_5_stock_goes_to_zero_and_not_below(floor, delta, after):
    floor.stock("W", 10, 10)

    floor.vary(VARIANCE + f"STORE_1,,SKU,W,{delta},,,\n")

    assert floor.position("W") == (after, after)
    assert floor.counts() == ({"total": 1, "applied": 1} if delta else {"total": 1, "unchanged": 1})
    assert floor.notes() == ([(2, "FLOORED")] if delta == -12 else [])


def test_floored_rows_are_worked_out_one_after_the_other(floor):
    floor.stock("W", 2, 1)

    floor.vary(VARIANCE + "".join(f"STORE_1,,SKU,W,{delta},,,\n" for delta in (-5, 4, -1, -9, 2)))

    assert floor.position("W") == (2, 1)
    assert floor.conn.execute(
        "select array_agg(qoh_diff order by line_number) from oms.inventory_ledger where log_id = 1"
    ).fetchone() == ([-2, 4, -1, -3, 2],)


def test_stock_below_zero_may_rise_and_does_not_fall(floor):
    floor.stock("W", -3, -3)

    floor.vary(VARIANCE + "STORE_1,,SKU,W,-1,,,\nSTORE_1,,SKU,W,2,,,\nSTORE_1,,SKU,W,-4,,,\n")

    assert floor.position("W") == (-1, -1)


def test_negative_policy_allow(floor):
    floor.stock("W", 10, 10)

    floor.vary(VARIANCE + "STORE_1,,SKU,W,-12,,,\n", additionalParameters={"negativePolicy": "allow"})

    assert (floor.position("W"), floor.notes()) == ((-2, -2), [])


def test_negative_policy_reject_sets_the_row_aside_byte_for_byte(floor):
    floor.stock("W", 10, 10)

    floor.vary(
        VARIANCE + "STORE_1,,SKU,W,-12,,,x y\nSTORE_1,,SKU,W,-10,,,\n", negativePolicy="reject"
    ).raise_if_open()

    assert floor.position("W") == (0, 0)
    assert floor.counts() == {"total": 2, "applied": 1, "rejected": 1}
    assert floor.rejects() == [(2, "ERR_NEGATIVE")]
    assert floor.raw_rejects() == [b"STORE_1,,SKU,W,-12,,,x y"]


@pytest.mark.parametrize("units", [1_000_000_000, -1_000_000_000])
@pytest.mark.parametrize("policy", ["floor", "allow", "reject"])
def test_changes_that_add_up_beyond_the_range_of_figures_are_rejects_and_stop_no_other(floor, units, policy):
    row = f"STORE_1,,SKU,A,{units},,,\n"
    floor.vary(VARIANCE + row * 3 + "STORE_1,,SKU,B,1,,,\n", negativePolicy=policy).raise_if_open()

    within = units if units > 0 or policy == "allow" else 0
    assert (floor.position("A"), floor.position("B")) == ((within, within), (1, 1))
    code = "ERR_RANGE" if within else "ERR_NEGATIVE"
    refused = {"floor": [3, 4] if within else [], "allow": [3, 4], "reject": [3, 4] if within else [2, 3, 4]}
    assert floor.rejects() == [(line, code) for line in refused[policy]]


def test_a_reason_that_writes_nothing_is_accepted(floor):
    floor.vary(VARIANCE + "STORE_1,,SKU,W,5,,NO_VARIANCE_LOG,\n")

    assert (floor.position("W"), floor.counts()) == (None, {"total": 1, "unchanged": 1})


def test_a_blank_reason_is_a_manual_change_and_kits_are_skipped(floor):
    floor.vary(VARIANCE + "STORE_1,,SKU,W,5,,,box found\nSTORE_1,,SKU,KIT,5,,,\n")

    assert floor.conn.execute("select reason_id, comments from oms.inventory_ledger").fetchall() == [
        ("VAR_MANUAL", "box found")
    ]
    assert floor.counts() == {"total": 2, "applied": 1, "skipped": 1}


def test_only_the_part_that_changes_reaches_atp_and_qoh_alike(floor):
    floor.stock("W", 3, 8)

    floor.vary(VARIANCE + "STORE_1,,SKU,W,-5,,,\n")

    assert floor.position("W") == (0, 5)

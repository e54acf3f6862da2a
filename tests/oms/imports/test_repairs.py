"""Reject files that come back corrected: each refused line is booked once (spec inventory.md 3.1, 3.5)."""

import csv
import io
import random
import re
import threading

import psycopg
import pytest

from oms import catalog
from oms.imports import arrival, chunking, landing, packing, rejects
from oms.inventory import undoing
from oms.inventory.why import why
from tests.oms.imports.conftest import (
    RESET,
    RESET_JOB,
    VARIANCE_JOB,
    empty_staging,
    identify,
    now,
    product,
    sftp_client,
)

pytestmark = pytest.mark.usefixtures("locks_in_order")

HEADER = "facilityId,idType,idValue,availableDelta,comments\n"
BAD = HEADER + 'STORE_1,SKU,A,5,good\nSTORE_1,SKU,NOPE,3,"x, ""y"""\nSTORE_9,SKU,B,4,\nSTORE_1,SKU,C,zwei,\n'


def returned(floor, job=VARIANCE_JOB, log_id=1) -> str:
    """The text of a log's reject file."""
    (path,) = (floor.root / job.import_path / "error").glob(f"{log_id}_*")
    return path.read_text()


def mend(text: str, *pairs: tuple[str, str]) -> str:
    for wrong, right in pairs:
        assert wrong in text
        text = text.replace(wrong, right)
    return text


NOPE, STORE_9, ZWEI = ("SKU,NOPE,", "SKU,W,"), ("STORE_9,", "STORE_2,"), (",zwei,", ",2,")


def receivable(floor) -> None:
    """Product A is item 3412 of the ERP."""
    (product_id,) = floor.conn.execute("select min(product_id) from oms.product").fetchone()
    identify(floor.conn, product_id, "NETSUITE_PRODUCT_ID", "3412")


def stock(floor) -> dict[str, int]:
    return dict(
        floor.conn.execute(
            "select internal_name, qoh from oms.inventory_item join oms.product using (product_id)"
        ).fetchall()
    )


def test_a_reject_file_names_the_lines_that_were_refused(floor):
    floor.vary(BAD)

    lines = returned(floor).splitlines()

    assert lines[0] == "error_line,error_column,error_code,error_message,error_log," + HEADER.rstrip()
    assert lines[1].startswith("3,idValue,ERR_PRODUCT_NOT_FOUND,")
    assert lines[1].endswith(',1,STORE_1,SKU,NOPE,3,"x, ""y"""')


RUNS = 'STORE_1,SKU,=cmd|\' /C calc\'!A0,3,"a;＝7"\nSTORE_1,SKU,NOPE,-2,"one\n=2"\n'


def test_the_reject_file_is_byte_for_byte_and_its_copy_for_a_spreadsheet_runs_nothing(floor):
    floor.vary(HEADER + RUNS)
    as_it_came = returned(floor)
    assert as_it_came.splitlines()[1].endswith(RUNS.splitlines()[0])

    assert b"".join(rejects.printed(floor.conn, 1)).decode() == as_it_came

    copy = b"".join(rejects.printed(floor.conn, 1, for_spreadsheet=True)).decode("utf-8-sig")
    header, *lines = csv.reader(io.StringIO(copy, newline=""))
    assert header == as_it_came.splitlines()[0].split(",")
    assert lines[0][-5:] == ["STORE_1", "SKU", "'=cmd|' /C calc'!A0", "3", "a;'＝7"]
    assert (lines[1][0], lines[1][-1]) == ("3", "one\n'=2")


@pytest.mark.parametrize("delimiter", [";", "|"])
def test_the_copy_for_a_spreadsheet_has_commas_whatever_the_file_had(floor, delimiter: str):
    """A spreadsheet that expects them would begin a cell at one inside of a cell without quotes."""
    long = "x" * 200_000  # more than csv.reader takes
    rows = (HEADER.rstrip().split(","), ("STORE_1", "SKU", long, "3", "a,=cmd|' /C calc'!A0"))
    if delimiter == "|":
        rows = (rows[0], (*rows[1][:4], "a,=7"))
    floor.vary(
        "".join(delimiter.join(row) + "\n" for row in rows), additionalParameters={"delimiter": delimiter}
    )

    copy = b"".join(rejects.printed(floor.conn, 1, for_spreadsheet=True)).decode("utf-8-sig")

    _, line = csv.reader(io.StringIO(copy.replace(long, "long"), newline=""))
    assert line[-5:] == ["STORE_1", "SKU", "long", "3", rows[1][4]]


def test_a_log_without_refused_lines_has_no_reject_file(floor):
    floor.vary(HEADER + "STORE_1,SKU,A,5,\n")

    for log_id in (1, 99):
        with pytest.raises(rejects.NothingRefused, match=f"log {log_id}"):
            list(rejects.printed(floor.conn, log_id))


def test_corrected_lines_are_applied_once_and_name_their_origin(floor):
    floor.vary(BAD)

    floor.vary(mend(returned(floor), NOPE, ZWEI), name="whatever.csv").raise_if_open()

    assert stock(floor) == {"A": 5, "W": 3, "C": 2}
    assert floor.counts() == {"total": 3, "applied": 2, "rejected": 1}
    assert floor.conn.execute(
        "select origin_line, line_number from oms.import_repair where origin_log_id = 1 and holds order by 1"
    ).fetchall() == [(3, 2), (5, 4)]
    assert floor.conn.execute("select log_id, line_number from oms.open_reject").fetchall() == [(1, 4)]
    (entry,) = why(floor.conn, "W", "STORE_1").entries
    assert entry.cause == "file whatever.csv line 2 (log 2), repairs line 3 of log 1"


@pytest.mark.parametrize(
    "same",
    [
        lambda line: line.replace("Größe", "Gro\u0308ße"),
        lambda line: line.replace("Größe", "Größe\u00a0"),
        lambda line: line.replace("STORE_1", "STORE_1\u2060"),
        lambda line: line.replace(",1,STORE_1", ",1\u00a0,STORE_1"),
        lambda line: "\u200b" + line,
    ],
)
def test_a_repair_that_comes_again_in_another_form_of_unicode_says_the_same(floor, same):
    identify(floor.conn, product(floor.conn, "Größe"), "ERP_ID", "Größe")
    floor.vary(HEADER + "STORE_1,ERP_ID,NOPE,3,\n")
    header, line = mend(returned(floor), ("NOPE", "Größe")).splitlines()
    floor.vary(f"{header}\n{line}\n", name="first.csv")

    floor.vary(f"{header}\n{same(line)}\n", name="second.csv")

    assert floor.counts() == {"total": 1, "duplicate": 1}, floor.rejects()
    assert stock(floor) == {"Größe": 3}


def test_a_repair_dropped_again_and_again_with_other_lines_corrected(floor):
    """Three times, renamed and in another order: each line once, and what it was is told."""
    floor.vary(BAD)
    original = returned(floor)
    floor.vary(mend(original, NOPE), name="first.csv")

    header, *rows = mend(original, ZWEI).splitlines(keepends=True)
    floor.vary(header + "".join(reversed(rows)), name="second.csv")
    assert floor.counts() == {"total": 3, "applied": 1, "duplicate": 1, "rejected": 1}
    floor.vary(mend(original, NOPE, STORE_9, ZWEI), name="third.csv")
    assert floor.counts() == {"total": 3, "applied": 1, "duplicate": 2}

    assert stock(floor) == {"A": 5, "W": 3, "B": 4, "C": 2}
    assert floor.conn.execute("select count(*) from oms.open_reject").fetchone() == (0,)


def test_the_reject_file_of_a_repair_refers_to_the_first_file(floor):
    floor.vary(BAD)
    floor.vary(mend(returned(floor), NOPE, (",zwei,", ",drei,")), name="repair.csv")

    again = returned(floor, log_id=2)

    head, store_9, drei = again.splitlines()
    assert head == "error_line,error_column,error_code,error_message,error_log," + HEADER.rstrip()
    assert (store_9.split(",")[0], store_9.split(",1,STORE_9,")[1]) == ("4", "SKU,B,4,")
    assert drei.endswith(",1,STORE_1,SKU,C,drei,")
    floor.vary(mend(again, STORE_9, (",drei,", ",3,")), name="repair.csv")
    assert stock(floor) == {"A": 5, "W": 3, "B": 4, "C": 3}
    assert floor.conn.execute(
        "select origin_log_id, origin_line from oms.import_repair where log_id = 3 order by 2"
    ).fetchall() == [(1, 4), (1, 5)]


def test_a_row_that_lost_a_column_still_knows_its_line(floor):
    floor.vary(BAD)
    floor.vary(mend(returned(floor), ("STORE_9,SKU,B,4,", "STORE_9,SKU,B,4")), name="2.csv")
    assert "ERR_TOO_FEW_COLUMNS" in returned(floor, log_id=2)

    floor.vary(mend(returned(floor, log_id=2), ("STORE_9,SKU,B,4", "STORE_2,SKU,B,4,")), name="3.csv")
    floor.vary(mend(returned(floor), STORE_9), name="4.csv")

    assert stock(floor) == {"A": 5, "B": 4}


def test_what_was_repaired_with_other_values_is_refused(floor):
    floor.vary(BAD)
    floor.vary(mend(returned(floor), ZWEI), name="2.csv")

    floor.vary(mend(returned(floor), (",zwei,", ",7,")), name="3.csv")

    assert floor.rejects()[-1] == (4, "ERR_REPAIRED")
    assert stock(floor) == {"A": 5, "C": 2}


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        ("99,x,x,x,1", "ERR_ORIGIN"),
        ("3,x,x,x,77", "ERR_ORIGIN"),
        ("3,x,x,x,", "ERR_ORIGIN"),
        ("a,,,,b", "ERR_ORIGIN"),
    ],
)
def test_a_row_that_names_no_refused_line_is_refused(floor, origin, code):
    floor.vary(BAD)

    floor.vary(returned(floor).splitlines()[0] + f"\n{origin},STORE_1,SKU,D,1,\n", name="2.csv")

    assert (floor.rejects()[-1], floor.position("D")) == ((2, code), None)


def test_a_row_added_to_a_repair_is_a_new_one_and_a_copied_one_is_refused(floor):
    floor.vary(BAD)
    header, first, *_ = mend(returned(floor), NOPE).splitlines(keepends=True)

    floor.vary(header + first + ",,,,,STORE_1,SKU,D,1,\n" + first.replace(",3,", ",9,"), name="2.csv")

    assert stock(floor) == {"A": 5, "W": 3, "D": 1}
    assert floor.rejects()[-1] == (4, "ERR_ORIGIN_TWICE")


def test_an_unchanged_reject_file_may_come_again_when_the_product_is_known(floor):
    """The same bytes, but not the same outcome: the file as a whole is no duplicate."""
    floor.vary(BAD)
    floor.vary(returned(floor), name="again.csv")
    assert floor.counts() == {"total": 3, "rejected": 3}
    product(floor.conn, "NOPE")

    floor.vary(returned(floor), name="again.csv")
    floor.vary(returned(floor), name="again.csv", force=True)

    assert stock(floor) == {"A": 5, "NOPE": 3}
    assert floor.counts() == {"total": 3, "duplicate": 1, "rejected": 2}


def test_a_repair_in_the_folder_of_another_import_is_refused(floor):
    floor.vary(BAD)

    floor.drop(catalog.IMPORT_INVENTORY_TRANSFER, "x.csv", mend(returned(floor), NOPE))
    floor.run(catalog.IMPORT_INVENTORY_TRANSFER, defaultIdType="SKU")

    assert floor.rejects()[-3] == (2, "ERR_ORIGIN")
    assert stock(floor) == {"A": 5}


def test_a_line_refused_while_applied_is_repaired_like_the_others(floor):
    floor.stock("A", 3, 3)
    floor.vary(HEADER + "STORE_1,SKU,A,-5,\n", negativePolicy="reject")
    floor.vary(mend(returned(floor), (",-5,", ",-4,")), name="2.csv", negativePolicy="reject")
    assert floor.rejects() == [(2, "ERR_NEGATIVE"), (2, "ERR_NEGATIVE")]

    floor.vary(mend(returned(floor, log_id=2), (",-4,", ",-3,")), name="3.csv", negativePolicy="reject")
    floor.vary(mend(returned(floor), (",-5,", ",-3,")), name="4.csv", negativePolicy="reject")

    assert (floor.position("A"), floor.counts()) == ((0, 0), {"total": 1, "duplicate": 1})


def test_two_repairs_at_once(floor, sftp_server):
    floor.vary(BAD)
    for name in ("2.csv", "3.csv"):
        floor.drop(VARIANCE_JOB, name, mend(returned(floor), NOPE, ZWEI))
    faults = []

    def land(name: str, run: str) -> None:
        try:
            with psycopg.connect(floor.dsn, autocommit=True) as conn, sftp_client(sftp_server) as sftp:
                params = floor.params(VARIANCE_JOB, remoteFilename=name)
                settled = arrival.find(sftp, params)
                landing.land(conn, sftp, VARIANCE_JOB, params, landing.Run(VARIANCE_JOB.dag_id, run), settled)
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=land, args=(name, name)) for name in ("2.csv", "3.csv")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    floor.run(VARIANCE_JOB)

    assert faults == []
    assert stock(floor) == {"A": 5, "W": 3, "C": 2}
    assert sorted(floor.logs("applied_count, duplicate_count, rejected_count")[1:]) == [(0, 2, 1), (2, 0, 1)]


def test_rows_that_did_not_count_do_not_count_when_the_file_is_landed_once_more(floor):
    floor.vary(BAD)
    floor.vary(mend(returned(floor), NOPE), name="2.csv")
    floor.drop(VARIANCE_JOB, "3.csv", mend(returned(floor), ZWEI))
    chunks = floor.land(VARIANCE_JOB)
    empty_staging(floor.conn)

    for chunk in chunks:
        floor.apply(chunk)
    floor.close(VARIANCE_JOB).raise_if_open()

    assert stock(floor) == {"A": 5, "W": 3, "C": 2}
    assert floor.counts() == {"total": 3, "applied": 1, "duplicate": 1, "rejected": 1}


def test_a_repair_that_was_cancelled_has_repaired_nothing(floor):
    floor.reset(RESET + "STORE_1,SKU,AA,10\n")
    mended = mend(returned(floor, RESET_JOB), ("SKU,AA", "SKU,A"))
    path = floor.drop(RESET_JOB, "2.csv", mended)
    floor.land(RESET_JOB)
    path.unlink()
    assert floor.conn.execute("select count(*) from oms.open_reject").fetchone() == (0,)
    floor.conn.execute(
        "update oms.import_log set status = 'DmlsCancelled', closed_at = now() where log_id = 2"
    )
    assert floor.conn.execute("select count(*) from oms.open_reject").fetchone() == (1,)

    floor.reset(mended, name="3.csv")

    assert (floor.position("A"), floor.counts()) == ((10, 10), {"total": 1, "applied": 1})


def test_lines_of_a_file_that_was_undone_are_repaired_where_it_came_again(floor):
    floor.vary(BAD)
    first = returned(floor)
    undoing.undo(floor.conn, 1, run_name="undo_import/1")
    floor.vary(BAD)

    floor.vary(mend(first, NOPE), name="2.csv")
    assert floor.rejects()[-3] == (2, "ERR_ORIGIN_UNDONE")
    floor.vary(mend(returned(floor, log_id=2), NOPE), name="3.csv")

    assert stock(floor) == {"A": 5, "W": 3}


def test_a_reject_file_of_before_is_a_new_file(floor):
    """It names no log: its columns are ignored, and do not come twice in its own reject file."""
    old = "error_line,error_column,error_code,error_message,"

    floor.vary(
        old + HEADER + "2,idValue,X,y,STORE_1,SKU,A,1,\n3,idValue,X,y,STORE_1,SKU,NOPE,1,\n", name="1.csv"
    )

    assert stock(floor) == {"A": 1}
    assert returned(floor).splitlines()[0] == old + "error_log," + HEADER.rstrip()
    assert returned(floor).splitlines()[1].endswith(",1,STORE_1,SKU,NOPE,1,")


def test_a_repaired_reset_is_a_figure_of_its_file_s_time(floor):
    """Units sold since stay sold, as with asOf (INV-17)."""
    item = floor.stock("A", 8, 8)
    floor.reset(RESET + "STORE_1,SKU,B,4\nSTORE_1,SKU,AA,10\n")
    floor.move(item, -1, -1, at="now")

    floor.reset(mend(returned(floor, RESET_JOB), ("SKU,AA", "SKU,A")), name="repaired.csv").raise_if_open()

    assert floor.position("A") == (9, 9)


def test_a_repaired_reset_of_a_facility_that_was_set_since_is_refused(floor):
    floor.stock("A", 8, 8)
    floor.reset(RESET + "STORE_1,SKU,B,4\nSTORE_1,SKU,AA,10\n")
    floor.reset(RESET + "STORE_1,SKU,A,20\n", name="next day.csv")
    mended = mend(returned(floor, RESET_JOB), ("SKU,AA", "SKU,A"))

    floor.reset(mended, name="repaired.csv")
    assert (floor.rejects()[-1], floor.position("A")) == ((2, "ERR_FIGURE_OLD"), (20, 20))
    floor.reset(mended, name="repaired.csv", force=True)

    assert floor.position("A") == (10, 10)


def test_repairs_of_one_reset_in_two_goes_are_both_applied(floor):
    floor.reset(RESET + "STORE_1,SKU,AA,10\nSTORE_1,SKU,BB,5\n")
    original = returned(floor, RESET_JOB)

    floor.reset(mend(original, ("SKU,AA", "SKU,A")), name="2.csv")
    floor.reset(mend(original, ("SKU,BB", "SKU,B")), name="3.csv")

    assert stock(floor) == {"A": 10, "B": 5}


def test_a_repaired_document_line_is_numbered_beside_the_others_of_its_file(floor):
    """Its file has booked an equal line; when the document is exported again, both are known."""
    job = catalog.IMPORT_ITEM_RECEIPT
    receivable(floor)
    header = "externalFacilityId,idValue,idType,availableDelta,comments\n"
    first = "{},3412,NETSUITE_PRODUCT_ID,12,ItemReceipt # 5\n"
    floor.drop(job, "1.csv", header + first.format("x7") + first.format("900"))
    floor.run(job)

    floor.drop(job, "2.csv", mend(returned(floor, job), ("x7,", "900,")))
    floor.run(job)
    assert (floor.counts(), floor.position("A", "WH")) == ({"total": 1, "applied": 1}, (24, 24))
    floor.drop(job, "3.csv", header + first.format("900") * 2)
    floor.run(job)

    assert (floor.counts(), floor.position("A", "WH")) == ({"total": 2, "duplicate": 2}, (24, 24))


def test_a_document_line_that_came_in_a_new_export_is_not_repaired_beside_it(floor):
    job = catalog.IMPORT_ITEM_RECEIPT
    header = "externalFacilityId,idValue,idType,availableDelta,comments\n"
    content = "900,3412,NETSUITE_PRODUCT_ID,12,ItemReceipt # 5\n"
    floor.drop(job, "1.csv", header + content)
    floor.run(job)
    receivable(floor)
    floor.drop(job, "2.csv", header + content + content.replace("# 5", "# 6"))
    floor.run(job)

    floor.drop(job, "3.csv", returned(floor, job))
    floor.run(job)

    assert (floor.counts(), floor.position("A", "WH")) == ({"total": 1, "duplicate": 1}, (24, 24))


def test_columns_in_another_order_and_quoted_cells_are_the_same_row(floor):
    floor.vary(BAD)
    floor.vary(mend(returned(floor), ZWEI), name="2.csv")
    ours = "error_log,error_line,error_column,error_code,error_message"
    head = f"availableDelta,idValue,idType,facilityId,{ours},comments\n"

    floor.vary(head + '"2",C,SKU,"STORE_1","1","5",a,b,"c, d",\n', name="3.csv")

    assert (floor.counts(), stock(floor)) == ({"total": 1, "duplicate": 1}, {"A": 5, "C": 2})


def test_reject_columns_are_taken_out_wherever_they_stand(floor):
    floor.vary(BAD)
    ours = "error_log,error_line,error_column,error_code,error_message"
    head = f"idValue,{ours},idType,facilityId,availableDelta\n"

    floor.vary(head + 'NOPE,1,3,idValue,b,"c, ""d""",SKU,STORE_1,"3"\n', name="2.csv")

    assert (
        returned(floor, log_id=2)
        .splitlines()[0]
        .endswith("error_log,idValue,idType,facilityId,availableDelta")
    )
    assert returned(floor, log_id=2).splitlines()[1].endswith(',1,NOPE,SKU,STORE_1,"3"')


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_corrected_when_each_line_is_booked_once(floor, seed):
    """Random subsets, orders and names: the stock is the sum of the lines corrected so far."""
    chance = random.Random(seed)
    units = [2**power for power in range(8)]
    floor.vary(HEADER + "".join(f"STORE_1,SKU,NOPE_{unit},{unit},\n" for unit in units))
    files, corrected = [returned(floor)], set()
    for number in range(2, 8):
        header, *rows = chance.choice(files).splitlines(keepends=True)
        rows = chance.sample(rows, chance.randint(1, len(rows)))
        right = [row for row in rows if chance.random() < 0.4]
        corrected |= {row for row in (int(one.split(",")[-2]) for one in right)}
        text = "".join(re.sub("NOPE_[0-9]+", "A", row) if row in right else row for row in rows)
        floor.vary(header + text, name=f"{chance.random()}.csv")
        files += [
            path.read_text() for path in (floor.root / VARIANCE_JOB.import_path / "error").glob(f"{number}_*")
        ]
        assert stock(floor).get("A", 0) == sum(corrected)

    total, repaired = floor.conn.execute(
        "select count(*), count(*) filter (where holds) from oms.import_repair"
    ).fetchone()
    assert repaired == len(corrected) < total
    assert floor.conn.execute("select count(*) from oms.open_reject").fetchone() == (8 - len(corrected),)


def still_open(floor):
    return floor.conn.execute("select log_id, line_number from oms.open_reject order by 1, 2").fetchall()


DAILY = RESET + "STORE_1,SKU,A,5\nSTORE_1,SKU,NOPE,1\nSTORE_2,SKU,B,x\nMARS,SKU,A,3\ncut\n"


def test_what_a_daily_file_refuses_each_day_is_open_once(floor):
    for day in range(3):
        floor.reset(DAILY, name=f"{day}.csv")

    assert still_open(floor) == [(3, line) for line in (3, 4, 5, 6)]


def test_a_refused_line_is_said_again_by_a_later_file_that_speaks_of_its_facility(floor):
    floor.reset(DAILY)
    floor.reset(RESET + "STORE_1,SKU,B,5\n", name="other.csv")
    assert still_open(floor) == [(1, 4), (1, 5), (1, 6)]

    floor.conn.execute("update oms.facility set external_id = 'MARS' where facility_id = 'STORE_2'")
    floor.reset(RESET + "STORE_2,SKU,A,5\n", name="third.csv")
    assert still_open(floor) == [(1, 6)]

    undoing.undo(floor.conn, 3, run_name="undo")
    assert still_open(floor) == [(1, 4), (1, 5), (1, 6)]


def test_a_repair_of_one_line_leaves_the_others_of_its_facility_open(floor):
    floor.reset(RESET + "STORE_1,SKU,A,5x\nSTORE_1,SKU,NOPE,1\n")

    floor.reset(mend(returned(floor, RESET_JOB), ("5x", "5")), name="repair.csv")

    assert still_open(floor) == [(1, 3)]


AHEAD = "facilityId,idValue,availableQty,resetByAtp,asOf\n"
SOLD = "facilityId,idValue,availableDelta,effectiveDate\n"


def test_a_repaired_count_from_a_clock_that_is_ahead_is_one_of_the_arrival_of_its_file(floor):
    floor.stock("A", 10, 10)
    floor.reset(AHEAD + f"STORE_1,A,x,false,{now(floor, 4)}\n")
    floor.vary(SOLD + f"STORE_1,A,-1,{now(floor)}\n")

    floor.reset(mend(returned(floor, RESET_JOB), (",x,", ",10,")), name="repair.csv")

    assert (floor.position("A"), floor.counts()) == ((9, 9), {"total": 1, "unchanged": 1})


def test_a_repaired_sale_from_a_clock_that_is_ahead_is_in_a_count_that_was_begun_later(floor):
    floor.stock("A", 10, 10)
    floor.vary(SOLD + f"STORE_1,A,x,{now(floor, 4)}\n")
    floor.reset(AHEAD + f"STORE_1,A,9,false,{now(floor)}\n")

    floor.vary(mend(returned(floor), (",x,", ",-1,")), name="repair.csv")

    assert (floor.position("A"), floor.notes()) == ((9, 9), [(2, "ALREADY_COUNTED")])


@pytest.mark.parametrize("units", [5, 7])
def test_a_refused_line_is_of_one_moment_with_the_others_of_its_file_in_any_chunk(floor, monkeypatch, units):
    """The second chunk is applied later than the file began; its row changes something, or nothing."""
    monkeypatch.setattr(chunking, "pack", lambda rows, most, least: packing.pack(rows, 2, 1))
    floor.stock("A", 5, 5, "STORE_2")
    rows = f"STORE_1,SKU,B,1\nSTORE_2,SKU,A,{units}\nSTORE_2,SKU,A,x\n"
    floor.reset(RESET + rows, groupBy="facilityId")
    assert len(floor.chunks) == 2

    floor.reset(mend(returned(floor, RESET_JOB), (",x", ",9")), name="repair.csv")

    assert (floor.position("A", "STORE_2"), floor.notes()) == ((9, 9), [])


def test_changes_of_stock_are_not_said_again_by_later_ones(floor):
    floor.vary(BAD)
    floor.vary(BAD.replace(",3,", ",4,"), name="later.csv")

    assert len(still_open(floor)) == 6

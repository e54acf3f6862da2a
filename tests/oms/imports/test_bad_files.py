"""Bad input: a clear answer that names the thing, nothing applied that should not be, nothing lost.

Spec inventory.md 3.5 and INV-24.
"""

import gzip
import io
import os
import re
import resource
import threading
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from oms import catalog
from oms.imports import arrival, landing, reading, streams
from oms.imports.errors import AccountOpen, FileMissing, FileRefused
from tests.oms.imports.conftest import RESET, RESET_JOB, VARIANCE, VARIANCE_JOB

GOOD = "STORE_1,SKU,A,5\n"


def assert_refused(floor, account, code, *words, job=RESET_JOB):
    """The file went to error/ as a whole, with a message that names it, and nothing moved."""
    status, found, message = floor.fault()
    assert (status, found) == ("DmlsFailed", code)
    for word in words:
        assert word in message
    with pytest.raises(FileRefused, match=re.escape(words[0])):
        account.raise_if_open()
    assert floor.entries() == 0
    assert floor.files(job) == []
    assert len(floor.files(job, "error")) == 1


def test_inv_24_a_shift_jis_comment_without_encoding_refuses_the_file(floor):
    content = (VARIANCE + "STORE_1,,SKU,A,1,,,ok\nSTORE_1,,SKU,W,1,,,箱が壊れた\n").encode("cp932")

    account = floor.vary(content)

    assert_refused(floor, account, "ERR_ENCODING", "inv_var.csv", "line 3", "0x", "cp932", job=VARIANCE_JOB)


def test_inv_24_with_the_encoding_it_is_applied(floor):
    content = (VARIANCE + "STORE_1,,SKU,W,1,,,箱が壊れた\nSTORE_1,,SKU,A,1,,,ok\n").encode("cp932")

    floor.vary(content, additionalParameters={"encoding": "cp932"}).raise_if_open()

    assert floor.conn.execute(
        "select comments from oms.inventory_ledger order by line_number"
    ).fetchall() == [
        ("箱が壊れた",),
        ("ok",),
    ]


def test_inv_24_a_rejected_line_keeps_the_bytes_of_its_encoding(floor):
    line = "STORE_1,,SKU,NOPE,1,,,箱\u2460".encode("cp932")

    floor.vary(VARIANCE.encode() + line + b"\n", encoding="cp932")

    assert floor.raw_rejects() == [line]
    written = (floor.root / VARIANCE_JOB.import_path / "error" / "1_inv_var.csv").read_bytes()
    assert written.splitlines()[1].endswith(b"," + line)


def test_inv_24_a_delta_file_cut_in_its_last_line_is_refused(floor):
    account = floor.vary(VARIANCE + "STORE_1,,SKU,W,5,,,\nSTORE_1,,SK")

    assert_refused(floor, account, "ERR_TRUNCATED", "inv_var.csv", "line 3", job=VARIANCE_JOB)


def test_inv_24_a_delta_file_cut_with_a_line_end_is_refused(floor):
    account = floor.vary(VARIANCE + "STORE_1,,SKU,W,5,,,\nSTORE_1,,SK\n")

    assert_refused(floor, account, "ERR_TRUNCATED", "line 3", "3 columns", job=VARIANCE_JOB)


def test_inv_24_a_delta_file_cut_inside_a_quote_is_refused(floor):
    account = floor.vary(VARIANCE + 'STORE_1,,SKU,W,5,,,\nSTORE_1,,SKU,W,5,,,"box\n')

    assert_refused(floor, account, "ERR_TRUNCATED", "line 3", job=VARIANCE_JOB)


def test_inv_24_a_reset_file_cut_in_its_last_line_keeps_the_rest(floor):
    floor.reset(RESET + GOOD + "STORE_1,SK").raise_if_open()

    assert floor.position("A") == (5, 5)
    assert floor.rejects() == [(3, "ERR_TOO_FEW_COLUMNS")]
    assert floor.raw_rejects() == [b"STORE_1,SK"]


def test_inv_24_a_reset_file_cut_inside_a_quote_keeps_the_rest(floor):
    floor.reset(RESET + GOOD + 'STORE_1,SKU,"B').raise_if_open()

    assert (floor.position("A"), floor.rejects()) == ((5, 5), [(3, "ERR_UNCLOSED_QUOTE")])


def test_inv_24_a_delta_file_without_final_line_end_is_refused(floor):
    account = floor.vary(VARIANCE + "STORE_1,,SKU,W,5,,,")

    assert_refused(floor, account, "ERR_TRUNCATED", "requireFinalNewline", job=VARIANCE_JOB)


def test_inv_24_require_final_newline_can_be_switched_off(floor):
    floor.vary(
        VARIANCE + "STORE_1,,SKU,W,5,,,", additionalParameters={"requireFinalNewline": False}
    ).raise_if_open()

    assert floor.position("W") == (5, 5)


def test_a_reset_without_final_line_end_is_complete(floor):
    floor.reset(RESET + GOOD.strip())

    assert floor.position("A") == (5, 5)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("quoted", [False, True])
def test_line_ends_of_both_kinds(floor, end, quoted):
    text = (
        RESET + GOOD + ('"STORE_1","SKU","B","6"\n' if quoted else "STORE_1,SKU,B,6\n") + "STORE_1,SKU,X,1\n"
    )

    floor.reset(text.replace("\n", end)).raise_if_open()

    assert (floor.position("A"), floor.position("B")) == ((5, 5), (6, 6))
    assert floor.raw_rejects() == [b"STORE_1,SKU,X,1"]


def test_quoted_line_breaks_delimiters_and_quotes_belong_to_their_cell(floor):
    floor.reset(
        "facilityId,idValue,availableQty,comments\n"
        'STORE_1,A,5,"two\nlines, ""quoted"""\nSTORE_1,NOPE,6,"a\n\nb"\nSTORE_1,B,7,\n'
    ).raise_if_open()

    assert floor.conn.execute(
        "select line_number, comments from oms.inventory_ledger order by 1"
    ).fetchall() == [
        (2, 'two\nlines, "quoted"'),
        (7, None),
    ]
    assert (floor.rejects(), floor.raw_rejects()) == (
        [(4, "ERR_PRODUCT_NOT_FOUND")],
        [b'STORE_1,NOPE,6,"a\n\nb"'],
    )


def test_a_cell_of_several_lines_may_have_any_letter(floor):
    comment = 'a\n\\.\r\nb\x01\x02"\rc'
    quoted = comment.replace('"', '""')
    floor.reset(
        f'facilityId,idValue,availableQty,comments\nSTORE_1,A,5,"{quoted}" d\nSTORE_1,NOPE,6,"{quoted}"\n'
    ).raise_if_open()

    assert floor.conn.execute("select comments from oms.inventory_ledger").fetchall() == [(f"{comment} d",)]
    assert floor.raw_rejects() == [f'STORE_1,NOPE,6,"{quoted}"'.encode()]


def test_an_inch_sign_is_no_quote(floor):
    floor.reset('facilityId,idValue,availableQty,comments\nSTORE_1,A,5,12" disk\nSTORE_1,B,6,\n')

    assert (floor.position("A"), floor.position("B")) == ((5, 5), (6, 6))


def test_a_quote_that_is_never_closed_costs_one_row_of_a_reset(floor):
    floor.reset(RESET + 'STORE_1,SKU,"A,5\nSTORE_1,SKU,B,6\nSTORE_1,SKU,C,7\n').raise_if_open()

    assert floor.rejects() == [(2, "ERR_UNCLOSED_QUOTE")]
    assert (floor.position("B"), floor.position("C")) == ((6, 6), (7, 7))


def test_a_byte_order_mark_is_no_part_of_the_header(floor):
    floor.reset(b"\xef\xbb\xbf" + (RESET + GOOD).encode())

    assert floor.position("A") == (5, 5)


def test_latin_1_without_declaration_is_refused_and_with_it_read(floor):
    content = "facilityId,idValue,availableQty,comments\nSTORE_1,A,5,Größe\n".encode("latin-1")

    account = floor.reset(content)
    assert_refused(floor, account, "ERR_ENCODING", "reset.csv", "line 2", "0xf6")

    floor.reset(content, encoding="latin-1").raise_if_open()
    assert floor.position("A") == (5, 5)


def test_utf_16_is_refused(floor):
    assert_refused(floor, floor.reset((RESET + GOOD).encode("utf-16")), "ERR_ENCODING", "UTF-16")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le"])
def test_utf_16_that_is_declared_is_read(floor, encoding):
    text = "\ufeff" * (encoding != "utf-16") + RESET + GOOD + "STORE_1,SKU,NÖPE😀,1\n"

    floor.reset(text.encode(encoding), encoding="utf-16").raise_if_open()

    assert floor.position("A") == (5, 5)
    assert floor.raw_rejects() == ["STORE_1,SKU,NÖPE😀,1".encode()]


def test_a_reject_file_of_utf_16_comes_back_as_it_is(floor):
    floor.reset((RESET + "STORE_1,SKU,NÖPE,1\n").encode("utf-16"), encoding="utf-16")
    (path,) = (floor.root / RESET_JOB.import_path / "error").iterdir()

    floor.reset(path.read_text().replace("NÖPE", "A"), encoding="utf-16").raise_if_open()

    assert floor.position("A") == (1, 1)


def test_utf_16_that_is_cut_off_is_refused(floor):
    content = (RESET + GOOD).encode("utf-16")[:-1]

    assert_refused(floor, floor.reset(content, encoding="utf-16"), "ERR_TRUNCATED", "UTF-16")


@pytest.mark.parametrize("name", ["cp1252", "windows-1252"])
def test_windows_1252_has_its_own_letters(floor, name):
    text = "facilityId,idValue,availableQty,comments\nSTORE_1,A,5,“5 €”\n"

    floor.reset(text.encode("cp1252"), encoding=name).raise_if_open()

    assert floor.conn.execute("select comments from oms.inventory_ledger").fetchall() == [("“5 €”",)]


def test_a_tab_may_be_named(floor):
    tabs = (RESET + GOOD).replace(",", "\t")

    floor.reset(tabs, additionalParameters={"delimiter": "tab"}).raise_if_open()

    assert floor.position("A") == (5, 5)


@pytest.mark.parametrize("at", ["header", "row"])
def test_nul_bytes_are_refused(floor, at):
    text = (
        RESET.replace("idType", "id\0Type") + GOOD if at == "header" else RESET + GOOD + "STORE_1,SKU,B\0,6\n"
    )

    account = floor.reset(text)

    assert_refused(floor, account, "ERR_ENCODING", "NUL", "line 1" if at == "header" else "line 3")


@pytest.mark.parametrize("header", [True, False])
def test_a_line_of_100_mb_is_refused_in_little_memory(floor, header):
    path = floor.drop(RESET_JOB, "reset.csv", b"")
    with path.open("wb") as out:
        out.write(b"" if header else (RESET + GOOD).encode())
        for _ in range(100):
            out.write(b"x" * 1_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    account = floor.run(RESET_JOB)

    assert_refused(floor, account, "ERR_LINE_TOO_LONG", "line 1" if header else "line 3", "1048576")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000


def test_a_packed_file_is_unpacked(floor):
    floor.reset(
        gzip.compress((RESET + GOOD + "STORE_1,SKU,X,5\n").encode()), name="reset.csv.gz"
    ).raise_if_open()

    assert floor.position("A") == (5, 5)
    assert floor.files(RESET_JOB, "archive") == ["1_reset.csv.gz"]
    assert floor.files(RESET_JOB, "error") == ["1_reset.csv"]


def test_a_packed_file_of_two_members_is_read_to_its_end(floor):
    two = gzip.compress((RESET + GOOD).encode()) + gzip.compress(b"STORE_1,SKU,B,6\n")

    floor.reset(two, name="reset.csv.gz").raise_if_open()

    assert floor.position("B") == (6, 6)


@pytest.mark.parametrize(
    ("line", "code", "word"),
    [
        pytest.param(GOOD.encode(), "ERR_TOO_LARGE", "maxUncompressedBytes = 50000000", id="good lines"),
        pytest.param(b"0" * 64, "ERR_LINE_TOO_LONG", "line 2", id="zeros"),
    ],
)
def test_a_gzip_file_of_10_gb_is_refused_by_the_limit(floor, line, code, word, monkeypatch):
    """Some 10 or 21 MB on the server; what is unpacked stays near the limit, and memory flat."""
    came = []

    def counted(*given: Any) -> Iterator[bytes]:
        return (came.append(len(piece)) or piece for piece in streams.unpacked(*given))

    monkeypatch.setattr(reading, "unpacked", counted)
    member = line * ((64 << 20) // len(line))
    packed = gzip.compress(RESET.encode()) + gzip.compress(member, 9) * 160
    assert len(packed) < 32_000_000
    tracemalloc.start()

    try:
        account = floor.reset(packed, name="reset.csv.gz", maxUncompressedBytes=50_000_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert_refused(floor, account, code, "reset.csv.gz", word)
    assert 0 < sum(came) <= 50_000_000
    assert peak < 60_000_000


def test_a_packed_file_that_ends_too_soon_is_refused(floor):
    packed = gzip.compress((RESET + "".join(f"STORE_1,SKU,A,{n}\n" for n in range(5000))).encode())

    assert_refused(floor, floor.reset(packed[:-20], name="reset.csv.gz"), "ERR_TRUNCATED", "gzip")


def test_a_packed_file_with_damage_is_refused(floor):
    packed = bytearray(gzip.compress((RESET + "".join(f"STORE_1,SKU,A,{n}\n" for n in range(5000))).encode()))
    packed[200] ^= 0xFF

    account = floor.reset(bytes(packed), name="reset.csv.gz")

    assert floor.fault()[0] == "DmlsFailed"
    assert floor.entries() == 0
    with pytest.raises(FileRefused):
        account.raise_if_open()


@pytest.mark.parametrize(
    ("name", "content"),
    [("reset.csv.gz", (RESET + GOOD).encode()), ("reset.csv", gzip.compress(b"x", mtime=0))],
    ids=["not packed", "packed"],
)
def test_packing_and_name_must_agree(floor, name, content):
    assert_refused(floor, floor.reset(content, name=name), "ERR_FORMAT", ".gz")


def test_a_spreadsheet_is_refused(floor):
    book = io.BytesIO()
    with zipfile.ZipFile(book, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")

    assert_refused(floor, floor.reset(book.getvalue()), "ERR_FORMAT", "CSV")


def test_a_header_in_another_order_and_spelling_is_understood(floor):
    floor.reset("Available-Qty,ID_VALUE,id type,note,FACILITY ID\n5,A,sku,extra,STORE_1\n").raise_if_open()

    assert floor.position("A") == (5, 5)


def test_the_alias_of_a_column_is_understood(floor):
    floor.reset("facilityId,idValue,quantity\nSTORE_1,A,5\n")

    assert floor.position("A") == (5, 5)


def test_a_missing_column_refuses_the_file(floor):
    account = floor.reset("facilityId,idType,idValue,qty\nSTORE_1,SKU,A,5\n")

    assert_refused(floor, account, "ERR_HEADER", "availableQty", "'qty'")


def test_the_wrong_delimiter_refuses_the_file_and_the_right_one_is_a_parameter(floor):
    text = (RESET + GOOD).replace(",", ";")

    assert_refused(floor, floor.reset(text), "ERR_HEADER", "delimiter")

    floor.reset(text + "STORE_1;SKU;X;1\n", delimiter=";").raise_if_open()
    assert (floor.position("A"), floor.raw_rejects()) == ((5, 5), [b"STORE_1;SKU;X;1"])


def test_a_repeated_column_with_equal_values_is_accepted(floor):
    floor.reset("facilityId,idValue,availableQty,idValue\nSTORE_1,A,5,A\n").raise_if_open()

    assert floor.position("A") == (5, 5)


def test_a_repeated_column_with_other_values_refuses_the_file(floor):
    account = floor.reset("facilityId,idValue,availableQty,quantity\nSTORE_1,A,5,5\nSTORE_1,B,5,6\n")

    assert_refused(floor, account, "ERR_HEADER", "quantity", "line 3", "'5'", "'6'")


def test_rows_with_too_many_or_too_few_columns_are_one_reject_each(floor):
    floor.reset(RESET + "STORE_1,SKU,A\n" + GOOD + "STORE_1,SKU,B,6,7,8\n").raise_if_open()

    assert floor.rejects() == [(2, "ERR_TOO_FEW_COLUMNS"), (4, "ERR_TOO_MANY_COLUMNS")]
    assert floor.raw_rejects() == [b"STORE_1,SKU,A", b"STORE_1,SKU,B,6,7,8"]
    assert floor.position("A") == (5, 5)


def test_too_many_and_too_few_columns_do_not_cancel_out(floor):
    floor.reset(RESET + "STORE_1,SKU,A\nSTORE_1,SKU,B,6,7\n")

    assert floor.rejects() == [(2, "ERR_TOO_FEW_COLUMNS"), (3, "ERR_TOO_MANY_COLUMNS")]


def test_the_log_quotes_the_first_rejects_and_names_their_file(floor, caplog):
    floor.reset(RESET + "STORE_1,SKU,NOPE,5\n" * 12)

    said = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
    assert len(said) == 11
    assert said[0].startswith(
        "reset.csv line 2 is refused: idValue ERR_PRODUCT_NOT_FOUND: no product has the"
    )
    assert said[-1] == f"reset.csv: 12 lines are refused; all: {RESET_JOB.import_path}/error/1_reset.csv"


def test_a_reject_file_can_be_sent_again_after_correction(floor):
    floor.reset(RESET + "STORE_1,SKU,NOPE,5\n")
    sent_back = (floor.root / RESET_JOB.import_path / "error" / "1_reset.csv").read_text()

    floor.reset(sent_back.replace("NOPE,5", "A,5"), name="again.csv").raise_if_open()

    assert floor.position("A") == (5, 5)


@pytest.mark.parametrize("content", ["", RESET, RESET.strip(), RESET + "\n\n  \n", "\n"])
@pytest.mark.parametrize("kind", ["reset", "delta"])
def test_a_file_without_rows_is_finished_with_a_warning(floor, caplog, content, kind):
    account = (
        floor.reset(content)
        if kind == "reset"
        else floor.vary(content.replace(RESET.strip(), VARIANCE.strip()))
    )

    account.raise_if_open()
    assert floor.logs("status, total_count") == [("DmlsFinished", 0)]
    assert "has no rows" in caplog.text
    assert floor.files(RESET_JOB if kind == "reset" else VARIANCE_JOB, "archive") != []


def test_blank_lines_are_no_rows_and_count_as_lines(floor):
    floor.reset(RESET + "\n" + GOOD + "   \n\nSTORE_1,SKU,X,1\n\n")

    assert (floor.counts(), floor.rejects()) == (
        {"total": 2, "applied": 1, "rejected": 1},
        [(6, "ERR_PRODUCT_NOT_FOUND")],
    )


def test_blanks_around_cells_are_no_part_of_them(floor):
    floor.reset(RESET + " STORE_1 ,\tSKU,A , 5\n")

    assert floor.position("A") == (5, 5)


def test_a_line_feed_less_file_is_refused(floor):
    assert_refused(floor, floor.reset((RESET + GOOD).replace("\n", "\r")), "ERR_FORMAT", "CR")


def test_a_line_end_of_another_kind_within_the_file_loses_no_row(floor):
    floor.reset(RESET + "STORE_1,SKU,A,5\rSTORE_1,SKU,B,6\nSTORE_1,SKU,C,7\n").raise_if_open()

    assert floor.rejects() == [(2, "ERR_TOO_MANY_COLUMNS")]
    assert floor.raw_rejects() == [b"STORE_1,SKU,A,5\rSTORE_1,SKU,B,6"]
    assert floor.position("C") == (7, 7)


def test_a_quote_behind_a_tab_swallows_no_row(floor):
    floor.reset(
        RESET + 'STORE_1,SKU,\t"A",5\nSTORE_1,SKU,\t"B,6\nSTORE_1,SKU,C,7\nSTORE_1,SKU,"D",8\n'
    ).raise_if_open()

    assert floor.position("A") == (5, 5)
    assert floor.raw_rejects() == [b'STORE_1,SKU,\t"B,6\nSTORE_1,SKU,C,7\nSTORE_1,SKU,"D",8']


def test_a_file_that_grows_while_it_is_looked_at_is_left_alone(floor):
    path = floor.drop(RESET_JOB, "reset.csv", RESET + GOOD)
    stop = threading.Event()

    def grow():
        while not stop.wait(0.02):
            with path.open("a") as out:
                out.write(GOOD)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        params = floor.params(RESET_JOB) | {"settleSeconds": 0.3}
        chunks = landing.land(
            floor.conn,
            floor.sftp,
            RESET_JOB,
            params,
            floor.new_run(RESET_JOB),
            arrival.find(floor.sftp, params),
        )
    finally:
        stop.set()
        writer.join()
    assert chunks == []
    assert floor.logs() == []

    floor.run(RESET_JOB).raise_if_open()
    assert floor.position("A") == (5, 5)


class Meddling:
    """An SFTP client that lets something happen when a file is opened."""

    def __init__(self, sftp, act):
        self._sftp, self._act = sftp, act

    def __getattr__(self, name):
        return getattr(self._sftp, name)

    def open(self, path, mode="r"):
        if mode == "rb":
            self._act()
        return self._sftp.open(path, mode)


def test_a_file_that_is_written_while_it_is_read_is_left_alone(floor):
    path = floor.drop(RESET_JOB, "reset.csv", RESET + GOOD)
    real, floor.sftp = floor.sftp, Meddling(floor.sftp, lambda: path.open("a").write(GOOD))
    floor.run(RESET_JOB).raise_if_open()
    assert (floor.logs("status, error_code"), floor.entries()) == ([("DmlsCancelled", "LEFT")], 0)

    floor.sftp = real
    floor.run(RESET_JOB)
    assert floor.position("A") == (5, 5)


def test_a_file_of_the_same_length_written_while_it_is_read_is_left_alone(floor):
    path = floor.drop(RESET_JOB, "reset.csv", RESET + GOOD)
    later = time.time() + 100

    def touch():
        os.utime(path, (later, later))

    floor.sftp = Meddling(floor.sftp, touch)

    floor.run(RESET_JOB).raise_if_open()
    assert (floor.logs("status, error_code"), floor.entries()) == ([("DmlsCancelled", "LEFT")], 0)


def test_a_file_deleted_between_look_and_read_is_no_failure_and_its_log_says_so(floor):
    path = floor.drop(RESET_JOB, "reset.csv", RESET + GOOD)
    floor.sftp = Meddling(floor.sftp, path.unlink)

    account = floor.run(RESET_JOB)

    account.raise_if_open()
    assert floor.logs("status, closed_at is not null") == [("DmlsCancelled", True)]
    assert floor.fault()[2].endswith("reset.csv went away before it was read")


def test_one_file_that_goes_away_does_not_hinder_the_others(floor):
    path = floor.drop(RESET_JOB, "a.csv", RESET + GOOD)
    floor.drop(RESET_JOB, "b.csv", RESET + "STORE_1,SKU,B,6\n")
    floor.sftp = Meddling(floor.sftp, lambda: path.unlink(missing_ok=True))

    floor.run(RESET_JOB).raise_if_open()

    assert (floor.position("A"), floor.position("B")) == (None, (6, 6))


def test_a_file_that_the_server_does_not_let_us_read_does_not_hinder_the_others(floor):
    floor.drop(RESET_JOB, "a.csv", RESET + "STORE_1,SKU,B,6\n")

    class Refusing(Meddling):
        def open(self, path, mode="r"):
            if path.endswith("/incoming/a.csv"):
                raise PermissionError(13, "Permission denied")
            return self._sftp.open(path, mode)

    floor.sftp = Refusing(floor.sftp, None)
    account = floor.reset(RESET + GOOD, name="b.csv")

    assert (floor.position("A"), floor.position("B")) == ((5, 5), None)
    assert floor.logs("file_name, status, error_code") == [
        ("a.csv", "DmlsFailed", "ERR_NOT_READABLE"),
        ("b.csv", "DmlsFinished", None),
    ]
    with pytest.raises(FileRefused, match=r"a\.csv: .*permission"):
        account.raise_if_open()


def test_a_file_name_that_is_no_utf_8_does_not_hinder_the_others(floor, caplog):
    """As a POS in Japan writes it."""
    name = "在庫.csv".encode("cp932")
    Path(os.fsdecode(os.fsencode(floor.root / RESET_JOB.import_path) + b"/" + name)).write_text(RESET)

    floor.reset(RESET + GOOD).raise_if_open()

    assert floor.position("A") == (5, 5)
    assert f"{name!r} (its name is no UTF-8: rename it)" in caplog.messages[0]


@pytest.mark.parametrize("name", ["a\nb.csv", "a\r.csv", "a\x1b[2J.csv", "a\u2028b.csv"])
def test_a_file_name_that_would_break_a_line_of_the_log_is_said_and_not_taken(floor, caplog, name):
    (floor.root / RESET_JOB.import_path / name).write_text(RESET + "STORE_1,SKU,B,6\n")

    floor.reset(RESET + GOOD).raise_if_open()

    assert (floor.position("A"), floor.position("B")) == ((5, 5), None)
    assert f"{name!r} (its name holds a line break or another control character" in caplog.messages[0]
    assert all(name not in message for message in caplog.messages)
    assert (floor.root / RESET_JOB.import_path / name).exists()


def test_one_refused_file_does_not_hinder_the_others(floor):
    floor.drop(RESET_JOB, "a.csv", "nonsense\n1\n")

    account = floor.reset(RESET + GOOD)

    assert floor.position("A") == (5, 5)
    assert sorted(floor.logs()) == [("DmlsFailed",), ("DmlsFinished",)]
    with pytest.raises(FileRefused, match=r"a\.csv"):
        account.raise_if_open()


class Strict:
    """An SFTP client whose server denies what `denies` says of an operation and a path."""

    def __init__(self, sftp, denies):
        self._sftp, self._denies = sftp, denies

    def __getattr__(self, name):
        act = getattr(self._sftp, name)

        def checked(*given):
            if given and self._denies(name, given[0]):
                raise PermissionError(13, "Permission denied")
            return act(*given)

        return checked


def test_a_file_that_may_not_be_moved_hinders_no_other_and_is_closed_when_it_may(floor):
    floor.drop(RESET_JOB, "a.csv", RESET + GOOD)
    floor.drop(RESET_JOB, "b.csv", RESET + "STORE_1,SKU,B,6\n")
    real = floor.sftp
    floor.sftp = Strict(real, lambda act, path: act == "posix_rename" and path.endswith("a.csv"))

    with pytest.raises(AccountOpen, match=r"a\.csv .*does not let us move it"):
        floor.run(RESET_JOB).raise_if_open()

    assert (floor.position("A"), floor.position("B")) == ((5, 5), (6, 6))
    assert (floor.files(RESET_JOB), floor.files(RESET_JOB, "archive")) == (["a.csv"], ["2_b.csv"])
    floor.sftp = real
    floor.run(RESET_JOB).raise_if_open()
    assert (floor.files(RESET_JOB), floor.entries()) == ([], 2)


def test_a_name_as_long_as_a_server_takes_it_is_cut_in_front(floor):
    name = "店" * 83 + ".csv"
    floor.reset(RESET + GOOD + "STORE_1,SKU,NOPE,1\n", name=name).raise_if_open()

    (archived,), (rejects,) = floor.files(RESET_JOB, "archive"), floor.files(RESET_JOB, "error")
    assert archived == rejects == "1_" + name[-len(archived) + 2 :]
    assert floor.files(RESET_JOB) == []


def test_a_folder_in_place_of_a_file_is_not_taken(floor):
    (floor.root / RESET_JOB.import_path / "folder.csv").mkdir()

    assert floor.run(RESET_JOB).lines == []
    with pytest.raises(FileMissing, match=r"folder\.csv.*no file"):
        floor.run(RESET_JOB, remoteFilename="folder.csv")


def test_a_named_file_that_is_missing_is_a_failure(floor):
    with pytest.raises(FileMissing, match=r"missing\.csv is not in"):
        floor.run(RESET_JOB, remoteFilename="missing.csv")
    assert floor.logs() == []


def test_a_named_file_is_taken_alone_and_whatever_the_pattern_says(floor):
    floor.drop(RESET_JOB, "other.csv", RESET + "STORE_1,SKU,B,5\n")
    floor.drop(RESET_JOB, "exactly.txt", RESET + GOOD)

    floor.run(RESET_JOB, remoteFilename="exactly.txt").raise_if_open()

    assert (floor.position("A"), floor.position("B")) == ((5, 5), None)
    assert floor.files(RESET_JOB) == ["other.csv"]


@pytest.mark.parametrize("name", ["../secret.csv", "a/b.csv", ".."])
def test_a_name_that_leads_out_of_the_folder_is_refused(floor, name):
    with pytest.raises(ValueError, match="remoteFilename"):
        floor.run(RESET_JOB, remoteFilename=name)


@pytest.mark.parametrize("path", ["../other", "in/../../x", "/.."])
def test_a_path_that_leads_out_of_the_folder_is_refused(floor, path):
    with pytest.raises(ValueError, match="importPath"):
        floor.run(RESET_JOB, importPath=path)


def test_a_folder_that_does_not_exist_holds_no_files(floor, caplog):
    assert floor.run(RESET_JOB, importPath="no/such/folder").lines == []
    assert "no/such/folder does not exist" in caplog.text


def test_a_file_replaced_after_landing_is_a_new_arrival(floor):
    floor.drop(RESET_JOB, "reset.csv", RESET + GOOD)
    (chunk,) = floor.land(RESET_JOB)
    floor.apply(chunk)
    floor.drop(RESET_JOB, "reset.csv", RESET + "STORE_1,SKU,B,66\n")

    floor.close(RESET_JOB).raise_if_open()
    assert floor.files(RESET_JOB) == ["reset.csv"]

    floor.run(RESET_JOB).raise_if_open()
    assert (floor.position("A"), floor.position("B")) == ((5, 5), (66, 66))
    assert floor.files(RESET_JOB) == []


CHANGES = (
    catalog.IMPORT_INVENTORY_VARIANCE,
    catalog.IMPORT_ITEM_RECEIPT,
    catalog.IMPORT_INVENTORY_TRANSFER,
    catalog.IMPORT_INVENTORY_ADJUSTMENT,
    catalog.IMPORT_WAREHOUSE_ALLOTMENT,
)
FIVE_COLUMNS = "externalFacilityId,idValue,idType,availableDelta,comments\n"


@pytest.mark.parametrize("job", CHANGES, ids=lambda job: job.dag_id)
def test_bad_rows_of_every_feed_of_changes_are_set_aside_one_by_one(floor, job):
    bad = {
        "101,NOPE,SKU,1,": "ERR_PRODUCT_NOT_FOUND",
        "999,A,SKU,1,": "ERR_FACILITY_NOT_FOUND",
        "101,A,SKU,,": "ERR_REQUIRED",
        "101,A,SKU,zwei,": "ERR_INVALID_NUMBER",
        "101,A,SKU,1.5,": "ERR_INVALID_NUMBER",
        '101,A,SKU,"1,200",': "ERR_INVALID_NUMBER",
        "101,A,SKU,1000000001,": "ERR_RANGE",
        "101,PARENT,SKU,1,": "ERR_VIRTUAL_PRODUCT",
        f"101,A,SKU,1,{'x' * 256}": "ERR_TOO_LONG",
        "101,A,SKU,1,,": "ERR_TOO_MANY_COLUMNS",
    }
    floor.drop(job, "x.csv", FIVE_COLUMNS + "101,A,SKU,2,\n" + "\n".join(bad) + "\n101,KIT,SKU,1,\n")

    floor.run(job).raise_if_open()

    assert [code for _, code in floor.rejects()] == list(bad.values())
    assert floor.raw_rejects() == [line.encode() for line in bad]
    assert floor.counts() == {"total": 12, "applied": 1, "skipped": 1, "rejected": 10}
    assert floor.position("A") == (2, 2)


@pytest.mark.parametrize("job", CHANGES, ids=lambda job: job.dag_id)
@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("externalFacilityId,idValue,comments\n101,A,\n", "ERR_HEADER"),
        (FIVE_COLUMNS + "101,A,SKU,2,\n101,A\n", "ERR_TRUNCATED"),
        ((FIVE_COLUMNS + "101,A,SKU,2,箱\n").encode("cp932"), "ERR_ENCODING"),
    ],
    ids=["column missing", "cut off", "encoding"],
)
def test_a_file_of_changes_that_is_at_fault_is_refused_as_a_whole(floor, job, content, code):
    floor.drop(job, "x.csv", content)

    account = floor.run(job)

    assert_refused(floor, account, code, "x.csv", job=job)


MANY = RESET + GOOD + "one column\n" * 3 + "STORE_1,SKU,B,5\n" + "a,b\n" * 3


def test_a_file_of_which_too_many_lines_are_no_rows_is_refused_and_its_first_ones_are_told(floor):
    account = floor.reset(MANY, maxRejects=4)

    status, code, message = floor.fault()
    assert (status, code) == ("DmlsFailed", "ERR_TOO_MANY_REJECTS")
    assert "maxRejects = 4" in message
    with pytest.raises(FileRefused, match=r"reset\.csv"):
        account.raise_if_open()
    (row,) = floor.logs("total_count, applied_count, skipped_count, rejected_count, moved_to is not null")
    assert row == (8, 0, 4, 4, True), "rows read = skipped + rejected"
    assert floor.entries() == 0
    assert floor.files(RESET_JOB) == []
    assert floor.files(RESET_JOB, "error") == ["1_rejects_reset.csv", "1_reset.csv"]
    folder = floor.root / RESET_JOB.import_path / "error"
    assert (folder / "1_reset.csv").read_text() == MANY, "whole"
    _, *lines = (folder / "1_rejects_reset.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["3", "4", "5", "7"]
    assert "reading ended here" in lines[-1]
    assert floor.conn.execute("select from oms.open_reject").fetchall() == [], "all of it is sent again"


def test_as_many_bad_lines_as_allowed_refuse_nothing_but_themselves(floor):
    floor.reset(MANY, maxRejects=6).raise_if_open()

    assert floor.counts() == {"total": 8, "applied": 2, "rejected": 6}


def test_lines_that_are_rows_count_for_no_limit_of_bad_ones(floor):
    floor.reset(RESET + GOOD + "STORE_1,SKU,NOPE,5\n" * 5, maxRejects=1).raise_if_open()

    assert floor.counts() == {"total": 6, "applied": 1, "rejected": 5}


def test_the_reject_file_of_a_file_that_was_ended_repairs_nothing(floor):
    floor.vary(VARIANCE + "STORE_1,,SKU,A,5\n" * 3, maxRejects=2)
    folder = floor.root / VARIANCE_JOB.import_path / "error"
    text = (folder / "1_rejects_inv_var.csv").read_text()

    floor.vary(text.replace("A,5\n", "A,5,,,\n"), "again.csv")

    assert floor.entries() == 0
    assert [code for _, code in floor.rejects()[2:]] == ["ERR_ORIGIN"] * 2


def test_a_file_of_too_many_lines_is_refused(floor):
    assert_refused(floor, floor.reset(RESET + "\n" * 100, maxLines=50), "ERR_TOO_MANY_LINES", "maxLines = 50")


def test_a_small_bomb_of_blank_lines_is_refused_by_the_limit_of_lines(floor):
    packed = gzip.compress(RESET.encode() + b"\n" * 50_000_000)
    assert len(packed) < 100_000

    assert_refused(
        floor, floor.reset(packed, name="reset.csv.gz"), "ERR_TOO_MANY_LINES", "maxLines = 20000000"
    )


def test_gzip_members_are_copied_no_more_than_they_are_long(monkeypatch):
    """What follows a tiny member is looked at again for the next one."""
    given = []

    class Counted:
        def __init__(self, **more):
            self.own = zlib.decompressobj(**more)

        def __getattr__(self, name):
            return getattr(self.own, name)

        def decompress(self, data, *more):
            given.append(len(data))
            return self.own.decompress(data, *more)

    monkeypatch.setattr(streams, "zlib", SimpleNamespace(decompressobj=Counted, error=zlib.error))
    packed = gzip.compress(b"") * 20_000 + gzip.compress(b"x\n")

    found = [*streams.unpacked("a.gz", iter([packed]), 1000)]

    assert b"".join(found) == b"x\n"
    assert len(found) <= 2
    assert sum(given) < len(packed) * 300


@pytest.mark.parametrize(
    "end", [",,,,,,,\n", ",,\n", '"","",,\n', "\x1a", "\n\x1a\n", "   ", " \t,,,\r\n\x1a"]
)
def test_what_a_spreadsheet_or_an_old_system_leaves_at_the_end_cuts_no_file_of_changes_off(floor, end):
    floor.vary(VARIANCE + "STORE_1,,SKU,A,5,,,\n" + end).raise_if_open()

    assert floor.counts() == {"total": 1, "applied": 1}


def test_delimiters_without_a_line_end_may_be_the_beginning_of_a_row_of_changes(floor):
    account = floor.vary(VARIANCE + "STORE_1,,SKU,A,5,,,\n,,")

    assert_refused(floor, account, "ERR_TRUNCATED", "requireFinalNewline", job=VARIANCE_JOB)


def test_rows_of_nothing_but_delimiters_are_no_rows(floor):
    floor.reset(RESET + ",,,\n" * 1000 + GOOD + ",,,,,,,,\n" * 247).raise_if_open()

    assert floor.counts() == {"total": 1, "applied": 1}


@pytest.mark.parametrize("line", ["(1 rows affected)", "(1 row)", "1 rows selected."])
def test_a_row_count_is_one_refused_line_that_is_named_for_what_it_is(floor, line):
    floor.vary(VARIANCE + f"STORE_1,,SKU,A,5,,,\n\n{line}\n").raise_if_open()

    assert floor.counts() == {"total": 2, "applied": 1, "rejected": 1}
    assert floor.rejects() == [(4, "ERR_ROW_COUNT")]
    (message,) = floor.conn.execute("select error_message from oms.import_reject").fetchone()
    assert "database client" in message


ODD_ROWS = [
    ('"STORE_1","SKU","A","5"', None),
    (" STORE_1 , SKU,A\u00a0,\u30005", None),
    ('STORE_1,SKU,"A",5.0', None),
    ('"STORE_1";"SKU"', "ERR_TOO_FEW_COLUMNS"),
    ('"STORE_1","SKU","NO ""PE"", x","5"', "ERR_PRODUCT_NOT_FOUND"),
    ("STORE_1,SKU,A,5,6", "ERR_TOO_MANY_COLUMNS"),
    ('"STORE_1",SKU,NOPE\\N,"5"', "ERR_PRODUCT_NOT_FOUND"),
]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_odd_lines_are_read_and_refused_byte_for_byte(floor, end):
    floor.reset(RESET + "".join(line + end for line, _ in ODD_ROWS)).raise_if_open()

    assert floor.position("A") == (5, 5)
    bad = [(number, line, code) for number, (line, code) in enumerate(ODD_ROWS, 2) if code]
    assert floor.rejects() == [(number, code) for number, _, code in bad]
    assert floor.raw_rejects() == [line.encode() for _, line, _ in bad]

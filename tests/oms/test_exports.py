"""Files for others: harmless in a spreadsheet, recorded before they are written."""

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms import exports
from oms.spreadsheet import harmless
from tests.oms.imports.conftest import sftp_client


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+44", "'+44"),
        ("-A", "'-A"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("'=1", "''=1"),
        ("TIE-RED", "TIE-RED"),
        ("'quoted'", "'quoted'"),
        ("＝6", "'＝6"),
        ("－A", "'－A"),
        (" =1", "' =1"),
        ("a;=7", "a;'=7"),
        ("=1;;@x", "'=1;;'@x"),
        ("a;b", "a;b"),
        ("one\n=2", "one\n'=2"),
        ("one\r\ntwo", "one\r\ntwo"),
        ("a;'=7", "a;''=7"),
        (-5, -5),
        (None, None),
    ],
)
def test_texts_that_would_be_formulas_are_made_harmless(text, shown):
    assert harmless(text) == shown


def test_what_was_made_harmless_is_read_as_it_was(oms_db):
    @given(st.text(alphabet="'=+-@\t\r\nab;＝＠ \u00a0\u200b", max_size=6))
    def round_trip(text):
        shown = harmless(text)
        assert not any(re.match("[=+@＝＠-]", cell) for cell in re.split("[;\t\r\n]", shown))
        assert oms_db.execute("select oms.as_written(%s)", (shown,)).fetchone() == (text,)

    round_trip()


def test_a_csv_file_is_utf_8_with_quotes_where_needed():
    assert exports.csv_bytes(("a", "b"), [(1, "=x,y"), (None, "箱")]) == 'a,b\n1,"\'=x,y"\n,箱\n'.encode()


@pytest.mark.parametrize("text", ["one\rtwo", "one\ntwo", "one\r\ntwo", '"', ",", "\r"])
def test_a_line_end_within_a_cell_ends_no_line(text):
    told = exports.csv_bytes(("a", "b"), [("x", text), (1, 2)]).decode()

    rows = list(csv.reader(io.StringIO(told, newline="")))
    assert rows == [["a", "b"], ["x", harmless(text)], ["1", "2"]]


def test_two_files_of_one_second_have_two_names(oms_db):
    given_values = {
        "run_name": "job/run",
        "subject": "",
        "property_resource": "FTP_EXP_CONFIG",
        "folder": "out",
        "name": lambda stamp: f"f_{stamp}.csv",
        "content": b"x",
        "rows": 1,
    }

    paths = [exports.record(oms_db, **given_values) for _ in range(3)]

    assert len(set(paths)) == 3
    assert paths == sorted(paths)


def test_files_of_a_job_are_made_one_after_the_other(oms_dsn):
    with (
        psycopg.connect(oms_dsn, autocommit=True) as one,
        psycopg.connect(oms_dsn, autocommit=True) as two,
    ):
        two.execute("set lock_timeout = '300ms'")
        with exports.one_at_a_time(one, "job"):
            with exports.one_at_a_time(two, "another job"):
                pass
            with pytest.raises(psycopg.errors.LockNotAvailable), exports.one_at_a_time(two, "job"):
                pass
        with exports.one_at_a_time(two, "job"):
            pass


def test_what_cannot_be_written_stays_recorded(oms_db, sftp_server, sftp_root):
    (sftp_root / "out").write_text("a file in the place of the folder")
    exports.record(
        oms_db,
        run_name="job/run",
        subject="",
        property_resource="FTP_EXP_CONFIG",
        folder="out",
        name=lambda stamp: f"f_{stamp}.csv",
        content=b"x",
        rows=1,
    )

    writer = exports.Writer(oms_db, lambda resource: sftp_client(sftp_server), "job")
    writer.write()
    with pytest.raises(exports.FilesWait, match=r"out on FTP_EXP_CONFIG wait.*Error"):
        writer.raise_if_any_waits()

    assert oms_db.execute("select written_at, content from oms.export_file").fetchall() == [(None, b"x")]


def test_a_fault_of_our_own_is_not_taken_for_one_of_the_server(oms_db):
    exports.record(
        oms_db,
        run_name="job/run",
        subject="",
        property_resource="FTP_EXP_CONFIG",
        folder="out",
        name=lambda stamp: f"f_{stamp}.csv",
        content=b"x",
        rows=1,
    )

    with pytest.raises(KeyError, match="a mistake"):
        exports.Writer(oms_db, raising(KeyError("a mistake")), "job").write()


def raising(error: Exception) -> Callable[[str], Any]:
    def open_sftp(_resource: str) -> Any:
        raise error

    return open_sftp


def test_a_server_that_is_gone_keeps_no_file_from_another(oms_db, sftp_server, sftp_root):
    def open_sftp(resource):
        if resource == "OLD_SERVER":
            raise ConnectionRefusedError(resource)
        return sftp_client(sftp_server)

    for number, resource in enumerate(("OLD_SERVER", "NEW_SERVER", "OLD_SERVER", "NEW_SERVER")):
        exports.record(
            oms_db,
            run_name="job/run",
            subject="",
            property_resource=resource,
            folder="out",
            name=lambda stamp, number=number: f"{number}_{stamp}.csv",
            content=b"x",
            rows=1,
        )

    writer = exports.Writer(oms_db, open_sftp, "job")
    writer.write()
    with pytest.raises(exports.FilesWait, match="OLD_SERVER"):
        writer.raise_if_any_waits()

    assert sorted(path.name[0] for path in (sftp_root / "out").iterdir()) == ["1", "3"]
    assert (
        oms_db.execute(
            "select property_resource, written_at is not null from oms.export_file order by export_id"
        ).fetchall()
        == [("OLD_SERVER", False), ("NEW_SERVER", True)] * 2
    )


@pytest.mark.parametrize("spelled", ["out", "/out", "/home/{user}/out", "./out/"])
def test_one_folder_for_exports_is_one_folder_however_it_is_spelled(oms_db, sftp_server, sftp_root, spelled):
    """Also one that an earlier release recorded as it was given."""
    folder = spelled.format(user=sftp_server.user)
    writer = exports.Writer(oms_db, lambda resource: sftp_client(sftp_server), "job")

    assert writer.open_place("FTP_EXP_CONFIG", folder) == "out"
    exports.record(
        oms_db,
        run_name="job/run",
        subject="",
        property_resource="FTP_EXP_CONFIG",
        folder=folder.rstrip("/"),
        name=lambda stamp: "f.csv",
        content=b"x",
        rows=1,
    )
    writer.write()

    writer.raise_if_any_waits()
    assert [str(path.relative_to(sftp_root)) for path in sftp_root.rglob("*")] == ["out", "out/f.csv"]

"""The daily line about files in watched folders that no job takes."""

import logging
import os
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from oms import catalog
from oms.feeds.checking import check
from tests.oms.feeds.conftest import Watch, work_of
from tests.oms.imports.conftest import RESET_JOB

FOLDER = RESET_JOB.import_path


def put(watch: Watch, name: str, at: datetime = datetime(2026, 1, 9, tzinfo=UTC)) -> None:
    path = watch.floor.root / FOLDER / name
    path.write_text("x")
    os.utime(path, (at.timestamp(), at.timestamp()))


def look(watch: Watch, at: str, open_sftp: Any = None, **conf: Any) -> dict[str, int]:
    @contextmanager
    def floor_s(_resource: str) -> Any:
        yield watch.floor.sftp

    work = work_of(watch.floor.conn, watch.floor.dsn, watch.inbox.send, open_sftp or floor_s, **conf)
    return check(work, datetime.fromisoformat(at))


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    caplog.clear()
    return lines


def test_files_that_match_no_job_s_pattern_are_named_once_a_day(
    watch: Watch, caplog: pytest.LogCaptureFixture
):
    for name in ("stock.txt", "stock.csv", "STOCK.CSV.GZ", "._stock.csv", "Thumbs.db", "readme"):
        put(watch, name)
    (watch.floor.root / FOLDER / "archive").mkdir()

    counts = look(watch, "2026-01-10T06:00Z")
    assert counts["unmatched"] == 2
    assert said(caplog) == [
        f"{FOLDER} of FTP_CONFIG: 2 files match no job's pattern: 'readme', 'stock.txt'",
    ]

    assert look(watch, "2026-01-10T06:05Z")["unmatched"] == 0
    assert said(caplog) == []
    assert look(watch, "2026-01-11T00:05Z")["unmatched"] == 2


def test_a_file_that_is_still_being_sent_has_a_day_s_time(watch: Watch, caplog: pytest.LogCaptureFixture):
    put(watch, "new.csv.part", datetime(2026, 1, 10, 5, tzinfo=UTC))
    put(watch, "old.csv.part", datetime(2026, 1, 8, tzinfo=UTC))

    look(watch, "2026-01-10T06:00Z")

    assert said(caplog) == [f"{FOLDER} of FTP_CONFIG: 1 file matches no job's pattern: 'old.csv.part'"]


def test_a_pattern_of_this_installation_counts(watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = tmp_path / "jobs.yaml"
    settings.write_text(
        f"jobs:\n  {catalog.IMPORT_INVENTORY_RESET.dag_id}:\n"
        "    parameters:\n      importPath: /erp/in\n      fileNameRegex: 'count_.*'\n"
    )
    monkeypatch.setenv("OMS_JOBS_YAML", str(settings))
    (watch.floor.root / "erp/in").mkdir(parents=True)
    for name in ("count_1.txt", "other.csv"):
        (watch.floor.root / "erp/in" / name).write_text("x")

    assert look(watch, "2026-01-10T06:00Z")["unmatched"] == 1


def test_a_dry_run_names_them_and_leaves_the_day_s_line_to_others(watch: Watch):
    put(watch, "stock.txt")

    assert look(watch, "2026-01-10T06:00Z", dryRun=True)["unmatched"] == 1
    assert look(watch, "2026-01-10T06:05Z")["unmatched"] == 1


def test_where_a_server_does_not_answer_feeds_are_checked_and_the_next_run_looks_again(
    watch: Watch, caplog: pytest.LogCaptureFixture
):
    put(watch, "stock.txt")

    def silent(_resource: str) -> Any:
        raise TimeoutError("no answer")

    assert look(watch, "2026-01-10T06:00Z", silent)["unmatched"] == 0
    assert any(
        "cannot look for files that no job takes on FTP_CONFIG: no answer" in one for one in said(caplog)
    )
    assert look(watch, "2026-01-10T06:05Z")["unmatched"] == 1


def test_a_pattern_of_an_older_setup_that_cannot_be_run_is_said_and_others_are_checked(watch: Watch):
    watch.feed("OLD", since="2026-01-10", file_pattern=r"(?!x)\w+\.csv")
    watch.feed("GOOD", since="2026-01-10")

    told = watch.look("2026-01-10T12:00Z")

    assert told is not None
    assert "feed OLD is not checked: file_pattern" in told
    assert "no lookahead" in told
    assert "feed GOOD" in told

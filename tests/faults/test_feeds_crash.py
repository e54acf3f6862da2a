"""kill -9 while people are told of a missing file: nothing stays untold, a repeated mail has the same id."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from oms.feeds import checking
from tests.faults.locks import until_locks_are_given_up
from tests.oms.feeds.conftest import Watch, inbox, watch  # noqa: F401 - fixtures
from tests.oms.imports.conftest import floor  # noqa: F401 - a fixture

POINTS = [checking.RAISED, checking.MAILED]

CHECK = """
import json, sys
from datetime import datetime
from oms import database
from oms.feeds.checking import check
from tests.oms.feeds.conftest import Inbox, work_of

given = json.loads(sys.argv[1])
with database.connect(given["dsn"], autocommit=True) as conn:
    check(work_of(conn, given["dsn"], Inbox(port=given["port"]).send), datetime.fromisoformat(given["at"]))
"""


@pytest.mark.parametrize(("point", "mails"), [(checking.RAISED, 1), (checking.MAILED, 2)])
def test_a_missing_file_is_told_by_the_next_run(watch: Watch, point: str, mails: int):  # noqa: F811
    watch.feed(since="2026-01-10")
    given = {"dsn": watch.floor.dsn, "port": watch.inbox.port, "at": "2026-01-10T12:00Z"}
    ended = subprocess.run(
        [sys.executable, "-c", CHECK, json.dumps(given)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMS_CRASH_AT": point},
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, f"{point} was not reached: {ended.stderr[-2000:]}"
    until_locks_are_given_up(watch.floor.conn)

    assert watch.look("2026-01-10T12:05Z") is not None
    assert watch.look("2026-01-10T12:10Z") is None

    assert len(watch.inbox.mails) == mails
    assert len({mail["Message-ID"] for mail in watch.inbox.mails}) == 1
    assert watch.floor.conn.execute("select count(*) from oms.feed_alert").fetchone() == (1,)

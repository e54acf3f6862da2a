"""kill -9 while people are told of a missing file: nothing stays untold, a repeated mail has the same id."""

from datetime import datetime

import pytest

from oms import database
from oms.feeds import checking, strays, telling
from tests.faults.killing import killed_at
from tests.faults.locks import until_locks_are_given_up
from tests.oms.feeds.conftest import Inbox, Watch, inbox, watch, work_of  # noqa: F401 - fixtures
from tests.oms.imports.conftest import floor  # noqa: F401 - a fixture

POINTS = [checking.RAISED, strays.NAMED, telling.MAILED]


def look(dsn: str, port: int, at: str) -> None:
    with database.connect(dsn, autocommit=True) as conn:
        checking.check(work_of(conn, dsn, Inbox(port=port).send), datetime.fromisoformat(at))


@pytest.mark.parametrize(("point", "mails"), [(checking.RAISED, 1), (telling.MAILED, 2)])
def test_a_missing_file_is_told_by_the_next_run(watch: Watch, point: str, mails: int):
    watch.feed(since="2026-01-10")
    killed_at(point, look, watch.floor.dsn, watch.inbox.port, "2026-01-10T12:00Z")
    until_locks_are_given_up(watch.floor.conn)

    assert watch.look("2026-01-10T12:05Z") is not None
    assert watch.look("2026-01-10T12:10Z") is None

    assert len(watch.inbox.mails) == mails
    assert len({mail["Message-ID"] for mail in watch.inbox.mails}) == 1
    assert watch.floor.conn.execute("select count(*) from oms.feed_alert").fetchone() == (1,)


def test_the_files_that_no_job_takes_are_named_again_by_the_next_run(watch: Watch):
    killed_at(strays.NAMED, look, watch.floor.dsn, watch.inbox.port, "2026-01-10T12:00Z")
    until_locks_are_given_up(watch.floor.conn)
    named = "select count(*) from oms.strays_named"
    assert watch.floor.conn.execute(named).fetchone() == (0,)

    assert watch.look("2026-01-10T12:05Z") is None
    assert watch.floor.conn.execute(named).fetchone() == (1,)

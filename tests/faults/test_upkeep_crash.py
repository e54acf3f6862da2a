"""kill -9 at every point of house-keeping and of what follows a restore: the next run ends the work."""

import psycopg
import pytest

from oms import catalog, parameters
from oms.inventory.checking import breaches
from oms.upkeep import backup, house_keeping
from oms.work import Work
from sandbox import sftp
from tests.faults.killing import killed_at
from tests.faults.locks import until_locks_are_given_up
from tests.oms.imports.conftest import VARIANCE, Floor, floor, sftp_client  # noqa: F401 - a fixture
from tests.oms.sync.bench import Bench
from tests.oms.sync.conftest import oms  # noqa: F401 - a fixture
from tests.oms.upkeep.conftest import later, work_of  # noqa: F401 - a fixture

POINTS = [
    house_keeping.FORGOTTEN,
    house_keeping.REMOVED,
    house_keeping.FILE_GONE,
    backup.STARTED_OVER,
]


def keep_house(dsn: str, server: sftp.Server) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        params = parameters.resolve(catalog.HOUSE_KEEPING, {"batchSize": 2})
        work = Work(conn, params, "killed", None, lambda _: sftp_client(server), None)
        house_keeping.keep_house(work)


def start_over(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        backup.after_restore(conn)


@pytest.mark.parametrize("point", POINTS[:3])
def test_house_keeping_is_finished_by_the_next_run(floor: Floor, sftp_server, later, point: str):
    floor.vary(VARIANCE + "STORE_1,,SKU,A,7,,,\n" + "STORE_1,,SKU,NOPE,1,,,\n" * 5)
    later("import_log", 100)
    killed_at(point, keep_house, floor.dsn, sftp_server)
    until_locks_are_given_up(floor.conn)
    assert breaches(floor.conn) == []

    house_keeping.keep_house(work_of(floor, catalog.HOUSE_KEEPING))

    counts = "select (select count(*) from oms.import_reject), (select count(*) from oms.import_chunk)"
    assert floor.conn.execute(counts).fetchone() == (0, 0)
    assert floor.logs("contents_removed_at is not null, files_removed_at is not null") == [(True, True)]
    assert floor.counts() == {"total": 6, "applied": 1, "rejected": 5}
    assert breaches(floor.conn) == []


def test_a_database_that_starts_over_does_so_as_a_whole(oms: Bench):
    oms.open_shop("demo", {"A": 10})
    oms.move("A", 15)
    oms.push("RECENT")
    oms.db.execute("update oms.database_identity set identity = 'the old server'")
    killed_at(backup.STARTED_OVER, start_over, oms.dsn)
    assert backup.is_restored(oms.db)
    assert (oms.mark() is not None, oms.book("A")) == (True, 15)

    assert backup.after_restore(oms.db).levels == 1

    assert (oms.mark(), oms.book("A")) == (None, 0)
    oms.move("A", 1)
    oms.push("RECENT")
    assert (oms.available("A"), oms.book("A")) == (16, 16)

"""kill -9 while a file is taken back: the repeated run ends where an undisturbed one ends."""

import psycopg
import pytest

from oms.inventory import undoing
from tests.faults.killing import killed_at
from tests.oms.imports.conftest import VARIANCE, Floor, floor  # noqa: F401 - a fixture

POINTS = [undoing.WRITTEN, undoing.UNDONE]


def undo(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        undoing.undo(conn, 1, run_name="undo_import/1")


@pytest.mark.parametrize("point", POINTS)
def test_an_undoing_killed_anywhere_is_done_once(floor: Floor, point: str):
    floor.vary(VARIANCE + "STORE_1,,SKU,A,5,,,\n")

    killed_at(point, undo, floor.dsn)
    done = undoing.undo(floor.conn, 1, run_name="undo_import/1")

    assert (done.entries, floor.position("A")) == (1, (0, 0))
    assert floor.conn.execute("select count(*) from oms.import_undo").fetchone() == (1,)

"""kill -9 while a file is taken back: the repeated run ends where an undisturbed one ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from oms.imports import undoing
from tests.oms.imports.conftest import VARIANCE, Floor, floor  # noqa: F401 - a fixture

POINTS = [undoing.WRITTEN, undoing.UNDONE]

UNDO = """
import sys, psycopg
from oms.imports import undoing

with psycopg.connect(sys.argv[1], autocommit=True) as conn:
    undoing.undo(conn, 1, run_name="undo_import/1")
"""


@pytest.mark.parametrize("point", POINTS)
def test_an_undoing_killed_anywhere_is_done_once(floor: Floor, point: str):  # noqa: F811
    floor.vary(VARIANCE + "STORE_1,,SKU,A,5,,,\n")

    killed = subprocess.run(
        [sys.executable, "-c", UNDO, floor.dsn],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMS_CRASH_AT": point},
        cwd=Path(__file__).parent.parent.parent,
        timeout=60,
        check=False,
    )
    done = undoing.undo(floor.conn, 1, run_name="undo_import/1")

    assert killed.returncode == -signal.SIGKILL
    assert (done.entries, floor.position("A")) == (1, (0, 0))
    assert floor.conn.execute("select count(*) from oms.import_undo").fetchone() == (1,)

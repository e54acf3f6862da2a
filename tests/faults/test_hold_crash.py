"""kill -9 after a person's answer about a held file: the repeated task and the next run go on with it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from oms.imports import guard
from tests.oms.imports.conftest import (
    RESET,
    RESET_JOB,
    Floor,
    floor,  # noqa: F401 - a fixture
)

POINTS = [guard.DECIDED]

DECIDE = """
import sys, psycopg
from oms.imports import guard

with psycopg.connect(sys.argv[1], autocommit=True) as conn:
    guard.decide(conn, int(sys.argv[2]), sys.argv[3], "kim")
"""


@pytest.mark.parametrize(
    ("decision", "status", "stock"),
    [(guard.APPROVED, "DmlsFinished", 1), (guard.REJECTED, "DmlsCancelled", 100)],
)
def test_an_answer_outlives_the_task_that_took_it(
    floor: Floor,  # noqa: F811
    decision: str,
    status: str,
    stock: int,
):
    floor.stock("A", 100, 100)
    floor.reset(RESET + "STORE_1,SKU,A,1\n", maxDropPct=50)
    log_id = floor.logs("log_id")[0][0]
    killed = subprocess.run(
        [sys.executable, "-c", DECIDE, floor.dsn, str(log_id), decision],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMS_CRASH_AT": guard.DECIDED},
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL

    guard.decide(floor.conn, log_id, decision, "kim")
    floor.run(RESET_JOB, maxDropPct=50).raise_if_open()

    assert floor.logs("status") == [(status,)]
    assert floor.position("A") == (stock, stock)
    assert floor.files(RESET_JOB) == []

"""kill -9 after a person's answer about a held file: the repeated task and the next run go on with it."""

import psycopg
import pytest

from oms.imports import guard
from tests.faults.killing import killed_at
from tests.oms.imports.conftest import (
    RESET,
    RESET_JOB,
    Floor,
    floor,  # noqa: F401 - a fixture
)

POINTS = [guard.DECIDED]


def decide(dsn: str, log_id: int, decision: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        guard.decide(conn, log_id, decision, "kim")


@pytest.mark.parametrize(
    ("decision", "status", "stock"),
    [(guard.APPROVED, "DmlsFinished", 1), (guard.REJECTED, "DmlsCancelled", 100)],
)
def test_an_answer_outlives_the_task_that_took_it(
    floor: Floor,
    decision: str,
    status: str,
    stock: int,
):
    floor.stock("A", 100, 100)
    floor.reset(RESET + "STORE_1,SKU,A,1\n", maxDropPct=50)
    log_id = floor.logs("log_id")[0][0]
    killed_at(guard.DECIDED, decide, floor.dsn, log_id, decision)

    guard.decide(floor.conn, log_id, decision, "kim")
    floor.run(RESET_JOB, maxDropPct=50).raise_if_open()

    assert floor.logs("status") == [(status,)]
    assert floor.position("A") == (stock, stock)
    assert floor.files(RESET_JOB) == []

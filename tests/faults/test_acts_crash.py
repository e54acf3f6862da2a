"""kill -9 between two batches of an act: the next run does the others, and none twice."""

from oms import acts, database
from tests.faults.killing import killed_at
from tests.faults.locks import until_locks_are_given_up
from tests.oms.test_acts import MAKE, put, run, states

POINTS = [acts.BATCH_DONE]


def one_run(dsn: str) -> None:
    with database.connect(dsn, autocommit=True) as conn:
        run(conn)


def test_the_next_run_goes_on(oms_dsn: str):
    with database.connect(oms_dsn, autocommit=True) as conn:
        conn.execute(MAKE)
        put(conn, 5, 5, 5, 5)

        killed_at(acts.BATCH_DONE, one_run, oms_dsn)
        until_locks_are_given_up(conn)
        assert states(conn) == ["DONE", "DONE", "DONE", "NEW"]

        assert run(conn) == {"done": 1, "passed": 0, "refused": 0}
        assert conn.execute("select array_agg(units) from thing").fetchone() == ([4, 4, 4, 4],)

"""Runs that find a shop busy: one waits, the others leave."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from oms import database
from oms.sync import snapshot
from oms.sync.options import PushOptions
from oms.sync.push import push_shop
from oms.sync.waiting import AlreadyWaiting, waiting
from tests.oms.sync.bench import Bench


@pytest.fixture
def sessions(oms_dsn: str):
    """Three sessions, as three tasks have them."""
    opened = [database.connect(oms_dsn, autocommit=True) for _ in range(3)]
    yield opened
    for one in opened:
        one.close()


def test_the_second_that_would_wait_leaves_until_the_first_begins(sessions):
    first, second, third = sessions
    with waiting(first, "demo", "RECENT", ["RECENT"], {}) as begin:
        with pytest.raises(AlreadyWaiting), waiting(second, "demo", "RECENT", ["RECENT"], {}):
            pass
        begin()
        with waiting(third, "demo", "RECENT", ["RECENT"], {}):
            pass


@pytest.mark.parametrize(
    "other",
    [
        ("other", "RECENT", ["RECENT"], {}),
        ("demo", "HARD", ["RECENT"], {}),
        ("demo", "RECENT", ["RECENT", "DELTA"], {}),
        ("demo", "RECENT", ["RECENT"], {"includeAll": True}),
    ],
)
def test_other_work_waits_beside_it(sessions, other):
    first, second, _ = sessions
    with waiting(first, "demo", "RECENT", ["RECENT"], {}), waiting(second, *other):
        pass


def test_a_run_that_dies_leaves_its_place(sessions):
    first, second, _ = sessions
    place = waiting(first, "demo", "RECENT", ["RECENT"], {})
    place.__enter__()
    server_process = first.info.backend_pid
    first.close()
    alive = "select exists (select from pg_stat_activity where pid = %s)"
    while second.execute(alive, (server_process,)).fetchone()[0]:
        time.sleep(0.01)

    with waiting(second, "demo", "RECENT", ["RECENT"], {}):
        pass


def test_a_slow_shop_holds_two_runs_and_what_changed_meanwhile_is_sent(oms: Bench):
    """The first run is at the shop, the second waits, the third leaves: its change goes with the second."""
    oms.open_shop("demo", {"A": 0, "B": 0})
    oms.move("A", 5)
    others: list[Future] = []

    def run(shop: str) -> str:
        with (
            database.connect(oms.dsn, autocommit=True) as conn,
            waiting(conn, shop, "RECENT", ["RECENT"], {}) as begin,
        ):
            options = PushOptions(run_type="asset_triggered")
            return push_shop(
                lambda: database.connect(oms.dsn), oms.client(shop), shop, "RECENT", options, "test", begin
            ).summary()

    def two_more() -> None:
        others.append(pool.submit(run, "demo"))
        waits = """select exists (select from pg_locks join pg_database on pg_database.oid = database
                                  where locktype = 'advisory' and not granted
                                    and datname = current_database())"""
        while not others[0].done() and not oms.db.execute(waits).fetchone()[0]:
            time.sleep(0.01)
        oms.move("B", 7)
        with pytest.raises(AlreadyWaiting):
            run("demo")
        assert not others[0].done()

    with ThreadPoolExecutor(1) as pool:
        with oms.at(snapshot.SNAPSHOT_TAKEN, two_more):
            run("demo")
        others[0].result()

    assert oms.server.available("demo") == {("A", "Main"): 5, ("B", "Main"): 7}

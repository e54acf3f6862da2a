"""Single calls that go to the database together stay strangers to each other (inventory.md 5.17)."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import orjson
import psycopg
import pytest
from psycopg import AsyncConnection

from oms.api import adjustments, groups, tokens
from oms.api.adjustments import Call
from oms.api.errors import Problem
from oms.api.groups import Groups
from tests.oms.world import World
from tests.web.conftest import Caller, sale


@pytest.fixture
def till(oms_db: psycopg.Connection, shop_floor: World) -> Caller:
    """A caller whose calls a test hands over itself."""
    return Caller("", oms_db)


def call(till: Caller, key: str | None = None, **more: Any) -> Call:
    """A sale of one unit, understood and not yet sent."""
    scopes = frozenset({"inventory:write"})
    bearer = tokens.Bearer(till.token.split("_")[1], "pos", b"", scopes)
    return adjustments.read(bearer, key, orjson.dumps(sale(1, **more)))


def sent_together(dsn: str, calls: list[Call]) -> list[adjustments.Results | None]:
    async def send() -> list[adjustments.Results | None]:
        async with await AsyncConnection.connect(dsn, autocommit=True) as conn:
            return await adjustments.send(conn, calls, groups.LOCK_WAIT)

    return asyncio.run(send())


class Lane:
    """One lane, closed until a test opens it; counts the groups that took it."""

    def __init__(self, conn: AsyncConnection) -> None:
        self.conn = conn
        self.opened = asyncio.Event()
        self.free = asyncio.Lock()
        self.taken = 0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        async with self.free:
            await self.opened.wait()
            self.taken += 1
            yield self.conn


def with_one_lane(dsn: str, scenario: Callable[[Lane, Groups], Awaitable[None]]) -> None:
    async def run() -> None:
        async with await AsyncConnection.connect(dsn, autocommit=True) as conn:
            lane = Lane(conn)
            await scenario(lane, Groups(lane.connection, lane.connection))

    asyncio.run(run())


def test_calls_that_wait_for_a_lane_go_together(till: Caller, oms_dsn: str):
    many = groups.LARGEST + 4

    async def scenario(lane: Lane, singles: Groups) -> None:
        waiting = [asyncio.create_task(singles.adjust(call(till, f"k{n}"))) for n in range(many)]
        await asyncio.sleep(0.05)
        lane.opened.set()
        answers = await asyncio.gather(*waiting)
        assert sorted(one["qoh"] for one in answers) == list(range(10 - many, 10))
        assert lane.taken == 2

    with_one_lane(oms_dsn, scenario)

    assert till.position() == (10 - many, 10 - many)


def test_a_caller_who_hangs_up_ends_nobody_else_s_call(till: Caller, oms_dsn: str):
    async def scenario(lane: Lane, singles: Groups) -> None:
        gone, stays = (asyncio.create_task(singles.adjust(call(till, key))) for key in ("k1", "k2"))
        await asyncio.sleep(0.05)
        gone.cancel()
        lane.opened.set()
        assert (await stays)["duplicate"] is False
        assert (await singles.adjust(call(till, "k1")))["duplicate"] is True

    with_one_lane(oms_dsn, scenario)

    assert till.position() == (8, 8)


def test_a_group_that_found_no_database_leaves_the_way_free(till: Caller, oms_dsn: str):
    async def scenario(lane: Lane, singles: Groups) -> None:
        lane.opened.set()
        working, singles._lane = singles._lane, no_database
        lost = await asyncio.gather(
            *(singles.adjust(call(till, f"k{n}")) for n in range(3)), return_exceptions=True
        )
        singles._lane = working
        assert [one.status for one in lost] == [503] * 3
        assert (await singles.adjust(call(till, "k0")))["qoh"] == 9

    with_one_lane(oms_dsn, scenario)


@asynccontextmanager
async def no_database() -> AsyncIterator[AsyncConnection]:
    raise Problem(503, "ERR_UNAVAILABLE", "the database does not answer")
    yield


def test_a_revoked_token_in_a_group(till: Caller, oms_dsn: str):
    good = call(till, "k1")
    till.token = till.new_token("other")
    revoked = call(till, "k2")
    tokens.revoke(till.db, "other")
    till.db.commit()

    results = sent_together(oms_dsn, [revoked, good, revoked])

    assert (results[0], results[1][0]["qoh"], results[2]) == (None, 9, None)
    with pytest.raises(Problem, match="revoked"):
        adjustments.told(revoked, results[0])
    assert till.position() == (9, 9)


def test_equal_keys_in_a_group_apply_once(till: Caller, oms_dsn: str):
    calls = [call(till, "k1"), call(till, "k1"), call(till, "k1", comments="another body")]

    results = sent_together(oms_dsn, calls)

    assert [one["status"] for (one,) in results] == [200, 200, 409]
    assert [one["duplicate"] for (one,) in results[:2]] == [False, True]
    assert till.position() == (9, 9)


def test_what_fails_one_call_fails_no_other(till: Caller, oms_dsn: str):
    till.db.execute(
        """create function oms.fail() returns trigger language plpgsql as
           $$ begin raise exception 'a fault of ours'; end $$"""
    )
    till.db.execute(
        """create trigger fail before insert on oms.inventory_ledger
           for each row when (new.comments = 'fail') execute function oms.fail()"""
    )
    till.db.commit()
    changes: list[dict[str, Any]] = [{}, {"comments": "fail"}, {"idValue": "999"}, {}]

    results = sent_together(oms_dsn, [call(till, f"k{n}", **more) for n, more in enumerate(changes)])

    assert [one["status"] for (one,) in results] == [200, 500, 404, 200]
    assert [entry[0] for entry in till.entries()] == [-1, -1]
    assert till.position() == (8, 8)


def test_a_locked_position_delays_only_its_own_calls(caller: Caller, oms_dsn: str):
    caller.sell(1, idType="SKU", idValue="B")
    with psycopg.connect(oms_dsn) as importing, ThreadPoolExecutor(20) as pool:
        importing.execute(
            """select from oms.inventory_item where product_id =
                      (select product_id from oms.product where internal_name = 'A') for update"""
        )
        held = [pool.submit(caller.sell, 1) for _ in range(4)]
        others = [pool.submit(caller.sell, 1, idType="SKU", idValue="B") for _ in range(16)]
        answers = [one.result() for one in others]
        assert not any(one.done() for one in held)
        importing.commit()
        answers_of_held = [one.result() for one in held]

    assert {answer.status_code for answer in answers + answers_of_held} == {200}
    assert caller.position("A") == (6, 6)
    assert caller.position("B") == (-17, -17)


def test_a_lost_connection_is_503_for_the_group_and_its_calls_can_be_repeated(caller: Caller):
    """The group stands at a lock when its connection is ended."""
    caller.sell(1, "first")
    caller.db.execute("lock table oms.api_token")
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(caller.sell, 1, f"k{n}") for n in range(8)]
        give_up = time.monotonic() + 60
        while not caller.db.execute(
            """select count(pg_terminate_backend(pid)) from pg_stat_activity
                where application_name = 'oms_web' and wait_event_type = 'Lock'"""
        ).fetchone()[0]:
            assert time.monotonic() < give_up, "no group came"
            caller.db.execute("select pg_stat_clear_snapshot()")
            time.sleep(0.05)
        time.sleep(0.2)
        caller.db.rollback()
        first = [one.result() for one in waiting]

    again = [caller.sell(1, f"k{n}") for n in range(8)]

    assert {one.status_code for one in first} <= {200, 503}
    assert 503 in {one.status_code for one in first}
    assert [one.json()["duplicate"] for one in again] == [one.status_code == 200 for one in first]
    assert caller.position() == (1, 1)

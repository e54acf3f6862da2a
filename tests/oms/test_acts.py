"""Acts on what a query selects (`oms.acts`), on a table of the test's own."""

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest

from oms import acts, database
from oms.database import Connection
from oms.work import Work

SELECT = "select id from thing where state = 'NEW' and id >= %(from)s order by id"
PERFORM = """
update thing set state = 'DONE', units = units - 1
 where id in (select id from thing where id = any(%(ids)s) and state = 'NEW' order by id for update)
"""
MAKE = """
create table thing (id bigint primary key, state text not null default 'NEW', units int check (units >= 0));
"""


def perform(conn: Connection, ids: list[int], params: Mapping[str, Any]) -> acts.Counts:
    """Items whose units are 13 are refused by rule, those without units by the database."""
    refused = conn.execute("select id from thing where id = any(%s) and units = 13", (ids,)).fetchall()
    rest = [one for one in ids if (one,) not in refused]
    done = conn.execute(PERFORM, {"ids": rest}).rowcount
    return acts.Counts(
        {"done": done, "passed": len(rest) - done},
        [acts.Refusal(one, "ERR_THIRTEEN", "13 units bring bad luck: change them") for (one,) in refused],
    )


THINGS = acts.Act("count_things", SELECT, perform, batch=3)


def run(conn: Connection, what: acts.Act = THINGS, **params: Any) -> dict[str, Any]:
    return acts.act(Work(conn, {"from": 0} | params, "test/run", *[lambda *_: None] * 3), what)


@pytest.fixture
def conn(oms_dsn: str) -> Iterator[Connection]:
    with database.connect(oms_dsn, autocommit=True) as made:
        made.execute(MAKE)
        yield made


def put(conn: Connection, *units: int) -> None:
    conn.cursor().executemany("insert into thing (id, units) values (%s, %s)", [*enumerate(units, 1)])


def states(conn: Connection) -> list[str]:
    return [state for (state,) in conn.execute("select state from thing order by id")]


def test_everything_selected_is_acted_on_once(conn: Connection):
    put(conn, 1, 2, 3, 4)

    assert run(conn) == {"done": 4, "passed": 0, "refused": 0}
    assert run(conn) == {"refused": 0}
    assert states(conn) == ["DONE"] * 4


def test_the_query_takes_the_parameters_of_the_run(conn: Connection):
    put(conn, 1, 1)

    run(conn, **{"from": 2})

    assert states(conn) == ["NEW", "DONE"]


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize(("units", "words"), [(13, "ERR_THIRTEEN: 13 units"), (0, "ERR_DATABASE: new row")])
def test_a_refused_item_is_named_keeps_no_other_and_fails_the_run(
    conn: Connection, place: int, units: int, words: str
):
    put(conn, *(units if one == place else 5 for one in range(5)))

    with pytest.raises(acts.ItemsLeft, match=f"left 1 items: {place + 1}: {words}"):
        run(conn)

    assert states(conn) == ["NEW" if one == place else "DONE" for one in range(5)]


def test_a_dry_run_does_the_same_and_keeps_nothing(conn: Connection):
    put(conn, 5, 0, 5, 5)

    with pytest.raises(acts.ItemsLeft, match="2: ERR_DATABASE"):
        run(conn, dryRun=True)
    conn.execute("delete from thing where id = 2")

    assert run(conn, dryRun=True) == {"done": 3, "passed": 0, "refused": 0, "dryRun": True}
    assert states(conn) == ["NEW"] * 3


def test_what_is_selected_still_after_the_act_fails_the_run(conn: Connection):
    put(conn, 1, 1)
    idle = acts.Act("idle", SELECT, lambda conn, ids, params: acts.Counts({"done": len(ids)}))

    with pytest.raises(acts.ItemsLeft, match="left 2 items: 1: it was acted on and is selected still; 2: "):
        run(conn, idle)


@pytest.mark.parametrize(
    "counts", [acts.Counts({"done": 1}), acts.Counts({"done": 1}, [acts.Refusal(99, "ERR", "unknown")])]
)
def test_a_batch_that_does_not_add_up_is_rolled_back(conn: Connection, counts: acts.Counts):
    put(conn, 1, 1)

    def wrong(conn: Connection, ids: list[int], params: Mapping[str, Any]) -> acts.Counts:
        perform(conn, ids, params)
        return counts

    with pytest.raises(acts.BatchUnaccounted, match="2 items were given"):
        run(conn, acts.Act("wrong", SELECT, wrong))

    assert states(conn) == ["NEW", "NEW"]


def test_an_error_of_the_server_is_not_taken_for_one_of_an_item(conn: Connection):
    """Batches before it stay done; the task is tried again as a whole."""
    put(conn, 1, 1, 1, 1)

    def broken(conn: Connection, ids: list[int], params: Mapping[str, Any]) -> acts.Counts:
        if 4 in ids:
            raise psycopg.OperationalError("the server went away")
        return perform(conn, ids, params)

    with pytest.raises(psycopg.OperationalError):
        run(conn, acts.Act("broken", SELECT, broken, batch=3))

    assert states(conn) == ["DONE", "DONE", "DONE", "NEW"]
    assert run(conn) == {"done": 1, "passed": 0, "refused": 0}


def test_of_a_job_one_run_acts_at_a_time(conn: Connection, oms_dsn: str):
    """The other waits, then finds nothing left to do."""
    put(conn, 1)
    seen = []

    def look(conn: Connection, ids: list[int], params: Mapping[str, Any]) -> acts.Counts:
        with database.connect(oms_dsn, autocommit=True) as other:
            other.execute("set lock_timeout = '100ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                run(other)
            seen.append(True)
        return perform(conn, ids, params)

    run(conn, acts.Act(THINGS.job, SELECT, look))

    assert seen == [True]
    assert run(conn) == {"refused": 0}

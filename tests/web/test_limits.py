"""One token cannot keep the others waiting: 429 with Retry-After (RFC 6585, RFC 9110)."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from oms_web import apps, service
from oms_web.pool import Database

from oms.api.errors import Problem
from oms.api.limits import Allowances, Limit
from tests.oms.world import World
from tests.web.conftest import Caller, mounted, nobody, sale, served
from tests.web.test_api_refusals import assert_problem


class Clock:
    """Seconds that pass when the test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def limited(oms_dsn: str, oms_db: psycopg.Connection, shop_floor: World) -> Callable:
    @contextmanager
    def serve(limit: Limit) -> Iterator[Caller]:
        app = service.service_app(Database(lambda: oms_dsn), nobody, lambda: limit)
        with served(mounted((service.PREFIX, app))) as url:
            yield Caller(url, oms_db)

    return serve


def test_a_call_beyond_the_allowance_does_nothing_and_is_told_when_to_come_again(limited: Callable):
    with limited(Limit(per_second=0.01, burst=2)) as caller:
        answers = [caller.sell(1) for _ in range(3)]

        assert [told.status_code for told in answers] == [200, 200, 429]
        assert_problem(answers[2], 429, "ERR_TOO_MANY_CHANGES")
        assert 90 <= int(answers[2].headers["retry-after"]) <= 100
        assert caller.position() == (8, 8)


def test_another_token_is_not_held_up_not_even_one_of_the_same_client(limited: Callable):
    with limited(Limit(per_second=0.01, burst=1)) as caller:
        assert [caller.sell(1).status_code for _ in range(2)] == [200, 429]
        caller.token = caller.new_token("pos")

        assert caller.sell(1).status_code == 200


def test_a_refused_call_can_be_repeated_with_its_key_once_time_has_passed(limited: Callable):
    with limited(Limit(per_second=1 / 3, burst=1)) as caller:
        caller.sell(1, "k1")
        refused = caller.sell(1, "k2")
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 3

        time.sleep(int(refused.headers["retry-after"]))

        assert caller.sell(1, "k2").status_code == 200
        assert caller.position() == (8, 8)


def test_a_list_counts_as_many_as_it_has_elements_and_bad_calls_count_too(limited: Callable):
    with limited(Limit(per_second=0.01, burst=5)) as caller:
        assert caller.send([sale(1)] * 9).status_code == 207, "let in while anything is left"
        assert caller.sell(1).status_code == 429
        caller.token = caller.new_token("other")
        assert [caller.send({}).status_code for _ in range(6)] == [400] * 5 + [429]


def test_who_is_not_known_has_no_allowance_to_use_up(limited: Callable):
    with limited(Limit(per_second=0.01, burst=1)) as caller:
        token, caller.token = caller.token, caller.token[:-1] + ("A" if caller.token[-1] != "A" else "B")
        assert [caller.sell(1).status_code for _ in range(3)] == [401] * 3
        caller.token = token

        assert caller.sell(1).status_code == 200


def test_what_is_used_up_comes_back_with_time_up_to_the_burst():
    clock = Clock()
    allowances = Allowances(lambda: Limit(per_second=2, burst=10), clock)
    allowances.begin("t")
    allowances.add("t", 20)

    with pytest.raises(Problem) as refused:
        allowances.begin("t")
    assert refused.value.headers == {"Retry-After": "6"}
    clock.now += 5.5
    with pytest.raises(Problem):
        allowances.begin("t")
    clock.now += 0.5
    allowances.begin("t")
    clock.now += 3600
    for _ in range(10):
        allowances.begin("t")
    with pytest.raises(Problem):
        allowances.begin("t")


@pytest.mark.parametrize(
    ("per_second", "at_once", "limit"),
    [(None, None, Limit()), ("5", "50", Limit(5, 50)), ("0.5", None, Limit(0.5)), ("0", None, None)],
)
def test_the_limit_is_a_setting_of_airflow(monkeypatch: pytest.MonkeyPatch, per_second, at_once, limit):
    for name, value in (("CHANGES_PER_SECOND", per_second), ("CHANGES_AT_ONCE", at_once)):
        if value is not None:
            monkeypatch.setenv(f"AIRFLOW__OMS_API__{name}", value)

    assert apps.limit() == limit


def test_a_limit_of_less_than_nothing_is_refused():
    with pytest.raises(ValueError, match="both must be above 0"):
        Limit(-1)

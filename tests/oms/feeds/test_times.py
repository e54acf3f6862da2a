"""When a file is expected, also in the nights in which clocks change."""

from datetime import UTC, datetime
from itertools import islice

import pytest

from oms.feeds.times import instants, is_legal


def next_ones(expected: str, zone: str, after: str, count: int = 3) -> list[str]:
    start = datetime.fromisoformat(after).replace(tzinfo=UTC)
    return [f"{one:%m-%d %H:%M}" for one in islice(instants(expected, zone, start), count)]


def test_times_of_day_are_local():
    assert next_ones("14:30 6:00", "Asia/Tokyo", "2026-01-10T00:00") == [
        "01-10 05:30",
        "01-10 21:00",
        "01-11 05:30",
    ]


def test_cron_is_local_too():
    assert next_ones("0 6 * * 1-5", "America/New_York", "2026-01-09T12:00") == [
        "01-12 11:00",
        "01-13 11:00",
        "01-14 11:00",
    ]


@pytest.mark.parametrize("expected", ["02:30", "30 2 * * *"])
def test_a_time_that_the_clock_leaves_out_is_expected_once(expected: str):
    """8 March 2026, New York: 02:00 EST is 03:00 EDT; 02:30 counts as 03:30 EDT."""
    assert next_ones(expected, "America/New_York", "2026-03-07T00:00") == [
        "03-07 07:30",
        "03-08 07:30",
        "03-09 06:30",
    ]


@pytest.mark.parametrize("expected", ["01:30", "30 1 * * *"])
def test_a_time_that_comes_twice_is_expected_once_the_first_time(expected: str):
    """1 November 2026, New York: 01:30 comes at 05:30 and at 06:30 UTC."""
    assert next_ones(expected, "America/New_York", "2026-10-31T00:00") == [
        "10-31 05:30",
        "11-01 05:30",
        "11-02 06:30",
    ]


def test_times_around_a_change_stay_in_order_and_are_never_expected_at_one_instant_twice():
    start = datetime(2026, 3, 7, tzinfo=UTC)

    found = list(islice(instants("*/15 * * * *", "America/New_York", start), 400))

    assert found == sorted(set(found))
    assert f"{found[0]:%m-%d %H:%M}" == "03-07 00:15"


@pytest.mark.parametrize("expected", ["23:30 00:15 00:30", "15,30 0,23 * * *"])
def test_times_that_the_clock_leaves_out_before_midnight_stay_in_order(expected: str):
    """28 March 2026, Nuuk: 23:00 is 00:00 of the 29th, at 01:00 UTC; 23:30 counts as 00:30."""
    found = next_ones(expected, "America/Nuuk", "2026-03-29T00:59", 4)

    assert found == sorted(set(found))
    assert found[:2] == ["03-29 01:15", "03-29 01:30"]


def test_a_cron_that_never_comes_is_expected_never():
    assert next_ones("0 6 30 2 *", "UTC", "2026-01-01T00:00") == []


@pytest.mark.parametrize(
    "expected", ["06:00", "6:00 14:30", "06:00;14:30", "0 6 * * 1-5", "*/15 6-8 1,15 jan-mar MON"]
)
def test_what_may_be_written(expected: str):
    assert is_legal(expected)


@pytest.mark.parametrize(
    "expected",
    [
        "",
        "24:00",
        "6",
        "06:60",
        "0 6 * *",
        "@daily",
        "0 6 * * * *",
        "x 6 * * *",
        "R R * * *",
        "H 6 * * *",
        "0 6 30 2 *",
        "0 6 31 4,6,9,11 *",
        "0 6 l * *",
        "0 6 * * mon#1",
    ],
)
def test_what_may_not(expected: str):
    assert not is_legal(expected)

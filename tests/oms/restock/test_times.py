"""Times of the product store, on days like any other and on those on which its clocks are changed."""

from datetime import UTC, date, datetime

import pytest

from oms.restock.errors import RestockRefused
from oms.restock.times import due_at

BERLIN, TOKYO = "Europe/Berlin", "Asia/Tokyo"
NOON = datetime(2026, 3, 1, 11, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "zone", "on", "due"),
    [
        ("13:00:00", BERLIN, None, "2026-03-01T12:00"),
        ("12:00", BERLIN, None, "2026-03-02T11:00"),
        ("09:00:00", BERLIN, None, "2026-03-02T08:00"),
        ("09:00:00", TOKYO, None, "2026-03-02T00:00"),
        ("23:00", TOKYO, None, "2026-03-01T14:00"),
        ("09:00", BERLIN, date(2026, 7, 1), "2026-07-01T07:00"),
        ("2026-12-01 09:00:00", BERLIN, None, "2026-12-01T08:00"),
        ("2026-12-01T09:00", TOKYO, date(2030, 1, 1), "2026-12-01T00:00"),
        ("2026-12-01T09:00:00+05:30", BERLIN, None, "2026-12-01T03:30"),
    ],
)
def test_a_time_is_that_of_the_store(said: str, zone: str, on: date | None, due: str):
    assert due_at(said, zone, NOON, on) == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize(("said", "on"), [("02:30", date(2026, 3, 29)), ("2026-03-29 02:00:00", None)])
def test_a_time_that_the_clocks_skip_is_refused(said: str, on: date | None):
    with pytest.raises(RestockRefused, match="does not exist in Europe/Berlin"):
        due_at(said, BERLIN, NOON, on)


def test_just_before_and_after_the_gap_are_one_minute_apart():
    before, after = (due_at(f"2026-03-29 {said}", BERLIN, NOON) for said in ("01:59", "03:00"))

    assert (after - before).total_seconds() == 60


@pytest.mark.parametrize("said", ["2026-10-25 02:30", "2026-10-25 02:00"])
def test_of_a_time_that_comes_twice_the_first_is_meant(said: str, caplog: pytest.LogCaptureFixture):
    due = due_at(said, BERLIN, NOON)

    assert due.hour == 0, "02:30 summer time"
    assert "comes twice" in caplog.text


def test_the_next_occurrence_may_lie_behind_a_change_of_clock():
    evening = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)

    assert due_at("09:00", BERLIN, evening) == datetime(2026, 3, 29, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "on"),
    [("2026-02-28 09:00", None), ("09:00", date(2026, 2, 1)), ("2026-03-01 12:00", None)],
)
def test_a_time_that_is_over_is_refused(said: str, on: date | None):
    with pytest.raises(RestockRefused, match="is over"):
        due_at(said, BERLIN, NOON, on)


@pytest.mark.parametrize("said", ["soon", "25:00", "", "9 am", "2026-13-01 09:00", "09:00+02:00"])
def test_what_is_no_time_is_refused(said: str):
    with pytest.raises(RestockRefused, match="is no time"):
        due_at(said, BERLIN, NOON)

"""When a file is expected: local times or cron in a time zone, as instants."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, croniter

TIMES = re.compile(r"(?:[01]?\d|2[0-3]):[0-5]\d(?:[ ;]+(?:[01]?\d|2[0-3]):[0-5]\d)*")

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST_MINUTES = 31 * 24 * 60
"""How early or late a file may come at most: the time between two files of a month."""


def is_legal(expected: str) -> bool:
    """Whether this is a list of times of day (06:00 14:30) or a plain cron expression of five fields.

    Signs that mean something only to croniter are refused: `R` is another time at each look.
    """
    if TIMES.fullmatch(expected):
        return True
    plain = re.fullmatch(r"[\d*/,a-z-]+( +[\d*/,a-z-]+){4}", expected, re.ASCII | re.IGNORECASE)
    words = set(re.findall("[a-z]+", expected.lower()))
    if plain is None or not words <= {*MONTHS, *DAYS}:
        return False
    return croniter.is_valid(expected) and _comes(expected)


def _comes(cron: str) -> bool:
    """Whether there is such a day: 30 February would be waited for in silence."""
    try:
        croniter(cron).get_next()
    except CroniterBadDateError:
        return False
    return True


def instants(expected: str, time_zone: str, after: datetime) -> Iterator[datetime]:
    """Every instant (UTC) after the given one, in order, without end; none for a cron that never comes.

    A time that a clock change leaves out counts as much later as the clock jumps; one that comes twice
    counts the first time. So each time of day is expected once in each night.
    """
    zone = ZoneInfo(time_zone)
    start = after.astimezone(zone).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    waiting: set[datetime] = set()
    for day, times in groupby(_local(expected, start - timedelta(days=1)), key=datetime.date):
        # One that the clock leaves out at the end of a day counts in the next, among those of that day.
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        past = {instant for instant in waiting if instant < midnight}
        yield from (instant for instant in sorted(past) if instant > after)
        waiting = waiting - past | {local.replace(tzinfo=zone).astimezone(UTC) for local in times}
    yield from (instant for instant in sorted(waiting) if instant > after)


def _local(expected: str, start: datetime) -> Iterator[datetime]:
    """The same without a zone, from a midnight on."""
    if not TIMES.fullmatch(expected):
        with suppress(CroniterBadDateError):  # there is no such day in the next 50 years
            yield from croniter(expected, start - timedelta(seconds=1), ret_type=datetime)
        return
    times = sorted({tuple(map(int, one.split(":"))) for one in re.split("[ ;]+", expected)})
    day: date = start.date()
    while True:
        for hour, minute in times:
            yield datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 - the zone comes later
        day += timedelta(days=1)

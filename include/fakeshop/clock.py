"""The shop's clock, which tests move, and the time formats of the Admin API."""

import time
from datetime import UTC, datetime


class Clock:
    """Seconds since 1970, displaced by an offset that the side door sets."""

    def __init__(self, offset: float = 0) -> None:
        self.offset = offset

    def precise(self) -> float:
        """Return seconds with their fractions, for what lasts less than a second."""
        return time.time() + self.offset

    def now(self) -> int:
        """Return whole seconds: Admin timestamps have no fractions."""
        return int(time.time() + self.offset)


def iso(seconds: int | None) -> str | None:
    """Format as the Admin API does, e.g. 2026-11-03T09:00:00Z."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_with_fraction(seconds: float) -> str:
    """Format as webhooks say when they were triggered, e.g. 2026-11-03T09:00:00.250000Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds_of(text: str) -> int:
    """Read a year, a date or a date-time of a search filter; raises ValueError."""
    if len(text) == 4 and text.isdecimal():
        text += "-01-01"
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp())

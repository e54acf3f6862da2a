"""Time zones that a person may name."""

from functools import cache
from zoneinfo import available_timezones

NO_ZONES = {"localtime", "posixrules", "Factory"}
"""Names in the zone folder of a machine that mean another zone on the next one, or none."""


def is_zone(name: str) -> bool:
    """Whether this names the same zone everywhere, such as Asia/Tokyo."""
    return name in _zones()


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - NO_ZONES)

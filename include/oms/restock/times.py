"""When a restock is due: times of the product store's zone, with its changes of clock."""

import logging
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from oms.restock.errors import RestockRefused

log = logging.getLogger(__name__)


def due_at(said: str, zone: str, now: datetime, on: date | None = None) -> datetime:
    """The moment that a person means by `09:00`, `2026-12-01 09:00:00` or a moment with its own offset.

    A time without a date is that of the day `on`, else its next occurrence. In the hour that a change of
    clock repeats, the first is meant. Raises RestockRefused for a time that is over, that the clock skips,
    or that is none.
    """
    moment = _read(said)
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        due = moment.astimezone(UTC)
    elif isinstance(moment, datetime):
        due = _in_zone(moment, zone)
    elif on is not None:
        due = _in_zone(datetime.combine(on, moment), zone)
    else:
        today = now.astimezone(ZoneInfo(zone)).date()
        due = _in_zone(datetime.combine(today, moment), zone)
        if due <= now:
            due = _in_zone(datetime.combine(today + timedelta(days=1), moment), zone)
    if due <= now:
        raise RestockRefused(
            f"the time {said!r}{f' on {on}' if on else ''} ({zone}) is over, it was {due:%Y-%m-%d %H:%M} "
            "UTC; give one that is still to come"
        )
    return due


def _read(said: str) -> datetime | time:
    text = said.strip()
    for read in (time.fromisoformat, datetime.fromisoformat):
        try:
            moment = read(text)
        except ValueError:
            continue
        if isinstance(moment, time) and moment.tzinfo is not None:
            break
        return moment
    raise RestockRefused(f"{said!r} is no time; give 09:00:00 or 2026-12-01 09:00:00")


def _in_zone(local: datetime, zone: str) -> datetime:
    """The moment at which the clocks of a zone show this; the first, if they show it twice."""
    here = local.replace(tzinfo=ZoneInfo(zone))
    moment = here.astimezone(UTC)
    shown = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if shown != local:
        raise RestockRefused(
            f"{local:%Y-%m-%d %H:%M:%S} does not exist in {zone}: its clocks are put forward that night, "
            f"to {shown:%H:%M:%S}; give another time"
        )
    if here.utcoffset() != here.replace(fold=1).utcoffset():
        log.warning("%s comes twice in %s that night; the first is meant", local, zone)
    return moment

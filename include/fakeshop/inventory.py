"""Applying planned changes to levels: the one place where quantities move."""

from collections.abc import Iterable
from typing import NamedTuple

from fakeshop.levels import COLUMN
from fakeshop.nodes.base import Context
from fakeshop.shop import Change, Entry, Shop


class Row(NamedTuple):
    """A planned change of one quantity; ``row`` is None for a level that does not exist yet."""

    row: int | None
    location: int
    item: int
    name: str
    delta: int
    ledger: str | None


Plan = list[Row]


def level_rows(shop: Shop, places: Iterable[tuple[int, int]], *, active: bool) -> list[int]:
    """Return the rows of (location, item) pairs; levels that are missing are created."""
    rows = []
    for location, item in places:
        row = shop.levels.row(location, item)
        rows.append(shop.add_level(location, item, active=active) if row is None else row)
    return rows


def apply(ctx: Context, event: str, plan: Plan, reason: str | None, reference: str | None) -> Entry | None:
    """Apply a plan as one adjustment group; None when nothing changed.

    Inactive levels change without becoming sellable, or not at all in mode ``silent`` (rows 24, 25).
    """
    shop = ctx.shop
    levels, columns = shop.levels, shop.levels.quantities
    silent = shop.settings.inactive_levels == "silent" and event != "activate"
    told = shop.has_subscription("inventory_levels/update")
    changes: list[Change] = []
    ignored: list[Change] = []
    for row, location, item, name, delta, ledger in plan:
        if delta == 0:
            continue
        place = row if row is not None else levels.row(location, item)
        if silent and (place is None or not levels.active[place]):
            ignored.append((name, delta, item, location, ledger))
            continue
        if place is None:
            place = shop.add_level(location, item, active=False)
        columns[COLUMN[name]][place] += delta
        shop.touch_level(place)
        changes.append((name, delta, item, location, ledger))
        if told and name == "available":
            shop.announce("inventory_levels/update", place, ctx.event_id)
    if not changes and not ignored:
        return None
    entry = Entry(shop.clock.now(), ctx.source, event, shop.new_id(), reason, reference, ctx.key, changes)
    shop.note(entry)
    if not ignored:
        return entry
    told_to_caller = entry._replace(changes=changes + ignored)
    shop.remember(told_to_caller)
    return told_to_caller

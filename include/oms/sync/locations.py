"""Which locations of a shop a push serves, and what each of them shows (spec inventory.md 2.4, 5.1, 6.1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from oms.database import statements
from oms.sync.errors import SyncMisconfigured
from oms.sync.options import Push

sql = statements(__file__)

FROM_BOOKS = ("DELTA", "RESTOCK", "UPLOAD")
"""Modes that send what differs from the books, not from what Shopify shows."""


@dataclass(frozen=True)
class Location:
    """A Shopify location that is to be served, and what it shows.

    channel: the group whose online ATP a consolidated location shows; facility: the one of a physical
    location. compared, mark: snapshots as text, None where there is none. emptied: no facility is mapped to
    it any more, and what it still offers of ours is taken off.
    """

    shopify_location_id: int
    sync_mode: str
    physical_basis: str
    channel: str | None
    facility: str | None
    compared: str | None
    mark: str | None
    planned_at: datetime | None
    emptied: bool = False


def shop_settings(push: Push) -> tuple[bool, str, bool] | None:
    """Return whether pushes to the shop are on, who owns its stock, and whether orders reserve."""
    return push.conn.execute(sql.shop, {"shop_id": push.shop_id}).fetchone()


def locations_to_serve(push: Push) -> list[Location]:
    """Return the locations that this run is to serve; raises SyncMisconfigured before any write."""
    groups = list(push.options.facility_groups) if push.options.facility_groups is not None else None
    rows = push.conn.execute(
        sql.locations,
        {
            "shop_id": push.shop_id,
            "shopify_facility_group": push.options.shopify_facility_group,
            "facility_groups": groups,
        },
    ).fetchall()
    served = []
    for number, sync_mode, basis, channel, compared, mark, planned_at, physical, virtual, *member_of in rows:
        in_shopify_group, in_groups, in_no_channel = member_of
        location = _located(
            push,
            (number, sync_mode, basis, channel, compared, mark, planned_at),
            tuple(physical or ()),
            bool(virtual),
        )
        if not push.options.serves(push.mode, sync_mode):
            continue
        if push.options.shopify_facility_group is not None and not in_shopify_group:
            continue
        # a store that belongs to no channel has no run of its own: every run serves its location
        in_groups = (in_groups or in_no_channel) if push.mode == "DELTA" else True
        if groups is not None and not (location.channel in groups if location.channel else in_groups):
            continue
        served.append(location)
    return served


def locations_to_empty(push: Push) -> list[Location]:
    """Return the locations whose units of ours this run is to take off: they lost their last facility.

    They belong to no group any more; a run that is meant for the locations of one leaves them alone.
    """
    if push.options.shopify_facility_group is not None:
        return []
    return [
        Location(number, sync_mode, basis, None, None, compared, mark, planned_at, emptied=True)
        for number, sync_mode, basis, compared, mark, planned_at in push.conn.execute(
            sql.locations_to_empty, {"shop_id": push.shop_id}
        )
        if push.options.serves(push.mode, sync_mode)
    ]


def locations_showing(push: Push, facilities: Sequence[str]) -> list[int]:
    """Return the locations of a shop whose figure has stock of one of the facilities in it."""
    values = {"shop_id": push.shop_id, "facilities": list(facilities)}
    return sorted(number for (number,) in push.conn.execute(sql.locations_showing, values))


def _located(push: Push, row: tuple, physical: tuple[str, ...], virtual: bool) -> Location:
    """Tell a consolidated location from a physical one (spec inventory.md 2.4)."""
    number, sync_mode, basis, channel, compared, mark, planned_at = row
    if virtual and len(physical) == 1:
        raise SyncMisconfigured(
            f"location {number} is mapped to a queue and to {physical[0]}: it is consolidated and physical"
        )
    consolidated = virtual or len(physical) > 1
    if consolidated and channel is None:
        raise SyncMisconfigured(f"location {number} is consolidated but names no channel (facility_group_id)")
    if not consolidated and channel is not None:
        raise SyncMisconfigured(
            f"location {number} names channel {channel} but is mapped to {physical[0]} alone:"
            " it is consolidated and physical"
        )
    if push.options.use_valid_atp and basis == "ATP":
        basis = "COMPUTED_ATP"
    facility = None if consolidated else physical[0]
    return Location(number, sync_mode, basis, channel, facility, compared, mark, planned_at)


def is_guarded(push: Push, location: Location) -> bool:
    """Say whether a plan compares a location with its books (6.7): always beside mode DELTA."""
    return push.mode in FROM_BOOKS or location.sync_mode == "DELTA" or push.options.guard_undownloaded_orders


def numbers_of(locations: Iterable[Location]) -> list[int]:
    return [location.shopify_location_id for location in locations]

"""Which levels should change by how much: one snapshot of the OMS, then Shopify, then one write.

Rules: spec inventory.md 2.4, 6.2, 6.3, 6.5, 6.7; architecture.md 5.
"""

import logging
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote

import psycopg

from oms import crashpoints
from oms.database import Connection, copy_rows, freshen_statistics, statements
from oms.shopify.budget import Deadline
from oms.shopify.client import ShopifyClient, gid
from oms.shopify.errors import Rejected
from oms.shopify.levels import Reading, read_levels
from oms.sync.errors import SyncMisconfigured, TooManyDrops
from oms.sync.options import Mode, PreviewLine, PushOptions, Report, UnimportedUnits

log = logging.getLogger(__name__)
sql = statements(__file__)

SNAPSHOT_TAKEN = crashpoints.register("plan.snapshot_taken", "the OMS was read, Shopify not yet")
LEVELS_READ = crashpoints.register("plan.levels_read", "Shopify was read, nothing stored yet")
ACTIVATED = crashpoints.register("plan.activated", "levels were activated in Shopify, nothing stored yet")
STORED = crashpoints.register("plan.stored", "lines, books and marks are stored, nothing sent yet")


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


@dataclass(frozen=True)
class Plan:
    """What was decided and from which snapshot; its levels are in the session's workspace.

    everything: locations all of whose levels are in it. without_stock: locations whose first comparison would
    be too early, with whether it waits for a file. only_looked: it takes the second look at levels that a
    look before has found something at, and nothing else.
    """

    plan_id: uuid.UUID
    mode: Mode
    locations: tuple[Location, ...]
    snapshot: str
    taken_at: datetime
    everything: tuple[int, ...]
    without_stock: Mapping[int, bool]
    only_looked: bool = False

    @property
    def complete(self) -> tuple[int, ...]:
        """Locations that the plan compares as a hard sync does."""
        return self.everything if self.mode == "HARD" else ()

    @property
    def is_complete(self) -> bool:
        """Whether it compares all locations so that it serves at all."""
        served = [one for one in self.locations if not one.emptied]
        return bool(self.complete) and len(self.complete) == len(served)

    def locations_marked(self) -> list[int]:
        """Return the locations whose mark this plan moves.

        A DELTA run by hand at a RECENT location leaves it: the book tells nothing of the orders that an
        unguarded comparison has added back, and only the next one takes them off again (6.8).
        """
        if self.only_looked:
            return []
        return [
            location.shopify_location_id
            for location in self.locations
            if not location.emptied and (self.mode != "DELTA" or location.sync_mode == "DELTA")
        ]


def locations_to_serve(conn: Connection, shop_id: str, mode: Mode, options: PushOptions) -> list[Location]:
    """Return the locations that this run is to serve; raises SyncMisconfigured before any write."""
    groups = list(options.facility_groups) if options.facility_groups is not None else None
    rows = conn.execute(
        sql.locations,
        {
            "shop_id": shop_id,
            "shopify_facility_group": options.shopify_facility_group,
            "facility_groups": groups,
        },
    ).fetchall()
    served = []
    for number, sync_mode, basis, channel, compared, mark, planned_at, physical, virtual, *member_of in rows:
        in_shopify_group, in_groups, in_no_channel = member_of
        location = _located(
            (number, sync_mode, basis, channel, compared, mark, planned_at),
            tuple(physical or ()),
            bool(virtual),
            options,
        )
        if not options.serves(mode, sync_mode):
            continue
        if options.shopify_facility_group is not None and not in_shopify_group:
            continue
        # a store that belongs to no channel has no run of its own: every run serves its location
        in_groups = (in_groups or in_no_channel) if mode == "DELTA" else True
        if groups is not None and not (location.channel in groups if location.channel else in_groups):
            continue
        served.append(location)
    return served


def locations_to_empty(conn: Connection, shop_id: str, mode: Mode, options: PushOptions) -> list[Location]:
    """Return the locations whose units of ours this run is to take off: they lost their last facility.

    They belong to no group any more; a run that is meant for the locations of one leaves them alone.
    """
    if options.shopify_facility_group is not None:
        return []
    return [
        Location(number, sync_mode, basis, None, None, compared, mark, planned_at, emptied=True)
        for number, sync_mode, basis, compared, mark, planned_at in conn.execute(
            sql.locations_to_empty, {"shop_id": shop_id}
        )
        if options.serves(mode, sync_mode)
    ]


def locations_showing(conn: Connection, shop_id: str, facilities: Sequence[str]) -> list[int]:
    """Return the locations of a shop whose figure has stock of one of the facilities in it."""
    values = {"shop_id": shop_id, "facilities": list(facilities)}
    return sorted(number for (number,) in conn.execute(sql.locations_showing, values))


def _located(row: tuple, physical: tuple[str, ...], virtual: bool, options: PushOptions) -> Location:
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
    if options.use_valid_atp and basis == "ATP":
        basis = "COMPUTED_ATP"
    facility = None if consolidated else physical[0]
    return Location(number, sync_mode, basis, channel, facility, compared, mark, planned_at)


LOOK_PAUSE = 1.0
FROM_BOOKS = ("DELTA", "RESTOCK", "UPLOAD")
PLANNED_FROM = (
    "product",
    "product_assoc",
    "product_change",
    "shop_product",
    "inventory_item",
    "inventory_ledger",
    "sync_level",
    "product_facility",
)


def take_snapshot(
    conn: Connection,
    shop_id: str,
    mode: Mode,
    locations: Sequence[Location],
    options: PushOptions,
    *,
    only_looked: bool = False,
) -> Plan:
    """Read candidates, desired figures, books and K in one snapshot of the OMS, into the workspace.

    A location never compared with yet is left out while, in this same snapshot, its stock is unknown or just
    coming in: the comparison would tell the shop that nothing is there, or a part of it. At one that was
    compared, a level of which that is so is left out; where everything is compared, what nobody knows is 0.
    only_looked: only levels with a look that may be confirmed now.
    """
    freshen_statistics(conn, *PLANNED_FROM)
    conn.execute(sql.make_workspace)
    conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    try:
        with conn.transaction():
            snapshot, taken_at = conn.execute("select pg_current_snapshot()::text, now()").fetchone()
            (file_comes_in,) = conn.execute(sql.file_comes_in).fetchone()
            emptied = [one for one in locations if one.emptied and not only_looked]
            locations = [one for one in locations if not one.emptied]
            without_stock = _without_stock(conn, shop_id, mode, locations, file_comes_in)
            locations = [one for one in locations if one.shopify_location_id not in without_stock]
            if only_looked:
                _select_looked(conn, shop_id, locations)
                complete = set()
            else:
                complete = _select_candidates(conn, shop_id, mode, locations, options, file_comes_in)
            conn.execute("analyze pg_temp.plan_candidate")
            for location in locations:
                everything = location.shopify_location_id in complete
                held = _held_back(conn, shop_id, mode, location, options)
                _add_levels(conn, shop_id, mode, location, everything, options, held)
                if mode == "DELTA":
                    _add_new_levels(conn, shop_id, mode, location, options)
                at = {"shop_id": shop_id, "location": location.shopify_location_id}
                waiting = {"file_comes_in": file_comes_in, "may_lack_stock": everything and mode != "DELTA"}
                conn.execute(sql.wait_for_stock, at | waiting)
            for location in emptied:
                at = {"shop_id": shop_id, "location": location.shopify_location_id}
                conn.execute(sql.add_emptied, at | {"guarded": is_guarded(mode, location, options)})
            conn.execute(sql.judge_looks, {"shop_id": shop_id, "locations": _numbers(locations)})
    finally:
        conn.isolation_level = None
    conn.execute("analyze pg_temp.plan_level")
    crashpoints.point(SNAPSHOT_TAKEN)
    everything = tuple(sorted(complete))
    planned = (*locations, *emptied)
    return Plan(uuid.uuid4(), mode, planned, snapshot, taken_at, everything, without_stock, only_looked)


def _without_stock(
    conn: Connection, shop_id: str, mode: Mode, locations: Sequence[Location], file_comes_in: bool
) -> dict[int, bool]:
    """Return locations that must wait, with whether for a file; DELTA serves only those compared before."""
    if mode == "DELTA":
        return {}
    values = {"shop_id": shop_id, "locations": _numbers(locations), "file_comes_in": file_comes_in}
    return dict.fromkeys((number for (number,) in conn.execute(sql.without_stock, values)), file_comes_in)


def _numbers(locations: Iterable[Location]) -> list[int]:
    return [location.shopify_location_id for location in locations]


def _select_looked(conn: Connection, shop_id: str, locations: Iterable[Location]) -> None:
    conn.execute(sql.select_looked, {"shop_id": shop_id, "locations": _numbers(locations)})


def is_guarded(mode: Mode, location: Location, options: PushOptions) -> bool:
    """Say whether a plan compares a location with its books (6.7): always beside mode DELTA."""
    return mode in FROM_BOOKS or location.sync_mode == "DELTA" or options.guard_undownloaded_orders


def _select_candidates(
    conn: Connection,
    shop_id: str,
    mode: Mode,
    locations: Sequence[Location],
    options: PushOptions,
    file_comes_in: bool,
) -> set[int]:
    """Fill the candidates; return the locations for which everything was taken."""
    everything = options.include_all if options.include_all is not None else mode == "HARD"
    by_mark: dict[str | None, list[Location]] = {}
    for location in locations:
        mark = location.compared if mode == "HARD" else location.mark
        by_mark.setdefault(None if everything else mark, []).append(location)
    complete: set[int] = set()
    for mark, group in by_mark.items():
        values = {
            "shop_id": shop_id,
            "mark": mark,
            "locations": _numbers(group),
            "category": options.exclude_category,
            "file_comes_in": file_comes_in,
        }
        if mark is None:
            conn.execute(sql.select_all, values)
            complete.update(values["locations"])
            continue
        conn.execute(sql.select_changed, values)
        conn.execute(sql.select_booked, values)
        conn.execute(sql.select_waiting, values)
        if mode not in FROM_BOOKS:
            _select_looked(conn, shop_id, [one for one in group if is_guarded(mode, one, options)])
        planned = [location.planned_at for location in group if location.planned_at is not None]
        if planned:
            conn.execute(sql.select_dated, values | {"planned_at": min(planned)})
            if mode == "DELTA" and options.exclude_category:
                conn.execute(sql.select_launched, values | {"planned_at": min(planned)})
    return complete


def _add_levels(
    conn: Connection,
    shop_id: str,
    mode: Mode,
    location: Location,
    everything: bool,
    options: PushOptions,
    held: dict[str, list],
) -> None:
    values = {
        "shop_id": shop_id,
        "location": location.shopify_location_id,
        "guarded": is_guarded(mode, location, options),
        "by_book": mode in FROM_BOOKS,
        "only_new": False,
        "products": None,
        "group_id": location.channel,
        "facility": location.facility,
        "basis": location.physical_basis,
    } | held
    if not everything:
        (values["products"],) = conn.execute(sql.candidates_of, values).fetchone()
        if not values["products"]:
            return
    conn.execute(sql.add_physical if location.channel is None else sql.add_consolidated, values)
    if mode not in FROM_BOOKS:
        conn.execute(sql.note_foreign_queues, values)


def _add_new_levels(
    conn: Connection, shop_id: str, mode: Mode, location: Location, options: PushOptions
) -> None:
    """Add levels again that were never compared: their figure leaves nothing out, and Shopify is read."""
    at = {"shop_id": shop_id, "location": location.shopify_location_id}
    (products,) = conn.execute(sql.forget_new, at).fetchone()
    if not products:
        return
    values = at | {
        "guarded": is_guarded(mode, location, options),
        "by_book": False,
        "only_new": True,
        "products": products,
        "group_id": location.channel,
        "facility": location.facility,
        "basis": location.physical_basis,
    }
    conn.execute(
        sql.add_physical if location.channel is None else sql.add_consolidated, values | NOTHING_HELD_BACK
    )
    conn.execute(sql.note_foreign_queues, values)


NOTHING_HELD_BACK: dict[str, list] = {"held_products": [], "held_facilities": [], "held_quantities": []}


def _held_back(
    conn: Connection, shop_id: str, mode: Mode, location: Location, options: PushOptions
) -> dict[str, list]:
    """Return what the figure of a location leaves out: what DELTA does not send there (6.5)."""
    rows = []
    if mode == "DELTA" or (mode in ("RESTOCK", "UPLOAD") and location.sync_mode == "DELTA"):
        rows = conn.execute(
            sql.held_back,
            {
                "shop_id": shop_id,
                "location": location.shopify_location_id,
                "compared": location.compared,
                "by_on_hand": location.channel is None and location.physical_basis == "QOH",
                "reason_group": options.reason_group,
                "category": options.exclude_category,
                "include_foreign": options.include_foreign_reservations,
            },
        ).fetchall()
        if not options.include_foreign_reservations and location.physical_basis != "QOH":
            queues = {"shop_id": shop_id, "location": location.shopify_location_id}
            queues |= {"group_id": location.channel, "facility": location.facility}
            rows += conn.execute(sql.held_queues, queues).fetchall()
    products, facilities, quantities = zip(*rows, strict=True) if rows else ((), (), ())
    return {
        "held_products": list(products),
        "held_facilities": list(facilities),
        "held_quantities": list(quantities),
    }


def decide(
    conn: Connection,
    client: ShopifyClient,
    shop_id: str,
    plan: Plan,
    options: PushOptions,
    report: Report,
    deadline: Deadline,
) -> Plan:
    """Give every level of the workspace its outcome; RECENT and HARD read Shopify for it. Return the plan.

    DELTA reads levels that were never compared. Raises what reading raises, and TooManyDrops (HARD) before
    anything is stored. RECENT leaves out the location whose first comparison would empty it, DELTA levels.
    """
    if plan.mode != "HARD":
        conn.execute(sql.skip_set_aside)
    conn.execute(sql.decide_from_books)
    _compare(conn, client, shop_id, plan, options, deadline)
    if options.activate_at_location and not options.dry_run:
        _activate(conn, client, shop_id, plan, options, report, deadline)
    plan = _without_drops(conn, shop_id, plan, options, report)
    _count(conn, shop_id, report)
    return plan


def _compare(
    conn: Connection,
    client: ShopifyClient,
    shop_id: str,
    plan: Plan,
    options: PushOptions,
    deadline: Deadline,
) -> None:
    levels = conn.execute(sql.to_read).fetchall()
    if not levels:
        return
    conn.execute(sql.forget_readings)
    readings = read_levels(client, levels, parallel=options.parallel, deadline=deadline)
    copy_rows(conn, "pg_temp.plan_reading", Reading._fields, readings)
    conn.execute("analyze pg_temp.plan_reading")
    crashpoints.point(LEVELS_READ)
    conn.execute(sql.decide_from_readings, {"shop_id": shop_id, "snapshot": plan.snapshot})


def _activate(
    conn: Connection,
    client: ShopifyClient,
    shop_id: str,
    plan: Plan,
    options: PushOptions,
    report: Report,
    deadline: Deadline,
) -> None:
    """Stock items where they are not, with the desired figure, and judge them by a new reading.

    The level is active with its figure or it is not, so that a repetition after a crash finds its work done.
    """
    activated: list[tuple[int, int]] = []
    refused: list[int] = []
    for location, item, product, desired in conn.execute(sql.not_stocked).fetchall():
        variables = {
            "item": gid("InventoryItem", item),
            "location": gid("Location", location),
            "available": desired,
            "key": str(uuid.uuid5(plan.plan_id, f"{location}:{item}")),
        }
        try:
            client.mutate("activate_level", variables, deadline=deadline, key=variables["key"], repeat=True)
            activated.append((location, item))
        except Rejected as error:
            log.warning("item %s is not activated at location %s: %s", item, location, error)
            report.rejected["NOT_ACTIVATED"] += 1
            refused.append(product)
    crashpoints.point(ACTIVATED)
    if refused:
        conn.execute(sql.keep_changed, {"products": refused, "cause": "not activated"})
    if activated:
        locations, items = zip(*activated, strict=True)
        conn.execute(sql.take_again, {"locations": list(locations), "items": list(items)})
        _compare(conn, client, shop_id, plan, options, deadline)


def _without_drops(conn: Connection, shop_id: str, plan: Plan, options: PushOptions, report: Report) -> Plan:
    """Return the plan without locations that it would empty; HARD raises TooManyDrops for them.

    DELTA is about the levels that it compares for the first time: they stay as they are, the others are sent.
    What has lost its last facility is to be emptied, and is not counted.
    """
    served = [one for one in plan.locations if not one.emptied]
    checked = plan.everything if plan.mode == "RECENT" else _numbers(served)
    if options.max_drop_pct is None or plan.only_looked or not checked:
        return plan
    new = [one.shopify_location_id for one in served if one.compared is None and one.mark is None]
    is_delta = plan.mode == "DELTA"
    dropped: dict[int, str] = {}
    values = {"locations": list(checked), "only_new": is_delta}
    for location, sellable, emptied in conn.execute(sql.drops, values).fetchall():
        few = location not in new and emptied < options.max_drop_levels
        if not few and emptied * 100 > sellable * options.max_drop_pct:
            what = "sellable levels that are compared for the first time" if is_delta else "sellable levels"
            dropped[location] = f"location {location}: {emptied} of {sellable} {what}"
    if not dropped:
        return plan
    error = TooManyDrops(
        f"shop {shop_id}, {', '.join(dropped.values())} would go to 0, more than {options.max_drop_pct:g} %;"
        f" nothing was sent{'' if plan.mode == 'HARD' else ' there'}. If that is right, run"
        " upload_inventory with a higher maxDropPct (dryRun shows what it would send)"
    )
    if plan.mode == "HARD":
        raise error
    report.refused = error
    for location in dropped:
        conn.execute(sql.leave_out_new if is_delta else sql.forget_levels, {"location": location})
    if is_delta:
        return plan
    return replace(
        plan,
        locations=tuple(one for one in plan.locations if one.shopify_location_id not in dropped),
        everything=tuple(one for one in plan.everything if one not in dropped),
    )


def _count(conn: Connection, shop_id: str, report: Report) -> None:
    (unmapped,) = conn.execute(sql.unmapped, {"shop_id": shop_id}).fetchone()
    outcomes = dict(conn.execute(sql.outcomes).fetchall())
    report.candidates += sum(outcomes.values()) + unmapped
    report.unchanged += outcomes.pop("UNCHANGED", 0)
    report.planned += outcomes.pop("LINE", 0)
    report.skipped.update(outcomes)
    if unmapped:
        report.skipped["SKIPPED_UNMAPPED"] += unmapped
    report.drifts, found = conn.execute(sql.drifts).fetchone()
    report.drifts_booked += found


@dataclass(frozen=True)
class Looks:
    """Looks that wait for a second one: how many, and how many of them may have it now."""

    count: int
    due: int
    imports_known: bool


def wait_for_imports(conn: Connection, shop_id: str, locations: list[int], seconds: float) -> Looks:
    """Wait until imports of orders have made all looks at some locations due, or the time is over.

    A shop of which no import is known is not waited for.
    """
    deadline = Deadline(seconds)
    looks = open_looks(conn, shop_id, locations)
    if deadline.left() and looks.imports_known and looks.due < looks.count:
        log.info("shop %s: %s levels wait for the next import of orders", shop_id, looks.count - looks.due)
    while deadline.left() and looks.imports_known and looks.due < looks.count:
        time.sleep(min(LOOK_PAUSE, deadline.left()))
        looks = open_looks(conn, shop_id, locations)
    return looks


def open_looks(conn: Connection, shop_id: str, locations: list[int]) -> Looks:
    """Return what waits for a second look at some locations."""
    values = {"shop_id": shop_id, "locations": locations}
    return Looks(*conn.execute(sql.open_looks, values).fetchone())


def long_unimported(conn: Connection, shop_id: str, locations: list[int]) -> tuple[UnimportedUnits, ...]:
    """Return what Shopify has sold at some locations and nobody has taken in for more than a day (6.8)."""
    values = {"shop_id": shop_id, "locations": locations}
    return tuple(UnimportedUnits(*row) for row in conn.execute(sql.long_unimported, values))


def preview(conn: Connection) -> tuple[PreviewLine, ...]:
    """Return the lines of the workspace as a dry run shows them."""
    return tuple(
        PreviewLine(location, item, product, compared_with, desired, delta)
        for location, item, product, _, compared_with, desired, delta in conn.execute(sql.lines)
    )


class NewBatch(NamedTuple):
    """A batch that was stored a moment ago: its key, its frozen payload, its lines."""

    batch_id: uuid.UUID
    payload: str
    line_count: int


def store(
    conn: Connection, shop_id: str, plan: Plan, options: PushOptions, run_id: str
) -> Iterator[list[NewBatch]]:
    """Write lines, batches, books and marks; yield the batches of each transaction once it is committed.

    Up to `lines_at_once` lines are one transaction. More are stored while the first are being sent: each
    part with its lines and their books, openings with the first, marks with the last. A plan that breaks
    off between two parts leaves the mark, so that the next one selects the same products and finds the
    books right.
    """
    values = {
        "shop_id": shop_id,
        "plan_id": plan.plan_id,
        "run_id": run_id,
        "snapshot": plan.snapshot,
        "taken_at": plan.taken_at,
        "complete": plan.is_complete,
    }
    (was_read,) = conn.execute(sql.any_reading).fetchone()
    step = max(1, options.lines_at_once // options.limit) * options.limit
    lines = _number_lines(conn, options.limit)
    for first in range(0, max(1, lines), step):
        with conn.transaction():
            if first == 0 and (plan.mode != "DELTA" or was_read):
                conn.execute(sql.open_books, values)
                conn.execute(sql.set_books, values)
                conn.execute(sql.book_drifts, values)
                conn.execute(sql.note_looks, values)
                conn.execute(sql.forget_looks, values)
                conn.execute(sql.note_unimported, values)
                conn.execute(sql.forget_unimported, values)
                conn.execute(sql.note_comparisons, values)
                conn.execute(sql.keep_foreign_queues, values)
            batches = _store_lines(conn, shop_id, plan.mode, run_id, first, first + step)
            if first + step >= lines:
                conn.execute(sql.note_complete, values | {"locations": list(plan.complete)})
                conn.execute(sql.note_waiting, values)
                conn.execute(sql.forget_waiting, values)
                conn.execute(sql.advance_marks, values | {"locations": plan.locations_marked()})
        crashpoints.point(STORED)
        yield batches


def _number_lines(conn: Connection, limit: int) -> int:
    """Put the lines of the workspace in order, with the batch of each; return how many they are."""
    return conn.execute(sql.number_lines, {"limit": limit}).rowcount


def _store_lines(
    conn: Connection, shop_id: str, mode: Mode, run_id: str, first: int, end: int
) -> list[NewBatch]:
    """Store the numbered lines from `first` up to `end`, with their batches, and put them in the books."""
    values = {
        "shop_id": shop_id,
        "mode": mode,
        "run_id": run_id,
        "run_in_uri": quote(run_id, safe=""),
        "first": first,
        "end": end,
    }
    batches = [NewBatch(*row) for row in conn.execute(sql.store_batches, values)]
    conn.execute(sql.store_lines, values)
    conn.execute(sql.book_lines, {"batches": [batch.batch_id for batch in batches]})
    return batches


def plan_products(
    conn: Connection,
    report: Report,
    locations: Sequence[Location],
    products: Collection[int],
    options: PushOptions,
    run_id: str,
) -> list[NewBatch]:
    """Store lines of desired - book for products at locations, in the caller's transaction (6.3, 5.13, 5.20).

    The caller holds the locks of the locations; what it has written in the transaction is in the figures.
    Marks stay: the products are compared again by the next push, which then finds nothing to do. Return
    the batches to send once the transaction is committed; the report tells of levels without a line.
    """
    conn.execute(sql.make_workspace)
    for location in locations if products else ():
        _add_at_rest(conn, report, location, sorted(products), options)
    conn.execute(sql.skip_set_aside)
    conn.execute(sql.decide_from_books)
    _count(conn, report.shop_id, report)
    lines = _number_lines(conn, options.limit)
    return _store_lines(conn, report.shop_id, report.mode, run_id, 0, lines)


def _add_at_rest(
    conn: Connection, report: Report, location: Location, products: list[int], options: PushOptions
) -> None:
    """Add levels so that figures, books and rows held back are those of one moment.

    The transaction sees what others commit between two statements; it reads again until the rows held back
    were the same before and after.
    """
    at = {"location": location.shopify_location_id}
    held = _held_back(conn, report.shop_id, report.mode, location, options)
    while True:
        conn.execute(sql.forget_levels, at)
        conn.execute(sql.add_candidates, at | {"products": products})
        _add_levels(conn, report.shop_id, report.mode, location, False, options, held)
        held, before = _held_back(conn, report.shop_id, report.mode, location, options), held
        if held == before:
            return

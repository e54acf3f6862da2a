"""What the OMS says of the levels of a push, read in one snapshot into a workspace of the session.

Rules: spec inventory.md 2.4, 6.2, 6.3, 6.5, 6.7; architecture.md 5.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from oms import crashpoints
from oms.books import findings
from oms.database import freshen_statistics, statements
from oms.sync.locations import FROM_BOOKS, Location, is_guarded, numbers_of
from oms.sync.options import Mode, Push

sql = statements(__file__)

SNAPSHOT_TAKEN = crashpoints.register("plan.snapshot_taken", "the OMS was read, Shopify not yet")

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
NOTHING_HELD_BACK: dict[str, list] = {"held_products": [], "held_facilities": [], "held_quantities": []}


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


def make_workspace(push: Push) -> None:
    """Make the tables of a plan in the session, or empty them."""
    push.conn.execute(sql.make_workspace)
    findings.make_workspace(push.conn)


def take_snapshot(push: Push, locations: Sequence[Location], *, only_looked: bool = False) -> Plan:
    """Read candidates, desired figures, books and K in one snapshot of the OMS, into the workspace.

    A location never compared with yet is left out while, in this same snapshot, its stock is unknown or just
    coming in: the comparison would tell the shop that nothing is there, or a part of it. At one that was
    compared, a level of which that is so is left out; where everything is compared, what nobody knows is 0.
    only_looked: only levels with a look that may be confirmed now.
    """
    freshen_statistics(push.conn, *PLANNED_FROM)
    make_workspace(push)
    push.conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    try:
        with push.conn.transaction():
            snapshot, taken_at = push.conn.execute("select pg_current_snapshot()::text, now()").fetchone()
            (file_comes_in,) = push.conn.execute(sql.file_comes_in).fetchone()
            emptied = [one for one in locations if one.emptied and not only_looked]
            locations = [one for one in locations if not one.emptied]
            without_stock = _without_stock(push, locations, file_comes_in)
            locations = [one for one in locations if one.shopify_location_id not in without_stock]
            if only_looked:
                _select_looked(push, locations)
                complete = set()
            else:
                complete = _select_candidates(push, locations, file_comes_in)
            push.conn.execute("analyze pg_temp.plan_candidate")
            for location in locations:
                everything = location.shopify_location_id in complete
                held = _held_back(push, location)
                _add_levels(push, location, everything, held)
                if push.mode == "DELTA":
                    _add_new_levels(push, location)
                at = {"shop_id": push.shop_id, "location": location.shopify_location_id}
                waiting = {
                    "file_comes_in": file_comes_in,
                    "may_lack_stock": everything and push.mode != "DELTA",
                }
                push.conn.execute(sql.wait_for_stock, at | waiting)
            for location in emptied:
                at = {"shop_id": push.shop_id, "location": location.shopify_location_id}
                push.conn.execute(sql.add_emptied, at | {"guarded": is_guarded(push, location)})
            findings.judge_looks(push.conn, push.shop_id, numbers_of(locations))
    finally:
        push.conn.isolation_level = None
    push.conn.execute("analyze pg_temp.plan_level")
    crashpoints.point(SNAPSHOT_TAKEN)
    everything = tuple(sorted(complete))
    planned = (*locations, *emptied)
    return Plan(uuid.uuid4(), push.mode, planned, snapshot, taken_at, everything, without_stock, only_looked)


def _without_stock(push: Push, locations: Sequence[Location], file_comes_in: bool) -> dict[int, bool]:
    """Return locations that must wait, with whether for a file; DELTA serves only those compared before."""
    if push.mode == "DELTA":
        return {}
    values = {"shop_id": push.shop_id, "locations": numbers_of(locations), "file_comes_in": file_comes_in}
    return dict.fromkeys(
        (number for (number,) in push.conn.execute(sql.without_stock, values)), file_comes_in
    )


def _select_looked(push: Push, locations: Iterable[Location]) -> None:
    push.conn.execute(sql.select_looked, {"shop_id": push.shop_id, "locations": numbers_of(locations)})


def _select_candidates(push: Push, locations: Sequence[Location], file_comes_in: bool) -> set[int]:
    """Fill the candidates; return the locations for which everything was taken."""
    everything = push.options.include_all if push.options.include_all is not None else push.mode == "HARD"
    by_mark: dict[str | None, list[Location]] = {}
    for location in locations:
        mark = location.compared if push.mode == "HARD" else location.mark
        by_mark.setdefault(None if everything else mark, []).append(location)
    complete: set[int] = set()
    for mark, group in by_mark.items():
        values = {
            "shop_id": push.shop_id,
            "mark": mark,
            "locations": numbers_of(group),
            "category": push.options.exclude_category,
            "file_comes_in": file_comes_in,
        }
        if mark is None:
            push.conn.execute(sql.select_all, values)
            complete.update(values["locations"])
            continue
        push.conn.execute(sql.select_changed, values)
        push.conn.execute(sql.select_booked, values)
        push.conn.execute(sql.select_waiting, values)
        if push.mode not in FROM_BOOKS:
            _select_looked(push, [one for one in group if is_guarded(push, one)])
        planned = [location.planned_at for location in group if location.planned_at is not None]
        if planned:
            push.conn.execute(sql.select_dated, values | {"planned_at": min(planned)})
            if push.mode == "DELTA" and push.options.exclude_category:
                push.conn.execute(sql.select_launched, values | {"planned_at": min(planned)})
    return complete


def _add_levels(push: Push, location: Location, everything: bool, held: dict[str, list]) -> None:
    at = {"location": location.shopify_location_id}
    products = None if everything else push.conn.execute(sql.candidates_of, at).fetchone()[0]
    if everything or products:
        _add_figures(push, location, products, held, by_book=push.mode in FROM_BOOKS)


def _add_new_levels(push: Push, location: Location) -> None:
    """Add levels again that were never compared: their figure leaves nothing out, and Shopify is read."""
    at = {"location": location.shopify_location_id}
    (products,) = push.conn.execute(sql.forget_new, at).fetchone()
    if products:
        _add_figures(push, location, products, NOTHING_HELD_BACK, by_book=False, only_new=True)


def _add_figures(
    push: Push,
    location: Location,
    products: list[int] | None,
    held: dict[str, list],
    *,
    by_book: bool,
    only_new: bool = False,
) -> None:
    """Add the levels of products (None: of all) with our figures and their books."""
    values = {
        "shop_id": push.shop_id,
        "location": location.shopify_location_id,
        "guarded": is_guarded(push, location),
        "by_book": by_book,
        "only_new": only_new,
        "products": products,
        "group_id": location.channel,
        "facility": location.facility,
        "basis": location.physical_basis,
    } | held
    push.conn.execute(sql.add_physical if location.channel is None else sql.add_consolidated, values)
    if not by_book:
        push.conn.execute(sql.note_foreign_queues, values)


def _held_back(push: Push, location: Location) -> dict[str, list]:
    """Return what the figure of a location leaves out: what DELTA does not send there (6.5)."""
    rows = []
    if push.mode == "DELTA" or (push.mode in ("RESTOCK", "UPLOAD") and location.sync_mode == "DELTA"):
        rows = push.conn.execute(
            sql.held_back,
            {
                "shop_id": push.shop_id,
                "location": location.shopify_location_id,
                "compared": location.compared,
                "by_on_hand": location.channel is None and location.physical_basis == "QOH",
                "reason_group": push.options.reason_group,
                "category": push.options.exclude_category,
                "include_foreign": push.options.include_foreign_reservations,
            },
        ).fetchall()
        if not push.options.include_foreign_reservations and location.physical_basis != "QOH":
            queues = {"shop_id": push.shop_id, "location": location.shopify_location_id}
            queues |= {"group_id": location.channel, "facility": location.facility}
            rows += push.conn.execute(sql.held_queues, queues).fetchall()
    products, facilities, quantities = zip(*rows, strict=True) if rows else ((), (), ())
    return {
        "held_products": list(products),
        "held_facilities": list(facilities),
        "held_quantities": list(quantities),
    }


def add_at_rest(push: Push, location: Location, products: list[int]) -> None:
    """Add levels so that figures, books and rows held back are those of one moment.

    The transaction sees what others commit between two statements; it reads again until the rows held back
    were the same before and after.
    """
    at = {"location": location.shopify_location_id}
    held = _held_back(push, location)
    while True:
        push.conn.execute(sql.forget_levels, at)
        push.conn.execute(sql.add_candidates, at | {"products": products})
        _add_levels(push, location, False, held)
        held, before = _held_back(push, location), held
        if held == before:
            return

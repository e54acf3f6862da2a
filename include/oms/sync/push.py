"""One push of one shop: settle what earlier runs left, plan, send, settle (spec inventory.md 6)."""

import itertools
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import psycopg

from oms import crashpoints, locks
from oms.books import entries
from oms.database import Connection
from oms.locks import Lock
from oms.shopify.budget import Deadline
from oms.shopify.client import ShopifyClient
from oms.sync import comparing, in_bulk, looks, sending, snapshot, storing, unimported_orders
from oms.sync.errors import ShopBusy, SyncMisconfigured
from oms.sync.locations import (
    Location,
    is_guarded,
    locations_showing,
    locations_to_empty,
    locations_to_serve,
    numbers_of,
    shop_settings,
)
from oms.sync.options import Mode, Push, PushOptions, Report
from oms.sync.sending import Batch, Sender
from oms.upkeep.backup import is_restored

log = logging.getLogger(__name__)

LOCKED = crashpoints.register("plan.locked", "the locations are locked, leftovers not yet touched")
SUPERSEDED = crashpoints.register("plan.superseded", "unsent lines of RECENT and HARD left the book")


def push_shop(
    connect: Callable[[], Connection],
    client: ShopifyClient,
    shop_id: str,
    mode: Mode,
    options: PushOptions,
    run_id: str,
    begin: Callable[[], None] = lambda: None,
) -> Report:
    """Bring a shop's levels to our figures and return what was done.

    connect: opens a connection of ours to the OMS database, which also holds the locks. Nothing is planned
    when SyncMisconfigured or ShopBusy is raised, or TooManyDrops by HARD. LinesLeft (with the report: lines
    or whole locations wait for the next run), TooManyDrops by RECENT (of a location that it left out),
    Misconfigured (the shop refuses us) and ShopAway (it is not the shop that answers) are raised after
    everything answered was stored; errors of reading (NotExecuted, OutcomeUnknown) leave the marks where
    they are. Repeating a push is safe at any point.
    `begin` is called when the locations are ours, before anything is read: what commits from then on belongs
    to the next push.
    """
    with _pushing(connect, client, shop_id, mode, options, run_id) as push:
        _push(push, begin)
    push.report.raise_if_open()
    return push.report


def push_products(
    connect: Callable[[], Connection],
    client: ShopifyClient,
    shop_id: str,
    mode: Literal["RESTOCK", "UPLOAD"],
    facilities: Sequence[str],
    work: Callable[[Connection], Collection[int]],
    options: PushOptions,
    run_id: str,
) -> Report:
    """Book what came in and push its products, whatever the mode of the locations (5.13, 5.20, 6.3).

    work: books a receipt or an upload in the transaction that it is handed, and returns the products it
    moved; what was booked before it books no more, but names its products again. Its transaction also
    stores the lines, desired - book of those products at every location of the shop that shows one of the
    facilities, under the locks of these locations: no other plan comes between. Then the lines are sent.
    Where nothing may be sent (pushes are off, a location is OFF or left alone, the shop refuses us), the work
    is done all the same and its products stay recent changes. A level that was never compared has no line.

    Raises what `push_shop` raises; ShopBusy, SyncMisconfigured and what `work` raises before anything is
    booked. Killed anywhere, a repetition finds the work done and its lines sent, or sends them.
    """
    with _pushing(connect, client, shop_id, mode, options, run_id) as push:
        push.report.message = _refusal(push) or ""
        shown_at = [] if push.report.message else locations_showing(push, facilities)
        served = locations_to_serve(push) if shown_at else []
        numbers = numbers_of(_compared(push, _only(served, shown_at)))
        with _turn(push, numbers) as (sender, free):
            with push.conn.transaction():
                products = work(push.conn)
                batches = storing.plan_products(push, free, products)
            crashpoints.point(storing.STORED)
            sender.restart_clock()
            sender.send([Batch.new(batch, mode) for batch in batches])
    push.report.raise_if_open()
    return push.report


@contextmanager
def _pushing(
    connect: Callable[[], Connection],
    client: ShopifyClient,
    shop_id: str,
    mode: Mode,
    options: PushOptions,
    run_id: str,
) -> Iterator[Push]:
    """Open a connection for a push; count its calls and log its report at the end."""
    client.begin_run()
    calls, waited = client.usage.calls, client.usage.wait_seconds
    report = Report(shop_id, mode)
    conn = connect()
    try:
        conn.autocommit = True
        yield Push(conn, client, shop_id, mode, options, run_id, report)
    finally:
        conn.close()
        report.calls = client.usage.calls - calls
        report.wait_seconds = client.usage.wait_seconds - waited
        log.info("%s", report.summary())


def _push(push: Push, begin: Callable[[], None]) -> None:
    if refusal := _refusal(push):
        push.report.message = refusal
        return
    locations = _compared(push, _all_locations(push))
    if not locations:
        push.report.message = "no location to serve"
        return
    with _turn(push, numbers_of(locations), begin) as (sender, free):
        if free:
            _plan_and_send(push, sender, free)
    if push.mode in ("RECENT", "HARD") and not push.options.dry_run:
        _look_again(push, locations)


def _look_again(push: Push, locations: Sequence[Location]) -> None:
    """Take the second look at what a guarded comparison has found, after the next import of orders (6.7).

    The locations are free while HARD waits for it; what a later run has to look at stays noted.
    """
    numbers = numbers_of(one for one in locations if is_guarded(push, one) and not one.emptied)
    if not numbers:
        return
    report = push.report
    waits = push.mode == "HARD" and push.options.run_type != "asset_triggered"
    found = looks.wait_for_imports(push, numbers, 60 * push.options.second_look_minutes if waits else 0)
    report.no_order_imports = bool(found.count) and not found.imports_known
    if push.mode == "HARD" and found.due:
        left_alone = report.left_alone
        with _turn(push, numbers) as (sender, free):
            if free:
                _plan_and_send(push, sender, free, only_looked=True)
        report.left_alone = tuple(sorted({*left_alone, *report.left_alone}))
        _count_left(push, numbers_of(locations))
    report.drifts = looks.open_looks(push, numbers).count
    report.unimported = unimported_orders.with_orders(
        push.conn, push.client, push.shop_id, looks.long_unimported(push, numbers)
    )


@contextmanager
def _turn(
    push: Push, numbers: list[int], begin: Callable[[], None] = lambda: None
) -> Iterator[tuple[Sender, list[Location]]]:
    """Hold the locations and settle what earlier runs left; yield the locations that may be planned."""
    with _locks(push.conn, push.shop_id, numbers, push.options.lock_seconds) as held:
        begin()
        # what another run stored while we waited for the locks
        locations = _only(_all_locations(push), numbers)
        sender = Sender(push)
        if not push.options.dry_run:
            _settle_leftovers(push, sender, held)
        left_alone = push.report.left_alone
        free = [one for one in _compared(push, locations) if one.shopify_location_id not in left_alone]
        yield sender, free if sender.stopped_by is None else []
        _count_left(push, numbers)
    if sender.stopped_by is not None:
        raise sender.stopped_by


def _refusal(push: Push) -> str | None:
    """Return why nothing is pushed to this shop at all; raises SyncMisconfigured where that is a mistake."""
    settings = shop_settings(push)
    if settings is None:
        raise SyncMisconfigured(f"there is no shop {push.shop_id}")
    if is_restored(push.conn):
        raise SyncMisconfigured(
            "this database was restored or copied: run `python -m oms after-restore`, then a hard sync"
        )
    push_enabled, inventory_master, reserve_inventory = settings
    if not push_enabled:
        return "pushes to this shop are switched off"
    if inventory_master == "SHOPIFY":
        return "Shopify is the master of this shop's stock"
    if push.mode == "DELTA" and not reserve_inventory:
        raise SyncMisconfigured(
            f"shop {push.shop_id}: its product store does not reserve inventory, so that nobody can tell"
            " what its orders did to a figure; mode DELTA is refused"
        )
    return None


def _compared(push: Push, locations: Iterable[Location]) -> list[Location]:
    """Leave out, and report, locations with books that no comparison has made sure of yet."""
    if push.mode in ("RECENT", "HARD"):
        return list(locations)
    waiting = {
        one.shopify_location_id
        for one in locations
        if one.compared is None and "DELTA" in (push.mode, one.sync_mode)
    }
    push.report.needs_hard_sync = tuple(sorted({*push.report.needs_hard_sync, *waiting}))
    return [one for one in locations if one.shopify_location_id not in waiting]


def _all_locations(push: Push) -> list[Location]:
    """Return the locations that show our figures, and those from which units of ours are to be taken off."""
    served = locations_to_serve(push)
    return served if push.mode in ("RESTOCK", "UPLOAD") else served + locations_to_empty(push)


def _only(locations: Iterable[Location], numbers: list[int]) -> list[Location]:
    return [one for one in locations if one.shopify_location_id in numbers]


def _settle_leftovers(push: Push, sender: Sender, held: list[int]) -> None:
    """Finish what earlier runs left at the locations we hold, before anything is read."""
    values = {"shop_id": push.shop_id, "locations": held}
    crashpoints.point(LOCKED)
    with push.conn.transaction():
        push.report.superseded += entries.add(push.conn, sending.sql.supersede, values)
    crashpoints.point(SUPERSEDED)
    left = push.conn.execute(sending.sql.open_batches, values | {"key_lives": sending.KEY_LIVES}).fetchall()
    sender.send(in_bulk.follow(sender, [Batch(*row) for row in left]))
    *_, locations = push.conn.execute(sending.sql.left_over, values).fetchone()
    push.report.left_alone = tuple(sorted(locations))


def _plan_and_send(
    push: Push, sender: Sender, locations: list[Location], *, only_looked: bool = False
) -> None:
    report, options = push.report, push.options
    planned_before = report.planned
    plan = snapshot.take_snapshot(push, locations, only_looked=only_looked)
    report.without_stock = tuple(sorted(plan.without_stock))
    if push.mode == "HARD" and not options.dry_run:
        # a change rings for RECENT again; nobody calls for the hard sync that a file of no change has put off
        put_off = {number for number, by_file in plan.without_stock.items() if by_file}
        report.left_alone = tuple(sorted({*report.left_alone, *put_off}))
    if not plan.locations:
        report.message = "no location with stock to serve"
        return
    plan = comparing.decide(push, plan, Deadline(options.push_seconds))
    if options.dry_run:
        report.preview = comparing.preview(push)
        return
    parts = ([Batch.new(batch, push.mode) for batch in part] for part in storing.store(push, plan))
    sender.restart_clock()
    if in_bulk.is_much(sender, -(-(report.planned - planned_before) // options.limit)):
        sender.send(in_bulk.send_in_bulk(sender, itertools.chain.from_iterable(parts)))
    else:
        sender.send((), parts)


def _count_left(push: Push, locations: list[int]) -> None:
    values = {"shop_id": push.shop_id, "locations": locations}
    push.report.left, push.report.oldest_unsent, _ = push.conn.execute(
        sending.sql.left_over, values
    ).fetchone()


@contextmanager
def _locks(conn: Connection, shop_id: str, locations: list[int], seconds: float) -> Iterator[list[int]]:
    """Hold the locks of the locations, and of those that share an unanswered batch with them.

    They are taken in order, so that two runs never wait for each other.
    """
    with locks.given_back(conn) as own:
        with locks.waiting_at_most(conn, seconds):
            wanted = _sharing(conn, shop_id, locations)
            try:
                _take(conn, shop_id, wanted, own)
                while not set(needed := _sharing(conn, shop_id, locations)) <= set(wanted):
                    locks.give_back(conn, *own)
                    own.clear()
                    wanted = needed
                    _take(conn, shop_id, wanted, own)
            except psycopg.errors.LockNotAvailable as error:
                raise ShopBusy(
                    f"shop {shop_id}: another run holds its locations for over {seconds:g} s"
                ) from error
        yield wanted


def _take(conn: Connection, shop_id: str, locations: list[int], own: list[Lock]) -> None:
    for number in locations:
        lock = locks.LOCATION.of(shop_id, number)
        locks.take(conn, lock)
        own.append(lock)


def _sharing(conn: Connection, shop_id: str, locations: list[int]) -> list[int]:
    found: set[int] = set(locations)
    while True:
        values = {"shop_id": shop_id, "locations": sorted(found)}
        more = {row[0] for row in conn.execute(sending.sql.locations_of_open_batches, values)} | found
        if more == found:
            return sorted(found)
        found = more

"""Lets actions happen in the real OMS, a real SFTP folder and the local shop, and compares with the observer.

After every action, and in the middle of pushes, the invariants of design section 8 are checked:
`check_stock` (1, 2), `check_files` (3, 4), `check_calls` (5, INV-56 e), `check_books` (INV-56 a) and, after
each plan, `check_plan` (INV-56 b, c).
"""

import hashlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any

import paramiko
import pytest
from psycopg.rows import dict_row, namedtuple_row

from fakeshop.testing import TOKEN
from oms import catalog, crashpoints, database, parameters
from oms.imports import applying, closing, landing
from oms.imports.errors import FileRefused, OlderFileNotLanded
from oms.imports.jobs import Run
from oms.inventory import checking
from oms.orders import demand, imports
from oms.shopify.client import ShopifyClient
from oms.shopify.errors import ShopifyError
from oms.sync.errors import LinesLeft
from oms.sync.options import PushOptions, Report
from oms.sync.push import push_shop
from tests.oms.imports.conftest import identify
from tests.oms.sync.bench import Bench
from tests.properties.actions import FACILITIES, SKUS, Action, Push
from tests.properties.model import STORES, Cancellation, File, Level, Model, Order, Seen, TillSale

JOBS = {"reset": catalog.IMPORT_INVENTORY_RESET, "variance": catalog.IMPORT_INVENTORY_VARIANCE}
OPEN = ("PLANNED", "SENT", "UNKNOWN")
GONE = ("REJECTED", "SUPERSEDED")
LONG, SHORT = 30.0, 0.3
LOOKS = 3
MOVE = """mutation Move($id: ID!, $to: ID!) {
    fulfillmentOrderMove(id: $id, newLocationId: $to) { userErrors { message } } }"""
ACCOUNT = ("total", "applied", "unchanged", "superseded", "duplicate", "skipped", "rejected")


class Crash(BaseException):
    """Stands for kill -9: nothing may catch it to go on."""


@dataclass(frozen=True)
class World:
    """How a play begins. modes: sync_mode of demo's Main and Store; guarded: RECENT and HARD are, too.

    shown, stock: what the shops show and the OMS has at first, one number each for SKUs in turn.
    """

    modes: tuple[str, str] = ("DELTA", "RECENT")
    guarded: bool = False
    other_shop: bool = False
    basis: str = "ATP"
    shown: tuple[int, ...] = (5, 5)
    stock: tuple[int, ...] = (5, 5)
    opened: bool = True


@dataclass
class Dropped:
    """A file that was dropped under a name."""

    name: str
    file: File
    log_id: int | None = None
    taken: bool = False
    expected: Counter[str] | None = None
    closed: bool = False


@dataclass
class Watch:
    """What is noted while a push runs, at the moments of its snapshot and of its reading."""

    moment: int = 0
    left: frozenset[int] = frozenset()
    booked: dict[Level, int] = field(default_factory=dict)
    told: dict[Level, int] = field(default_factory=dict)
    done: dict[Level, int] = field(default_factory=dict)
    held: dict[Level, int] = field(default_factory=dict)
    changed: Counter[str] = field(default_factory=Counter)
    uncertain: set[Level] = field(default_factory=set)

    def one_sided(self, level: Level) -> int:
        """Units by which book + hand-made changes exceed what a look can see.

        They left `committed` by a fulfilment or an unrestocked cancellation that the OMS had not heard of.
        """
        return self.booked[level] - self.done[level] + self.told[level] - self.held[level]


class Play:
    """One play: the worlds, the observer's model, and the comparison of both."""

    def __init__(
        self, bench: Bench, sftp: paramiko.SFTPClient, root: Path, folder: str, world: World
    ) -> None:
        self.bench, self.server, self.sftp, self.world = bench, bench.server, sftp, world
        self.db = bench.db
        self.model = Model()
        self.files: list[Dropped] = []
        self.ledger: list[tuple] = []
        self.shops = ("demo", "other") if world.other_shop else ("demo",)
        self.levels: list[Level] = []
        self._root, self._folder = root, folder
        self._runs = count(1)
        self._drops = count(1)
        self._lock = Lock()
        self._set_up()

    # setting up

    def _set_up(self) -> None:
        self.db.execute("set lock_timeout = '5s'")
        self.bench.world.facility("S1")
        self.bench.world.facility("OUT", member=False)
        shown = iter(self.world.shown * 4)
        for shop in self.shops:
            places = {"Main": ["_NA_"], "Store": ["S1"]} if shop == "demo" else {"Main": ["_NA_"]}
            products = {}
            for sku in SKUS:
                figures = {place: next(shown) for place in places}
                products[sku] = {"levels": figures}
                for place, figure in figures.items():
                    self.levels.append(Level(shop, place, sku))
                    self.model.first_available[self.levels[-1]] = figure
            self.bench.open_shop(shop, products, locations=places)
        for place, mode in zip(("Main", "Store"), self.world.modes, strict=True):
            self.db.execute(
                "update oms.shop_location set sync_mode = %s where shop_id = 'demo' and location_name = %s",
                (mode, place),
            )
        stock = iter(self.world.stock * 6)
        for sku in SKUS:
            identify(self.db, self.bench.world.products[sku], "SKU", sku)
            for facility in FACILITIES:
                figure = next(stock)
                self.bench.move(sku, figure, facility)
                self.model.move(sku, facility, qoh=figure, atp=figure)
        for kind in JOBS:
            (self._root / self._folder / kind).mkdir(parents=True)
        if self.world.opened:
            for shop in self.shops:
                self.push(Push("HARD", shop))
        self.check()

    # orders

    def place(self, shop: str, location: str, sku: str, quantity: int) -> None:
        if Level(shop, location, sku) not in self.levels:
            return
        placed = self.server.place_order(shop, {"sku": sku, "quantity": quantity, "location": location})
        self.model.orders.append(Order(sku, quantity, shop, location, placed))

    def take_in(self, number: int, stands_at: str) -> None:
        """Take in an order of a shop; one that is known is taken in once more, which changes nothing."""
        order = self._order(number)
        if order is None or order.shop is None:
            return
        line = demand.Line(
            self.bench.world.products[order.sku],
            order.quantity,
            str(order.placed["lines"][0]["id"]),
            order.placed["fulfillment_orders"][0]["location"],
        )
        order_id = demand.take_in(self.db, order.shop, str(order.placed["id"]), [line], stands_at)
        if order.taken_in:
            assert order_id == order.order_id
            return
        order.order_id, order.stands_at = order_id, stands_at
        self.model.touch(order.sku)

    def other_channel(self, sku: str, quantity: int) -> None:
        line = demand.Line(self.bench.world.products[sku], quantity)
        number = demand.take_in(self.db, None, f"other-{len(self.model.orders)}", [line])
        self.model.orders.append(Order(sku, quantity, order_id=number))
        self.model.touch(sku)

    def reserve(self, number: int, facility: str) -> None:
        order = self._order(number)
        if order is None or not order.open_units():
            return
        if order.reserved_at == facility:
            demand.release(self.db, order.order_id, 1)
            self.model.move(order.sku, facility, atp=order.open_units())
            order.reserved_at, order.stands_at = None, "_NA_"
        elif order.reserved_at is None:
            demand.reserve(self.db, order.order_id, 1, facility)
            self.model.move(order.sku, facility, atp=-order.open_units())
            order.reserved_at = order.stands_at = facility
        self.model.touch(order.sku)

    def cancel(self, number: int, quantity: int, restocked: bool) -> None:
        order = self._order(number)
        if order is None or order.is_on_its_way:
            return
        if order.shop is None:
            quantity = min(quantity, order.open_units())
            if quantity:
                order.cancellations.append(Cancellation(quantity, False))
                self._tell(order, order.cancellations[-1])
            return
        quantity = min(quantity, order.held_by_shop())
        if not quantity:
            return
        self._refund(order, quantity, restocked)
        order.cancellations.append(Cancellation(quantity, restocked, location=order.location))

    def _refund(self, order: Order, quantity: int, restocked: bool) -> None:
        part = {
            "sku": order.sku,
            "quantity": quantity,
            "restock_type": "CANCEL" if restocked else "NO_RESTOCK",
        }
        self.server.order_action(order.shop, order.placed["id"], "refund", lines=[part])

    def cancel_here(self, number: int, quantity: int, upload: bool) -> None:
        """The OMS decides to cancel; what it will upload counts at once, the shop hears of it later."""
        order = self._order(number)
        if order is None or order.shop is None or order.is_on_its_way:
            return
        quantity = min(quantity, order.cancellable())
        if quantity <= 0:
            return
        demand.cancel_here(self.db, order.order_id, 1, quantity, upload)
        order.cancellations.append(
            Cancellation(
                quantity, upload, done=not upload, told=True, local=not upload, location=order.location
            )
        )
        if order.reserved_at:
            self.model.move(order.sku, order.reserved_at, atp=quantity)
        self.model.touch(order.sku)

    def hold_at(self, number: int, location: str) -> None:
        """The OMS decides that the shop is to hold an order elsewhere; the shop moves it later."""
        order = self._order(number)
        if order is None or order.shop is None or not order.taken_in or order.is_on_its_way:
            return
        units = order.held_by_shop()
        fits = Level(order.shop, location, order.sku) in self.levels and order.location != location
        if not fits or not units or units != order.held_as_told() or not order.all_told():
            return
        place = self.bench.locations[order.shop, location]
        assert demand.hold_at(self.db, order.order_id, 1, place) == units
        order.decided.append((order.location, location, units))
        self.model.touch(order.sku)

    def upload(self, number: int, given_up: bool) -> None:
        """The shop is told what the OMS has decided of an order, or that is given up."""
        order = self._order(number)
        if order is None or order.shop is None:
            return
        if order.location != order.told_location:
            self._upload_move(order, given_up)
        for one in [one for one in order.cancellations if not one.done]:
            if given_up:
                demand.give_up_upload(self.db, order.order_id, 1, one.quantity)
                one.local = True
            else:
                self._refund(order, one.quantity, True)
            one.done = True
        self.model.touch(order.sku)

    def _upload_move(self, order: Order, given_up: bool) -> None:
        if given_up:
            demand.hold_at(self.db, order.order_id, 1, self.bench.locations[order.shop, order.location])
            source, target, units = order.decided[-1]
            order.decided.append((target, source, units))
            return
        part = next(
            part
            for one in self.server.orders(order.shop)
            if one["id"] == order.placed["id"]
            for part in one["fulfillment_orders"]
            if part["status"] in ("OPEN", "IN_PROGRESS")
        )
        variables = {
            "id": f"gid://shopify/FulfillmentOrder/{part['id']}",
            "to": f"gid://shopify/Location/{self.bench.locations[order.shop, order.told_location]}",
        }
        answer = self.server.graphql(order.shop, MOVE, variables)
        assert answer["data"]["fulfillmentOrderMove"]["userErrors"] == [], answer
        order.moved = list(order.decided)

    def tell(self, number: int) -> None:
        """The OMS learns of what has happened to an order since."""
        order = self._order(number)
        if order is None or not order.taken_in:
            return
        for one in order.cancellations:
            if not one.told:
                self._tell(order, one)
        if order.fulfilled and not order.fulfilled_told:
            demand.fulfilled(self.db, order.order_id, 1)
            order.fulfilled_told = True
            order.fulfilling = False
            self.model.touch(order.sku)

    def _tell(self, order: Order, one: Cancellation) -> None:
        demand.cancel(self.db, order.order_id, 1, one.quantity, one.restocked)
        if order.reserved_at and not order.shipped:
            self.model.move(order.sku, order.reserved_at, atp=one.quantity)
        one.told = True
        self.model.touch(order.sku)

    def keep(self, number: int) -> None:
        """The OMS learns of a cancellation when the units are packed: it delivers them."""
        order = self._order(number)
        if order is None or order.shop is None or not order.reserved_at or not order.open_units():
            return
        for one in order.cancellations:
            if not one.told:
                demand.keep(self.db, order.order_id, 1, one.quantity, one.restocked)
                one.told = one.kept = True
        self.model.touch(order.sku)

    def ship(self, number: int, ours: bool) -> None:
        """A reserved order leaves; then the shop hears of it, from us or from somebody else."""
        order = self._order(number)
        if order is None:
            return
        if order.reserved_at and order.open_units():
            units = order.open_units()
            demand.ship(self.db, order.order_id, 1)
            self.model.move(order.sku, order.reserved_at, qoh=-units)
            order.shipped = True
            self.model.touch(order.sku)
        elif order.shipped and order.held_by_shop() and not order.is_on_its_way and not order.fulfilling:
            if ours:
                demand.fulfilling(self.db, order.order_id, 1)
                order.fulfilling = True
            self.server.order_action(order.shop, order.placed["id"], "fulfil")
            order.fulfilled = True

    # tills of the shop

    def sell_at_till(self, shop: str, location: str, sku: str, quantity: int) -> None:
        if Level(shop, location, sku) not in self.levels:
            return
        line = {"sku": sku, "quantity": quantity, "location": location}
        placed = self.server.place_order(shop, line)
        self.server.order_action(shop, placed["id"], "fulfil")
        self.model.till_sales.append(TillSale(shop, location, sku, quantity, placed))

    def return_to_till(self, number: int) -> None:
        """A customer brings a unit back; the shop puts it on sale again."""
        sale = self._till_sale(number)
        if sale is None or sale.back == sale.quantity:
            return
        place = self.bench.locations[sale.shop, sale.location]
        part = {"sku": sale.sku, "quantity": 1, "restock_type": "RETURN", "location": place}
        self.server.order_action(sale.shop, sale.placed["id"], "refund", lines=[part])
        sale.back += 1

    def take_in_till_sale(self, number: int) -> None:
        """The OMS learns of a sale at a till and of what came back of it."""
        sale = self._till_sale(number)
        if sale is None:
            return
        product, facility = self.bench.world.products[sale.sku], STORES.get(sale.location, "WH")
        if sale.order_id is None:
            line = demand.Line(
                product,
                sale.quantity,
                str(sale.placed["lines"][0]["id"]),
                self.bench.locations[sale.shop, sale.location],
                "HANDED_OVER",
                facility,
            )
            sale.order_id = demand.take_in(self.db, sale.shop, str(sale.placed["id"]), [line])
            self.model.move(sale.sku, facility, qoh=-sale.quantity, atp=-sale.quantity)
        while sale.back_told < sale.back:
            sale.back_told += 1
            known = str(sale.back_told)
            assert demand.refunded(self.db, sale.order_id, 1, 1, known)
            assert demand.return_received(self.db, sale.order_id, 1, 1, facility, known)
            self.model.move(sale.sku, facility, qoh=1, atp=1)
        self.model.touch(sale.sku)

    def _till_sale(self, number: int) -> TillSale | None:
        sales = self.model.till_sales
        return sales[number % len(sales)] if sales else None

    def import_orders(self, shop: str) -> None:
        """A run of all imports of orders of a shop: afterwards the OMS knows what the shop does."""
        if shop not in self.shops:
            return
        run = imports.began(self.db, shop, "play", ("orders", "changes", "returns"))
        for number, order in enumerate(self.model.orders):
            if order.shop == shop:
                self.take_in(number, order.stands_at)
                self.tell(number)
        for number, sale in enumerate(self.model.till_sales):
            if sale.shop == shop:
                self.take_in_till_sale(number)
        imports.ended(self.db, run)

    def _order(self, number: int) -> Order | None:
        orders = self.model.orders
        return orders[number % len(orders)] if orders else None

    # settings and hands

    def by_hand(self, sku: str, delta: int, location: str) -> None:
        level = Level("demo", location, sku)
        self.server.adjust("demo", sku, location, delta=delta)
        self.model.by_hand[level] += delta
        self.model.touched_by_hand.add(level)
        self.model.not_found[level] += delta

    def setting(self, sku: str, facility: str, minimum: int, sells: bool) -> None:
        self.bench.world.setting(self.bench.world.products[sku], facility, minimum, None if sells else False)
        if facility == "CONFIGURATION":
            self.model.threshold[sku] = minimum
        else:
            self.model.safety[sku, facility] = minimum
            (self.model.switched_off.discard if sells else self.model.switched_off.add)((sku, facility))
        self.model.touch(sku)

    # files

    def drop(self, file: File, name: str | None = None) -> None:
        """A sender puts a complete file into the folder of its job."""
        name = name or f"{file.kind}_{next(self._drops)}.csv"
        (self._root / self._folder / file.kind / name).write_bytes(file.content())
        self.files.append(Dropped(name, file))

    def drop_again(self, number: int, same_name: bool, crash_at: str | None) -> None:
        if not self.files:
            return
        first = self.files[number % len(self.files)]
        if same_name and not all(one.closed for one in self.files if one.name == first.name):
            return
        self.drop(first.file, first.name if same_name else None)
        self.run_import(first.file.kind, crash_at)

    def run_import(self, kind: str, crash_at: str | None = None) -> None:
        """What a DAG run does: land, apply each chunk, close; or the same until it dies."""
        conn = database.connect(self.bench.dsn, autocommit=True)
        abandoned = self._abandoned()
        try:
            with self._crashing(crash_at):
                self._import(conn, kind)
        except Crash:
            pass
        except OlderFileNotLanded:
            assert abandoned & ({"reset", "delta"} if kind == "reset" else {"reset"}), "nothing older is open"
        except FileRefused:
            assert any(one.file.is_refused for one in self.files), "all files were whole"
        finally:
            server = conn.info.backend_pid
            conn.close()
            self._wait_for_end([server])
        self._note_files()

    def _import(self, conn: database.Connection, kind: str) -> None:
        job = JOBS[kind]
        run = Run(job.dag_id, f"import__{next(self._runs)}")
        params = parameters.resolve(job, {"importPath": f"{self._folder}/{kind}"}) | {"settleSeconds": 0}
        for chunk in landing.land(conn, self.sftp, job, params, run):
            applying.apply_chunk(conn, chunk, self._open_sftp)
        account = closing.close(conn, self.sftp, job, run)
        account.raise_if_open()

    @contextmanager
    def _open_sftp(self) -> Iterator[paramiko.SFTPClient]:
        yield self.sftp

    def _wait_for_end(self, servers: list[int]) -> None:
        """Wait until the server processes of closed connections, and with them their locks, are gone."""
        deadline = time.monotonic() + 10
        while self.db.execute("select from pg_stat_activity where pid = any (%s)", (servers,)).fetchone():
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def _abandoned(self) -> set[str]:
        """Kinds of files whose landing was broken off."""
        rows = self.db.execute("select kind from oms.import_log where status = 'DmlsLanding'")
        return {kind for (kind,) in rows}

    def lose_staging(self) -> None:
        tables = self.db.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname = 'oms_staging'"
        ).fetchall()
        for (name,) in tables:
            self.db.execute(f"truncate {name}")

    def _note_files(self) -> None:
        """Let the model take what was taken since the last look, in the order in which it was."""
        logs = self.db.cursor(row_factory=namedtuple_row).execute(
            """select log.log_id, log.file_name, log.status, log.closed_at is not null as closed,
                      log.content_sha256 as sha256, min(chunk.applied_at) as applied_at,
                      bool_and(chunk.applied_at is not null) as applied
                 from oms.import_log as log
                 left join oms.import_chunk as chunk using (load_id)
                group by log.log_id
                order by min(chunk.applied_at) nulls last, log.log_id"""
        )
        for log in logs.fetchall():
            dropped = self._dropped(log.log_id, log.file_name)
            dropped.closed = log.closed
            if dropped.taken or log.status == "DmlsFailed":
                continue
            if log.applied or (log.status == "DmlsFinished" and log.applied_at is None):
                dropped.taken = True
                dropped.expected = self._take(dropped)

    def _dropped(self, log_id: int, name: str) -> Dropped:
        for one in self.files:
            if one.log_id == log_id:
                return one
        found = next(one for one in self.files if one.log_id is None and one.name == name)
        found.log_id = log_id
        return found

    def _take(self, dropped: Dropped) -> Counter[str]:
        repeats = [
            one
            for one in self.files
            if one is not dropped
            and one.file == dropped.file
            and one.log_id is not None
            and one.log_id < dropped.log_id
        ]
        if dropped.file.kind == "variance" and repeats:
            rows = len(dropped.file.rows)
            return Counter(total=rows, duplicate=rows)
        return self.model.apply(dropped.file)

    # pushes

    def push(self, action: Push) -> None:
        """Run a push job; a calm one must finish everything it finds."""
        if action.shop not in self.shops:
            return
        watch = Watch()
        run_id = f"push__{next(self._runs)}"
        compared_before = self._opened()
        if action.fault:
            self.server.fault(shop=action.shop, **action.fault.values())
        fired = []
        patience = SHORT if action.fault and action.fault.stubborn else LONG
        try:
            with self._watching(action, watch, fired):
                report = self._run_push(action, run_id, patience)
        except (Crash, LinesLeft, ShopifyError):
            assert fired or action.fault, "an undisturbed push failed"
            report = None
        finally:
            self.server.clear_faults()
        self._note_plan(action, run_id, watch, compared_before, disturbed=bool(fired))
        if report and not fired and not action.fault and action.again:
            self._push_again(action)

    def _run_push(self, action: Push, run_id: str, patience: float) -> Report:
        options = PushOptions(
            run_type=action.run_type,
            guard_undownloaded_orders=self.world.guarded,
            limit=action.limit,
            max_drop_pct=None,
            push_seconds=patience,
            retry_pause=0.01,
            lock_seconds=10,
            bulk_above_seconds=-1.0 if action.bulk else 120.0,
        )
        client = ShopifyClient(self.server.base(action.shop), TOKEN, patience=patience, timeout=(2.0, 10.0))
        servers: list[int] = []

        def connect() -> database.Connection:
            conn = database.connect(self.bench.dsn)
            servers.append(conn.info.backend_pid)
            return conn

        try:
            return push_shop(connect, client, action.shop, action.mode, options, run_id)
        finally:
            client.close()
            self._wait_for_end(servers)

    def push_side_by_side(self, *actions: Push) -> None:
        """Two calm runs at once: each is what it would have been alone, one after the other."""
        ours = [action for action in actions if action.shop in self.shops]
        watches, run_ids = [Watch() for _ in ours], [f"push__{next(self._runs)}" for _ in ours]
        before = self._opened()
        for action, watch in zip(ours, watches, strict=True):
            self._note_snapshot(action.shop, watch)
            self._note_reading(action.shop, watch)
        with ThreadPoolExecutor(2) as pool:
            for _ in pool.map(lambda one: self._run_push(*one, LONG), zip(ours, run_ids, strict=True)):
                pass
        watch_of = {action.shop: watch for action, watch in zip(ours, watches, strict=True)}
        for level in self._opened() - before:
            self._note_opening(level, watch_of[level.shop])
        for action, run_id, watch in zip(ours, run_ids, watches, strict=True):
            self._note_plan(action, run_id, watch, before, disturbed=True)

    def age(self) -> None:
        """The keys of unanswered calls get too old; what else has moved the levels makes them unreadable."""
        _, drift = self._waiting({})
        for level in self.levels:
            told = self.model.acts_booked(level), self.model.held_as_told(level)
            done = self.model.acts_done(level), self.model.held_by_shop(level)
            if told != done or self.model.not_found[level] != drift[level]:
                return
        self.db.execute(
            """update oms.sync_batch set first_sent_at = first_sent_at - interval '24 hours'
                where status in ('SENT', 'UNKNOWN')"""
        )

    def _push_again(self, action: Push) -> None:
        """The same run once more sends nothing and changes nothing (design 8.4)."""
        before = self.server.levels(action.shop), self._ledger(), len(self.server.journal(action.shop))
        report = self._run_push(action, f"push__{next(self._runs)}", LONG)
        assert (report.planned, report.sent) == (0, 0), report.table()
        assert before == (
            self.server.levels(action.shop),
            self._ledger(),
            len(self.server.journal(action.shop)),
        )

    @contextmanager
    def _watching(self, action: Push, watch: Watch, fired: list[str]) -> Iterator[None]:
        """Note what a plan knows, and let happen what is to happen at a point of it."""

        def point(name: str) -> None:
            if name == "plan.snapshot_taken":
                self._note_snapshot(action.shop, watch)
            if name == "plan.levels_read":
                self._note_reading(action.shop, watch)
            with self._lock:
                if name != action.at or fired:
                    return
                fired.append(name)
                if action.then is None:
                    raise Crash(name)
                self.check_books()
                action.then.do(self)
                self.check_books()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(crashpoints, "point", point)
            yield

    @contextmanager
    def _crashing(self, at: str | None) -> Iterator[None]:
        def point(name: str) -> None:
            if name == at:
                raise Crash(name)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(crashpoints, "point", point)
            yield

    def _note_snapshot(self, shop: str, watch: Watch) -> None:
        watch.moment = self.model.moment
        watch.changed = Counter(self.model.changed)
        watch.left = self._left_the_book(shop)
        watch.uncertain = {level for level in self._levels_of(shop) if self.model.is_fulfilling(level)}
        for level in self._levels_of(shop):
            watch.booked[level] = self.model.acts_booked(level)
            watch.told[level] = self.model.held_as_told(level)

    def _note_reading(self, shop: str, watch: Watch) -> None:
        watch.uncertain |= {level for level in self._levels_of(shop) if self.model.is_fulfilling(level)}
        for level in self._levels_of(shop):
            watch.done[level] = self.model.acts_done(level)
            watch.held[level] = self.model.held_by_shop(level)

    def _note_plan(
        self, action: Push, run_id: str, watch: Watch, opened_before: set[Level], *, disturbed: bool
    ) -> None:
        """Learn which locations were planned, and check what the plan has led to."""
        opened = self._opened()
        marked = self.db.execute(
            """select location.location_name from oms.sync_mark as mark
                 join oms.shop_location as location using (shop_id, shopify_location_id)
                where mark.shop_id = %s and mark.planned_by = %s""",
            (action.shop, run_id),
        ).fetchall()
        locations = {name for (name,) in marked}
        compares = self._levels_of(action.shop) if action.mode != "DELTA" else []
        served = [level for level in compares if level.location in locations]
        looked = [level for level in served if action.mode == "HARD" or self._is_stale(level, watch)]
        due = [level for level in served if watch.changed[level.sku] > self.model.compared[level]]
        for location in locations:
            self.model.planned[action.shop, location] = Seen(watch.moment, watch.left)
        for level in looked:
            self.model.compared[level] = watch.moment
            if level in opened - opened_before:
                self._note_opening(level, watch)
        self.check_looks([level for level in looked if self._is_strict(level)], watch)
        self.check_books()
        if not disturbed:
            self.check_unguarded([level for level in {*looked, *due} if not self._is_strict(level)])

    def _note_opening(self, level: Level, watch: Watch) -> None:
        """What a first comparison cannot know looks later as if somebody had changed the level by hand."""
        self.model.not_found[level] = watch.one_sided(level)
        if self.model.not_found[level]:
            self.model.touched_by_hand.add(level)

    def _is_stale(self, level: Level, watch: Watch | None = None) -> bool:
        """Whether something of a level happened that its last plan has not seen; as of a watch, or now."""
        seen = self.model.planned.get((level.shop, level.location))
        if seen is None:
            return True
        changed = (watch.changed if watch else self.model.changed)[level.sku]
        left = watch.left if watch else self._left_the_book(level.shop)
        mine = self._lines_of(level)
        return changed > seen.moment or bool((left - seen.left) & mine)

    # looking

    def _levels_of(self, shop: str) -> list[Level]:
        return [level for level in self.levels if level.shop == shop]

    def _is_strict(self, level: Level) -> bool:
        """Whether comparisons of the level are guarded, so that its equation must hold."""
        return self.world.guarded or self._mode(level) == "DELTA"

    def _mode(self, level: Level) -> str:
        if level.shop != "demo":
            return "RECENT"
        return dict(zip(("Main", "Store"), self.world.modes, strict=True))[level.location]

    def _level(self, shop: str, location: int, item: int) -> Level:
        place = next(
            name for (of, name), number in self.bench.locations.items() if (of, number) == (shop, location)
        )
        sku = next(name for (of, name), number in self.bench.items.items() if (of, number) == (shop, item))
        return Level(shop, place, sku)

    def _opened(self) -> set[Level]:
        rows = self.db.execute(
            """select shop_id, shopify_location_id, shopify_inventory_item_id
                 from oms.sync_level where opened_at is not null"""
        )
        return {self._level(*row) for row in rows}

    def _left_the_book(self, shop: str) -> frozenset[int]:
        rows = self.db.execute(
            "select line_id from oms.sync_line where shop_id = %s and status = any (%s)", (shop, list(GONE))
        )
        return frozenset(number for (number,) in rows)

    def _lines_of(self, level: Level) -> frozenset[int]:
        rows = self.db.execute(
            """select line_id from oms.sync_line
                where shop_id = %s and shopify_location_id = %s and shopify_inventory_item_id = %s""",
            (
                level.shop,
                self.bench.locations[level.shop, level.location],
                self.bench.items[level.shop, level.sku],
            ),
        )
        return frozenset(number for (number,) in rows)

    def _ledger(self) -> list[tuple]:
        return self.db.execute("select * from oms.inventory_ledger order by entry_id").fetchall()

    def _available(self) -> dict[Level, int]:
        return {
            Level(shop, one["location_name"], one["sku"]): one["available"]
            for shop in self.shops
            for one in self.server.levels(shop)
        }

    def _executed(self) -> dict[str, Counter[Level]]:
        """What each idempotency key did; no key may have done anything twice."""
        done: dict[str, Counter[Level]] = {}
        for shop in self.shops:
            for entry in self.server.journal(shop):
                if entry["key"]:
                    assert entry["key"] not in done, f"batch {entry['key']} was executed twice"
                    done[entry["key"]] = Counter()
                    for name, delta, item, location, *_ in entry["changes"]:
                        if name == "available":
                            done[entry["key"]][self._level(shop, location, item)] += delta
        return done

    # what must hold

    def check(self) -> None:
        """Everything that must hold whenever nobody is in the middle of something."""
        self.check_stock()
        self.check_files()
        self.check_calls()
        self.check_books()

    def check_stock(self) -> None:
        """Position = Σ ledger = what the observer expects; the ledger only grows."""
        assert checking.breaches(self.db) == []
        now = self._ledger()
        assert now[: len(self.ledger)] == self.ledger, "an entry of the ledger has changed"
        self.ledger = now
        found = self.db.execute(
            """select product.internal_name, item.facility_id, sum(item.qoh)::integer, sum(item.atp)::integer
                 from oms.inventory_item as item join oms.product using (product_id)
                group by 1, 2"""
        ).fetchall()
        expected = {key: (one.qoh, one.atp) for key, one in self.model.stock.items() if one.qoh or one.atp}
        assert {(sku, place): (qoh, atp) for sku, place, qoh, atp in found if qoh or atp} == expected

    def check_files(self) -> None:
        """Rows in = rows accounted for as the observer does it; rejects kept byte for byte; files moved."""
        logs = self.db.cursor(row_factory=dict_row).execute(
            "select * from oms.import_log where closed_at is not null order by log_id"
        )
        for log in logs.fetchall():
            dropped = next(one for one in self.files if one.log_id == log["log_id"])
            folder = self._root / self._folder / dropped.file.kind
            content = dropped.file.content()
            assert (log["status"] == "DmlsFailed") == dropped.file.is_refused, log
            where = "error" if dropped.file.is_refused else "archive"
            assert (folder / where / f"{log['log_id']}_{dropped.name}").read_bytes() == content
            if dropped.file.is_refused:
                assert log["applied_count"] == 0
                continue
            assert bytes(log["content_sha256"]) == hashlib.sha256(content).digest()
            counts = Counter({name: log[f"{name}_count"] for name in ACCOUNT})
            assert counts == dropped.expected, (dropped, counts)
            bad = [] if counts["duplicate"] else dropped.file.bad()
            kept = self.db.execute(
                "select line_number, raw from oms.import_reject where log_id = %s order by 1",
                (log["log_id"],),
            ).fetchall()
            assert [(number, bytes(raw)) for number, raw in kept] == bad
            rejected = folder / "error" / f"{log['log_id']}_{dropped.name}"
            assert rejected.exists() == bool(bad)
            if bad:
                lines = rejected.read_bytes().splitlines()[1:]
                assert [line[-len(raw) :] for line, (_, raw) in zip(lines, bad, strict=True)] == [
                    raw for _, raw in bad
                ]

    def check_calls(self) -> None:
        """Each stored line is executed exactly once or, REJECTED or SUPERSEDED, never (INV-56 e)."""
        done = self._executed()
        batches = self.db.cursor(row_factory=namedtuple_row).execute(
            "select batch_id::text, shop_id, status, payload from oms.sync_batch"
        )
        known = set()
        for batch in batches.fetchall():
            known.add(batch.batch_id)
            if batch.batch_id in done:
                assert batch.status in ("SENT", "UNKNOWN", "APPLIED"), f"{batch} was executed"
                assert done[batch.batch_id] == self._asked(batch.shop_id, batch.payload)
            else:
                assert batch.status != "APPLIED", f"{batch} was never executed"
        assert set(done) <= known, "somebody called without a stored batch"
        odd = self.db.execute(
            """select line.line_id, line.status, batch.status
                 from oms.sync_line as line join oms.sync_batch as batch using (batch_id)
                where line.status <> batch.status
                  and (line.status, batch.status) <> ('PLANNED', 'SENT')"""
        ).fetchall()
        assert odd == []

    def _asked(self, shop: str, payload: str) -> Counter[Level]:
        asked: Counter[Level] = Counter()
        for change in json.loads(payload)["changes"]:
            location, item = (
                int(change[name].rsplit("/", 1)[1]) for name in ("locationId", "inventoryItemId")
            )
            asked[self._level(shop, location, item)] += change["delta"]
        return asked

    def check_books(self) -> None:
        """The equation of inventory.md 6.7 at every guarded level; after a plan also what it promises (c)."""
        done, available = self._executed(), self._available()
        api: Counter[Level] = Counter()
        for changes in done.values():
            for level, delta in changes.items():
                api[level] += delta
        waiting, drift = self._waiting(done)
        books = {
            self._level(*row[:3]): row[3]
            for row in self.db.execute(
                """select shop_id, shopify_location_id, shopify_inventory_item_id, book
                     from oms.sync_level where opened_at is not null"""
            )
        }
        for level in self.levels:
            acts = self.model.acts_done(level)
            expected = self.model.first_available[level] + self.model.by_hand[level] + acts + api[level]
            assert available[level] == expected, f"{level} in the shop"
            if level not in books or not self._is_strict(level):
                continue
            assert not drift[level] or level in self.model.touched_by_hand, f"nobody has changed {level}"
            known = available[level] + self.model.not_taken_in(level)
            hand = self.model.not_found[level] - drift[level]
            planned, is_open = sum(waiting[level]), bool(waiting[level])
            assert known + planned == books[level] + hand, (
                f"{level}: available {available[level]} + not taken in {self.model.not_taken_in(level)}"
                f" + planned {planned} <> book {books[level]} + by hand {hand}"
            )
            if not is_open and not self._is_stale(level):
                self._check_promise(level, known - hand)

    def _check_promise(self, level: Level, known: int) -> None:
        """With nothing open, Shopify + not yet taken in = desired (at most 0 where that is 0; INV-56 c)."""
        desired = self.model.desired(level, self.model.held_back(level))
        assert known == desired or (desired == 0 and known <= 0), (
            f"{level} shows {known} apart from orders not taken in and changes by hand, should be {desired}"
        )

    def _waiting(self, done: dict[str, Counter[Level]]) -> tuple[dict[Level, list[int]], Counter[Level]]:
        """Deltas of planned lines that Shopify has not executed, and drift that the OMS has found."""
        waiting: defaultdict[Level, list[int]] = defaultdict(list)
        lines = self.db.execute(
            """select shop_id, shopify_location_id, shopify_inventory_item_id, batch_id::text, delta
                 from oms.sync_line where status = any (%s)""",
            (list(OPEN),),
        )
        for *place, batch, delta in lines:
            waiting[self._level(*place)].append(0 if batch in done else delta)
        drift: Counter[Level] = Counter()
        for *place, amount in self.db.execute(
            """select shop_id, shopify_location_id, shopify_inventory_item_id, amount
                 from oms.sync_book where kind = 'drift'"""
        ):
            drift[self._level(*place)] += amount
        return waiting, drift

    def check_looks(self, levels: list[Level], watch: Watch) -> None:
        """A drift is written down where somebody changed Shopify alone, and nowhere else (INV-56 b)."""
        found = {
            self._level(*row[:3]): row[3]
            for row in self.db.execute(
                "select shop_id, shopify_location_id, shopify_inventory_item_id, drift from oms.sync_look"
            )
        }
        _, drift = self._waiting({})
        for level in levels:
            expected = self.model.not_found[level] - drift[level] - watch.one_sided(level)
            if level not in watch.uncertain:
                assert found.get(level, 0) == expected, f"drift of {level}"

    def check_unguarded(self, levels: list[Level]) -> None:
        """An unguarded comparison shows what is desired, once all orders are told."""
        available = self._available()
        waiting, _ = self._waiting({})
        for level in levels:
            desired = self.model.desired(level)
            if waiting[level] or not self.model.everything_told(level):
                continue
            assert available[level] == desired or (desired == 0 and available[level] <= 0), (
                f"{level} shows {available[level]}, should be {desired}"
            )

    def finish(self) -> None:
        """Everything is told, imported and compared: all levels show what they should (INV-56 d)."""
        for kind in ("reset", "variance", "reset", "variance"):
            self.run_import(kind)
        assert all(one.closed for one in self.files), self.files
        for number in range(len(self.model.orders)):
            self.upload(number, given_up=False)
        for shop in self.shops:
            for _ in range(LOOKS):
                self.import_orders(shop)
                self.push(Push("HARD", shop))
            waiting, drift = self._waiting({})
            available = self._available()
            for level in self._levels_of(shop):
                assert not waiting[level]
                if self._is_strict(level):
                    assert drift[level] == self.model.not_found[level], f"{level} has a drift left"
                desired = self.model.desired(level)
                assert available[level] == desired or (desired == 0 and available[level] <= 0), (
                    f"{level} shows {available[level]} in the end, should be {desired}"
                )
        self.check()


def play(begin: Callable[[World], Any], world: World, *actions: Action) -> None:
    """Play a sequence from its beginning to its settled end, checking after each action."""
    with begin(world) as stage:
        for action in actions:
            action.do(stage)
            stage.check()
        stage.finish()

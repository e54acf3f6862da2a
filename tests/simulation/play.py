"""Lets actions happen in the real OMS, a real SFTP folder and the local shop, and compares with the observer.

After every action, and in the middle of pushes, the invariants of architecture.md 8 are checked:
`check_stock` (1, 2), `check_files` (3, 4), `check_calls` (5, INV-56 e), `check_books` (INV-56 a) and, after
each plan, `check_plan` (INV-56 b, c).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import paramiko
import pytest

from oms.inventory import kits
from tests.oms.imports.conftest import identify
from tests.oms.sync.bench import Bench
from tests.simulation.actions import Action, Push, RunRestocks
from tests.simulation.calling import Calls
from tests.simulation.file_model import STOCK, erp_item, erp_place
from tests.simulation.importing import JOBS, Imports
from tests.simulation.model import BOX, DEPLETES_ON_PACK, FACILITIES, KIT, SKUS, Level
from tests.simulation.ordering import Orders
from tests.simulation.pushing import Pushes
from tests.simulation.shipping import Shipping
from tests.simulation.stage import Crash, World

LOOKS = 3


class Play(Orders, Imports, Shipping, Calls, Pushes):
    """One play: the worlds, the observer's model, and the comparison of both."""

    def __init__(
        self, bench: Bench, sftp: paramiko.SFTPClient, root: Path, folder: str, world: World
    ) -> None:
        super().__init__(bench, sftp, root, folder, world)
        self.db.execute("set lock_timeout = '5s'")
        self._open_facilities()
        self._open_shops()
        self._stock_up()
        for kind in JOBS:
            (self._root / self._folder / kind).mkdir(parents=True)
        self.open_outside()
        if self.world.opened:
            for shop in self.shops:
                self.push(Push("HARD", shop))
        self.check()

    # setting up

    def _open_facilities(self) -> None:
        for facility in FACILITIES[1:]:
            self.bench.world.facility(facility, member=facility != "OUT")
        for facility in FACILITIES:
            self.db.execute(
                "update oms.facility set external_id = %s, deplete_on_pack = %s where facility_id = %s",
                (erp_place(facility), facility == DEPLETES_ON_PACK, facility),
            )

    def _open_shops(self) -> None:
        shown = iter(self.world.shown * 6)
        for shop in self.shops:
            places = {"Main": ["_NA_"], "Store": ["S1"]} if shop == "demo" else {"Main": ["_NA_"]}
            products = {}
            for sku in self.skus:
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
        self.db.execute(
            "update oms.shop_location set physical_basis = %s where location_name = 'Store'",
            (self.world.basis,),
        )

    def _stock_up(self) -> None:
        stock = iter(self.world.stock * 6)
        for sku in self.skus:
            product = self.bench.world.products[sku]
            identify(self.db, product, "SKU", sku)
            identify(self.db, product, "NETSUITE_PRODUCT_ID", erp_item(sku))
        self.note_moment()
        for sku in SKUS:
            for facility in FACILITIES:
                figure = next(stock)
                self.bench.move(sku, figure, facility)
                self.model.move(sku, facility, qoh=figure, atp=figure)
        self.note_moment()
        if self.world.kit:
            self.define_kit(KIT, self.world.kit)
        if self.world.box:
            self.define_kit(BOX, self.world.box)

    # settings, kits and hands

    def by_hand(self, sku: str, delta: int, location: str) -> None:
        if sku not in self.skus:
            return
        level = Level("demo", location, sku)
        self.server.adjust("demo", sku, location, delta=delta)
        self.model.by_hand[level] += delta
        self.model.touched_by_hand.add(level)
        self.model.not_found[level] += delta

    def setting(self, sku: str, facility: str, minimum: int, sells: bool) -> None:
        if sku not in self.skus:
            return
        self.bench.world.setting(self.bench.world.products[sku], facility, minimum, None if sells else False)
        self.model.set(sku, facility, minimum, None if sells else False)

    def define_kit(self, kit: str, units: tuple[int, int]) -> None:
        """A kit contains so many units of each of its parts from now on."""
        if kit not in self.skus:
            return
        parts = dict(zip(SKUS if kit == KIT else (KIT, SKUS[0]), units, strict=True))
        changed = kits.define(self.db, self._definition(kit, parts))
        assert bool(changed) == (parts != self.model.kits.get(kit))
        if changed:
            self.model.kits[kit] = parts
            self.model.touch(kit)

    def close_circle(self) -> None:
        """Somebody puts the box into the kit that it contains: refused as a whole."""
        if BOX in self.skus:
            with pytest.raises(kits.BadKits):
                kits.define(self.db, self._definition(KIT, {SKUS[0]: 9, BOX: 1}))

    @staticmethod
    def _definition(kit: str, parts: dict[str, int]) -> list[dict[str, str]]:
        return [{"kit_sku": kit, "component_sku": sku, "quantity": str(n)} for sku, n in parts.items()]

    def make_kits(self, include_all: bool, crash_at: str | None) -> None:
        """A run of the job that gives kits their balances; after one that died, another one."""
        if not self.world.kit:
            return
        for attempt in (crash_at, None) if crash_at else (None,):
            try:
                with self._crashing(attempt):
                    kits.compute_kits(self.db, f"kits/{next(self._runs)}", include_all=include_all)
            except Crash:
                continue
        self.model.make_kits()

    # the end

    def finish(self) -> None:
        """Everything is told, imported and compared: all levels show what they should (INV-56 d)."""
        for number, one in enumerate(one for one in self.files.files if one.held):
            if one.decision is None:
                self.decide(number, True, None)
        for kind in (*STOCK, *JOBS, *JOBS):
            if any(one.file.kind == kind and not one.closed for one in self.files.files):
                self.run_import(kind)
        assert all(one.closed for one in self.files.files), self.files.files
        if self.model.restocks:
            self.run_restocks(RunRestocks())
        if self.words:
            for number in range(len(self.words)):
                self.deliver(number)
            self.receive(limit=100)
        if self.world.kit:
            self.make_kits(include_all=False, crash_at=None)
        for number in range(len(self.model.orders)):
            self.upload(number, given_up=False)
        for shop in self.shops:
            for _ in range(LOOKS):
                self.import_orders(shop)
                self.push(Push("HARD", shop))
            waiting, drift = self._waiting({})
            shown = self._shown()
            for level in self._levels_of(shop):
                assert not waiting[level]
                figure = shown[level]
                if self._is_strict(level):
                    assert drift[level] == self.model.not_found[level], f"{level} has a drift left"
                    if self.model.by_on_hand(level):
                        figure += self.model.not_taken_in(level)
                desired = self.model.desired(level)
                assert figure == desired or (desired == 0 and figure <= 0), (
                    f"{level} shows {shown[level]} in the end, should be {desired}"
                )
        self.check()


def play(begin: Callable[[World], Any], world: World, *actions: Action) -> None:
    """Play a sequence from its beginning to its settled end, checking after each action."""
    with begin(world) as stage:
        for action in actions:
            action.do(stage)
            stage.check()
        stage.finish()

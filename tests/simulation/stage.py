"""The worlds of a play, and how to look at them: what all parts of a play stand on."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Lock

import paramiko
import pytest

from oms import crashpoints
from tests.oms.sync.bench import Bench
from tests.simulation.file_model import Dropped, FileModel
from tests.simulation.model import BOX, KIT, SKUS, Level, Model, Moment

GONE = ("REJECTED", "SUPERSEDED")
LONG, SHORT = 30.0, 0.3
"""Seconds for which a run goes on trying: undisturbed, and where trying does not help."""


class Crash(BaseException):
    """Stands for kill -9: nothing may catch it to go on."""


@dataclass(frozen=True)
class World:
    """How a play begins. modes: sync_mode of demo's Main and Store; guarded: RECENT and HARD are, too.

    basis: what Store shows of its facility (ATP, COMPUTED_ATP or QOH).

    shown, stock: what the shops show and the OMS has at first, one number each for SKUs in turn. kit: units
    of each SKU in a kit, box: of the kit and of A in a kit around it; the OMS and the shops sell both too.
    max_drop: per cent by which a reset may cut a facility without a person's approval.
    """

    modes: tuple[str, str] = ("DELTA", "RECENT")
    guarded: bool = False
    other_shop: bool = False
    basis: str = "ATP"
    shown: tuple[int, ...] = (5, 5)
    stock: tuple[int, ...] = (5, 5)
    opened: bool = True
    kit: tuple[int, int] | None = None
    box: tuple[int, int] | None = None
    max_drop: int | None = None


class Stage:
    """The real OMS, a real SFTP folder and the local shop, beside the observer's records."""

    def __init__(
        self, bench: Bench, sftp: paramiko.SFTPClient, root: Path, folder: str, world: World
    ) -> None:
        self.bench, self.server, self.sftp, self.world = bench, bench.server, sftp, world
        self.db = bench.db
        self.model = Model(world.basis)
        self.files = FileModel(self.model, world.max_drop)
        self.moments: list[Moment] = []
        self.ledger: list[tuple] = []
        self.shops = ("demo", "other") if world.other_shop else ("demo",)
        self.skus = (*SKUS, *([KIT] if world.kit else []), *([BOX] if world.box else []))
        self.levels: list[Level] = []
        self._root, self._folder = root, folder
        self._runs = count(1)
        self._drops = count(1)
        self._lock = Lock()

    # looking

    def reject_file(self, dropped: Dropped) -> Path:
        """Where the refused lines of a file are."""
        return self._root / self._folder / dropped.file.kind / "error" / f"{dropped.log_id}_{dropped.name}"

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

    def _shown(self) -> dict[Level, int]:
        """What the shops show: available or, where the basis is QOH, on_hand."""
        levels = {
            Level(shop, one["location_name"], one["sku"]): one
            for shop in self.shops
            for one in self.server.levels(shop)
        }
        return {
            level: one["on_hand" if self.model.by_on_hand(level) else "available"]
            for level, one in levels.items()
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

    @contextmanager
    def _not_needed(self, name: str) -> Iterator[None]:
        raise AssertionError(f"nobody needs {name} here")
        yield

    # dying

    @contextmanager
    def _crashing(self, at: str | None) -> Iterator[None]:
        def point(name: str) -> None:
            if name == at:
                raise Crash(name)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(crashpoints, "point", point)
            yield

    def _wait_for_end(self, servers: list[int]) -> None:
        """Wait until the server processes of closed connections, and with them their locks, are gone."""
        deadline = time.monotonic() + 60
        while self.db.execute("select from pg_stat_activity where pid = any (%s)", (servers,)).fetchone():
            assert time.monotonic() < deadline
            time.sleep(0.002)

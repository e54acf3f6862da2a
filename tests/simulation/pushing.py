"""Pushes, with what goes wrong in the middle of them, and what the observer notes of each."""

from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from fakeshop.testing import TOKEN
from oms import crashpoints, database
from oms.shopify.client import ShopifyClient
from oms.shopify.errors import ShopifyError
from oms.sync.errors import LinesLeft
from oms.sync.options import PushOptions, Report
from oms.sync.push import push_shop
from tests.simulation.actions import Push
from tests.simulation.checks import Checks
from tests.simulation.model import Level, Seen
from tests.simulation.stage import LONG, SHORT, Crash


@dataclass
class Watch:
    """What is noted while a push runs, at the moments of its snapshot and of its reading."""

    moment: int = 0
    left: frozenset[int] = frozenset()
    booked: dict[Level, int] = field(default_factory=dict)
    told: dict[Level, int] = field(default_factory=dict)
    done: dict[Level, int] = field(default_factory=dict)
    held: dict[Level, int] = field(default_factory=dict)
    by_hand: dict[Level, int] = field(default_factory=dict)
    changed: Counter[str] = field(default_factory=Counter)
    uncertain: set[Level] = field(default_factory=set)

    def one_sided(self, level: Level) -> int:
        """Units by which book + hand-made changes exceed what a look can see.

        They left `committed` by a fulfilment or an unrestocked cancellation that the OMS had not heard of.
        """
        return self.booked[level] - self.done[level] + self.told[level] - self.held[level]


class Pushes(Checks):
    """Runs of the push jobs."""

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
            assert fired or action.fault or self._is_put_off(action), "an undisturbed push failed"
            report = None
        finally:
            self.server.clear_faults()
        self._note_plan(action, run_id, watch, compared_before, disturbed=bool(fired))
        if report and not fired and not action.fault and action.again:
            self._push_again(action)

    def _is_put_off(self, action: Push) -> bool:
        """Whether a hard sync leaves a location alone: its first comparison waits for a file."""
        opened = {level.location for level in self._opened() if level.shop == action.shop}
        is_first = any(level.location not in opened for level in self._levels_of(action.shop))
        return action.mode == "HARD" and is_first and any(map(self.files.is_coming_in, self.files.files))

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
        watches = {action.shop: Watch() for action in ours}
        run_ids = [f"push__{next(self._runs)}" for _ in ours]
        before, compared = self._opened(), self._compared()
        for shop, watch in watches.items():
            self._note_snapshot(shop, watch)
            self._note_reading(shop, watch)
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(self._run_push, *one, LONG) for one in zip(ours, run_ids, strict=True)]
        for action, run in zip(ours, runs, strict=True):
            fault = run.exception()
            if fault and not (isinstance(fault, LinesLeft) and self._is_put_off(action)):
                raise fault
        opened = self._opened()
        for level in opened - before:
            self._note_opening(level, watches[level.shop])
        # whoever comes second writes its name on the mark
        hard = {shop: {name for of, name, _ in self._compared() - compared if of == shop} for shop in watches}
        for action, run_id in zip(ours, run_ids, strict=True):
            served = hard[action.shop] if action.mode == "HARD" else set()
            self._note_plan(action, run_id, watches[action.shop], opened, disturbed=True, served_first=served)

    def _compared(self) -> set[tuple[str, str, str]]:
        """Locations with the snapshots of their last hard sync."""
        rows = self.db.execute(
            "select shop_id, location_name, compared::text from oms.shop_location where compared is not null"
        )
        return set(rows.fetchall())

    def age(self) -> None:
        """The keys of unanswered calls get too old; what else has moved the levels makes them unreadable."""
        _, drift = self._waiting({})
        for level in self.levels:
            told = self.model.acts_booked(level), self.model.held_as_told(level)
            done = self.model.acts_done(level), self.model.held_by_shop(level)
            unlike = self.model.one_sided(level) if self.model.by_on_hand(level) else told != done
            if unlike or self.model.not_found[level] != drift[level]:
                return
        self.db.execute(
            """update oms.sync_batch set first_sent_at = first_sent_at - interval '24 hours'
                where status in ('SENT', 'UNKNOWN')"""
        )

    def _push_again(self, action: Push) -> None:
        """The same run once more sends nothing and changes nothing (architecture.md 8.4)."""
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
            if name != action.at:
                return
            with self._lock:
                if fired:
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
            watch.by_hand[level] = self.model.not_found[level]

    def _note_plan(
        self,
        action: Push,
        run_id: str,
        watch: Watch,
        opened_before: set[Level],
        *,
        disturbed: bool,
        served_first: Collection[str] = (),
    ) -> None:
        """Learn which locations were planned, and check what the plan has led to.

        served_first: locations that another run has marked since.
        """
        opened = self._opened()
        marked = self.db.execute(
            """select location.location_name from oms.sync_mark as mark
                 join oms.shop_location as location using (shop_id, shopify_location_id)
                where mark.shop_id = %s and mark.planned_by = %s""",
            (action.shop, run_id),
        ).fetchall()
        locations = {name for (name,) in marked} | set(served_first)
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
        since = self.model.not_found[level] - watch.by_hand[level]
        watch.by_hand[level] = watch.one_sided(level)
        self.model.not_found[level] = watch.by_hand[level] + since
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

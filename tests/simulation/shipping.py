"""Goods on their way: shipments that files announce, restocks that wait (inventory.md 1.3, 5.8, 5.13)."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from fakeshop.testing import TOKEN
from oms import catalog, crashpoints, database, parameters
from oms.inventory import receiving
from oms.inventory.receiving import ReceiptRefused, Units
from oms.restock import preparing, running
from oms.restock.errors import RestockRefused, RestocksLeft
from oms.shopify.client import ShopifyClient
from oms.sync.options import PushOptions
from oms.work import Work
from tests.simulation.actions import OVER, RunRestocks
from tests.simulation.checks import Checks
from tests.simulation.file_model import Announced
from tests.simulation.model import MEMBERS, SKUS, STORES, Restock
from tests.simulation.stage import LONG, SHORT, Crash

HEAD = (
    "Shopify Product SKU,Restock Quantity,Schedule Time,Facility,Product Store,Shopify Store,Restock Name\n"
)
TO_COME = "2099-12-01 09:00"


class Shipping(Checks):
    """Facilities that receive goods, at once or at a set time."""

    def receive_goods(
        self, number: int, part: tuple[int, int, int] | None, times: int, crash_at: str | None
    ) -> None:
        """A facility takes in what is outstanding, or of one item (number, accepted, rejected) units."""
        names = list(self.files.shipments)
        if not names:
            return
        name = names[number % len(names)]
        shipment = self.files.shipments[name]
        left = shipment.outstanding()
        if part is None:
            units, given = {item: (open_, 0) for item, open_ in left.items() if open_}, None
        else:
            item = 1 + part[0] % len(left)
            units, given = {item: part[1:]}, {item: Units(*part[1:])}
        fits = bool(units) and all(0 < sum(pair) <= left[item] for item, pair in units.items())
        receipt, is_new = len(shipment.receipts) + 1, True
        for attempt in (*([crash_at] if crash_at else []), *[None] * times):
            try:
                with self._crashing(attempt), self.db.transaction():
                    found = receiving.find_shipment(self.db, f"T{name}")
                    told = receiving.receive_shipment(
                        self.db, found, receipt_no=receipt, items=given, received_by="play"
                    )
            except Crash:
                continue
            except ReceiptRefused:
                if fits:
                    raise
                return
            assert fits, f"shipment {name}: {units} were taken in, {left} are outstanding"
            assert told.is_new == is_new
            is_new = False
        self._take_in_goods(shipment, receipt, units)

    def _take_in_goods(self, shipment: Announced, receipt: int, units: dict[int, tuple[int, int]]) -> None:
        shipment.receipts[receipt] = units
        for item, (accepted, _) in units.items():
            if accepted:
                sku = shipment.items[item - 1][0]
                self.model.move(sku, shipment.facility, qoh=accepted, atp=accepted, reason="VAR_SHIP_RECV")

    # restocks

    def prepare_restock(self, units: tuple[tuple[str, int], ...], facility: str, times: int) -> None:
        """Somebody prepares a restock of a file, perhaps twice; kits and what nobody knows are left out."""
        name = f"R{next(self._drops)}"
        rows = (f"{sku},{n},{TO_COME},{facility},STORE,demo,{name}\n" for sku, n in units)
        content = (HEAD + "".join(rows)).encode()
        items: Counter[str] = Counter()
        for sku, n in units:
            items[sku] += n
        items = Counter({sku: n for sku, n in items.items() if sku in SKUS})
        for attempt in range(times):
            try:
                with self.db.transaction():
                    told = preparing.prepare(self.db, content, f"{name}.csv", preparing.Chosen(), "play")
            except RestockRefused:
                if items:
                    raise
                return
            (restock,) = told.restocks
            assert restock.is_new == (attempt == 0)
        assert items, f"restock {name} has no product that is known"
        self.model.restocks.append(Restock(restock.shipment_id, facility, dict(items)))

    def change_restock(self, number: int, change: str | tuple[str, int]) -> None:
        """Somebody reschedules, changes or cancels a restock, if it waits and the change makes sense."""
        restock = self._restock(number)
        if restock is None:
            return
        items = restock.items
        if isinstance(change, tuple):
            items = {sku: n for sku, n in (items | dict([change])).items() if n}
        fits = restock.status == "PENDING" and change != OVER and items and set(items) <= set(SKUS)
        try:
            with self.db.transaction():
                if isinstance(change, tuple):
                    preparing.change_items(self.db, restock.shipment_id, dict([change]))
                elif change == "CANCEL":
                    preparing.cancel(self.db, restock.shipment_id)
                else:
                    preparing.reschedule(self.db, restock.shipment_id, change)
        except RestockRefused:
            if fits:
                raise
            return
        assert fits, f"{restock} was changed: {change}"
        restock.items = items
        if change == "CANCEL":
            restock.status = "CANCELLED"

    def run_restocks(self, action: RunRestocks) -> None:
        """The job runs: for what is due, which all is now, or for one restock ahead of its time."""
        wanted = None if action.restock is None else self._restock(action.restock)
        if action.restock is not None and wanted is None:
            return
        if wanted is None:
            self.db.execute(
                """update oms.scheduled_restock
                      set run_at = now() - interval '1 minute', next_attempt_at = null"""
            )
        found = [wanted] if wanted else self.model.restocks
        due = [one for one in found if one.status in ("PENDING", "RECEIVED")]
        fired: list[str] = []
        if action.fault:
            self.server.fault(shop="demo", **action.fault.values())
        told = None
        try:
            with self._met(action, fired):
                told = self._run_restocks(wanted, action)
        except (Crash, RestocksLeft):
            assert fired or action.fault, "an undisturbed restock failed"
        except RestockRefused:
            assert [one.status for one in found] == ["CANCELLED"]
        finally:
            self.server.clear_faults()
        self._note_restocks()
        if told and not fired and not action.fault:
            assert (told["due"], told["done"], told["busy"]) == (len(due), len(due), 0)
            assert {one.status for one in due} <= {"DONE"}
            self._check_shown(due)

    def _run_restocks(self, wanted: Restock | None, action: RunRestocks) -> dict:
        patience = SHORT if action.fault and action.fault.stubborn else LONG
        client = ShopifyClient(self.server.base("demo"), TOKEN, patience=patience, timeout=(2.0, 10.0))
        servers: list[int] = []

        def connect() -> database.Connection:
            conn = database.connect(self.bench.dsn, autocommit=True)
            servers.append(conn.info.backend_pid)
            return conn

        job = catalog.SCHEDULED_RESTOCK
        given = {"limit": action.limit} | ({"shipmentId": str(wanted.shipment_id)} if wanted else {})
        work = Work(
            conn=connect(),
            params=parameters.resolve(job, given),
            run_name=f"restock/{next(self._runs)}",
            open_oms_db=connect,
            open_sftp=self._not_needed,
            open_shop=lambda _: client,
        )
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(
                    running,
                    "PushOptions",
                    partial(PushOptions, push_seconds=patience, retry_pause=0.01, lock_seconds=10),
                )
                return running.run(work)
        finally:
            client.close()
            work.conn.close()
            self._wait_for_end(servers)

    @contextmanager
    def _met(self, action: RunRestocks, fired: list[str]) -> Iterator[None]:
        """Let the run die, or something happen, at a point of it."""

        def point(name: str) -> None:
            if name != action.at or fired:
                return
            fired.append(name)
            if action.then is None:
                raise Crash(name)
            self._note_restocks()
            self.check_books()
            action.then.do(self)
            self.check_books()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(crashpoints, "point", point)
            yield

    def _note_restocks(self) -> None:
        """Let the observer receive what was received since the last look."""
        rows = self.db.execute("select shipment_id, status from oms.scheduled_restock order by received_at")
        known = {one.shipment_id: one for one in self.model.restocks}
        for shipment_id, status in rows.fetchall():
            restock = known[shipment_id]
            if restock.status == "PENDING" and status != "PENDING":
                for sku, units in restock.items.items():
                    reason = "VAR_SCH_SHIP_RECV"
                    self.model.move(sku, restock.facility, qoh=units, atp=units, reason=reason)
            restock.status = status

    def _check_shown(self, restocks: list[Restock]) -> None:
        """What was restocked is on sale where it should be, without another push (INV-32, INV-46)."""
        served = self.db.execute(
            """select location_name from oms.shop_location
                where shop_id = 'demo' and (sync_mode <> 'DELTA' or compared is not null)"""
        )
        locations = {name for (name,) in served}
        opened, shown = self._opened(), self._shown()
        waiting, drift = self._waiting({})
        for level in self._levels_of("demo"):
            store = STORES.get(level.location)
            is_in = any(
                level.sku in one.items and (one.facility == store if store else one.facility in MEMBERS)
                for one in restocks
            )
            if not is_in or level.location not in locations or level not in opened:
                continue
            if not self._is_strict(level):
                continue
            assert not waiting[level]
            known = shown[level] + self.model.not_taken_in(level)
            held = self.model.held_back(level) if self._mode(level) == "DELTA" else None
            desired = self.model.desired(level, held)
            known -= self.model.not_found[level] - drift[level]
            assert known == desired or (desired == 0 and known <= 0), (
                f"{level} shows {known} after its restock, should be {desired}"
            )

    def check_restocks(self) -> None:
        """Restocks are what their file and the last change say."""
        found = self.db.execute(
            """select shipment_id, shipment.destination_facility_id, restock.status,
                      jsonb_object_agg(product.internal_name, item.quantity)
                 from oms.scheduled_restock as restock
                 join oms.shipment using (shipment_id)
                 join oms.shipment_item as item using (shipment_id)
                 join oms.product using (product_id)
                group by shipment_id, shipment.destination_facility_id, restock.status
                order by shipment_id"""
        ).fetchall()
        assert found == [
            (one.shipment_id, one.facility, one.status, one.items) for one in self.model.restocks
        ]

    def _restock(self, number: int) -> Restock | None:
        restocks = self.model.restocks
        return restocks[number % len(restocks)] if restocks else None

"""What must hold of the OMS, of files and of shops (architecture.md 8, inventory.md INV-56)."""

import hashlib
import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from psycopg.rows import dict_row, namedtuple_row

from oms.inventory import checking
from tests.simulation.model import Level
from tests.simulation.stage import Stage

if TYPE_CHECKING:
    from tests.simulation.pushing import Watch

OPEN = ("PLANNED", "SENT", "UNKNOWN")
ACCOUNT = ("total", "applied", "unchanged", "superseded", "duplicate", "skipped", "rejected")


class Checks(Stage):
    """Checks of the whole stage."""

    def check(self) -> None:
        """Everything that must hold whenever nobody is in the middle of something."""
        self.check_stock()
        self.check_files()
        self.check_shipments()
        self.check_restocks()
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
        """Rows in = rows accounted for as the observer does it; rejects kept byte for byte; files moved.

        Files that look wrong are held, and no others.
        """
        held = self.db.execute("select log_id from oms.import_log where status = 'DmlsHeld'").fetchall()
        assert {log_id for (log_id,) in held} == {
            one.log_id for one in self.files.files if one.held and one.decision is None
        }
        logs = self.db.cursor(row_factory=dict_row).execute(
            "select * from oms.import_log where closed_at is not null order by log_id"
        )
        for log in logs.fetchall():
            dropped = self.files.of_log(log["log_id"])
            folder = self._root / self._folder / dropped.file.kind
            content = dropped.file.content()
            assert (log["status"] == "DmlsFailed") == dropped.file.is_refused, log
            is_out = dropped.file.is_refused or not dropped.is_passed
            assert (log["status"] == "DmlsCancelled") == (dropped.decision == "REJECTED"), log
            where = "error" if is_out else "archive"
            assert (folder / where / f"{log['log_id']}_{dropped.name}").read_bytes() == content
            if is_out:
                assert log["applied_count"] == 0
                continue
            assert bytes(log["content_sha256"]) == hashlib.sha256(content).digest()
            counts = Counter({name: log[f"{name}_count"] for name in ACCOUNT})
            assert counts == dropped.counts, (dropped, counts)
            kept = self.db.execute(
                "select line_number, raw from oms.import_reject where log_id = %s", (log["log_id"],)
            ).fetchall()
            rejects = sorted(dropped.rejects.items())
            raws = {number: (row.prefix + dropped.file.text(row)).encode() for number, row in rejects}
            assert {number: bytes(raw) for number, raw in kept} == raws
            rejected = self.reject_file(dropped)
            assert rejected.exists() == bool(rejects)
            if rejects:
                lines = rejected.read_text().splitlines()[1:]
                for line, (_, row) in zip(lines, rejects, strict=True):
                    assert line.endswith(f",{dropped.file.text(row)}"), line

    def check_shipments(self) -> None:
        """Shipments are what the last file that could change them says, with their receipts."""
        receipts: defaultdict[str, set[tuple]] = defaultdict(set)
        for name, *receipt in self.db.execute(
            """select shipment.external_id, receipt_no, shipment_item_seq, quantity_accepted,
                      quantity_rejected
                 from oms.shipment_receipt join oms.shipment using (shipment_id)
                where shipment.shipment_type_id = 'IN_TRANSFER'"""
        ):
            receipts[name].add(tuple(receipt))
        found = self.db.execute(
            """select shipment.external_id, shipment.destination_facility_id, shipment.status = 'RECEIVED',
                      array_agg(row (product.internal_name, item.quantity)::text order by shipment_item_seq)
                 from oms.shipment
                 join oms.shipment_item as item using (shipment_id)
                 join oms.product using (product_id)
                where shipment.shipment_type_id = 'IN_TRANSFER'
                group by shipment.shipment_id"""
        )
        expected = {
            f"T{name}": (
                one.facility,
                not any(one.outstanding().values()),
                [f"({sku},{units})" for sku, units in one.items],
                {
                    (receipt, item, *units)
                    for receipt, items in one.receipts.items()
                    for item, units in items.items()
                },
            )
            for name, one in self.files.shipments.items()
        }
        assert {name: (*said, receipts[name]) for name, *said in found} == expected

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
        done, shown = self._executed(), self._shown()
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
            assert shown[level] == expected, f"{level} in the shop"
            if level not in books or not self._is_strict(level):
                continue
            assert not drift[level] or level in self.model.touched_by_hand, f"nobody has changed {level}"
            known = shown[level] + self.model.not_taken_in(level)
            hand = self.model.not_found[level] - drift[level]
            planned, is_open = sum(waiting[level]), bool(waiting[level])
            assert known + planned == books[level] + hand, (
                f"{level}: shown {shown[level]} + not taken in {self.model.not_taken_in(level)}"
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

    def check_looks(self, levels: list[Level], watch: "Watch") -> None:
        """A drift is written down where somebody changed Shopify alone, and nowhere else (INV-56 b)."""
        found = {
            self._level(*row[:3]): row[3]
            for row in self.db.execute(
                "select shop_id, shopify_location_id, shopify_inventory_item_id, drift from oms.sync_look"
            )
        }
        _, drift = self._waiting({})
        for level in levels:
            expected = watch.by_hand[level] - drift[level] - watch.one_sided(level)
            if level not in watch.uncertain:
                assert found.get(level, 0) == expected, f"drift of {level}"

    def check_unguarded(self, levels: list[Level]) -> None:
        """An unguarded comparison shows what is desired, once all orders are told."""
        shown = self._shown()
        waiting, _ = self._waiting({})
        for level in levels:
            desired = self.model.desired(level)
            if waiting[level] or not self.model.everything_told(level):
                continue
            assert shown[level] == desired or (desired == 0 and shown[level] <= 0), (
                f"{level} shows {shown[level]}, should be {desired}"
            )

"""Goods on their way: shipments that files announce, and their receipts (inventory.md 1.3, 5.8)."""

from oms.inventory import receiving
from oms.inventory.receiving import ReceiptRefused, Units
from tests.properties.file_model import Announced
from tests.properties.stage import Crash, Stage


class Shipping(Stage):
    """Facilities that receive goods."""

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

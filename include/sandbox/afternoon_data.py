"""What an ERP, merchandisers and a till send in the demo's afternoon, and what must come of it.

Every line is written from the change it stands for, so that the expected figures add up what was sent; the
product is not asked.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from oms import catalog
from sandbox import demo_data as data

Position = tuple[str, str]
"""SKU and facility."""

ERP, MERCHANDISER = "ERP", "merchandiser"
WAREHOUSE = "WAREHOUSE"
PLACES = data.EXTERNAL_IDS | {WAREHOUSE: "900"}
"""Facilities by the ids that ERP and till know them by."""


@dataclass(frozen=True)
class Change:
    """Units that one line adds to the stock of a product at a facility."""

    sku: str
    facility: str
    units: int


@dataclass(frozen=True)
class Setting:
    """What one line sets for a product at a facility."""

    sku: str
    facility: str
    safety_stock: int = 0
    sells_online: bool = True


@dataclass(frozen=True)
class SentFile:
    """A file of another system and what it means: what its good rows do, why the others must be refused."""

    sender: str
    what: str
    dag_id: str
    name: str
    lines: tuple[str, ...]
    refused: tuple[str, ...]
    changes: tuple[Change, ...] = ()
    settings: tuple[Setting, ...] = ()

    @property
    def folder(self) -> str:
        """Where the job looks for it."""
        return catalog.JOBS[self.dag_id].import_path

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    @property
    def rows(self) -> int:
        return len(self.lines) - 1

    @property
    def units(self) -> int:
        """Units that it moves, either way."""
        return sum(abs(change.units) for change in self.changes)


SOLD = (
    {
        "idType": "SKU",
        "idValue": "SEED-A",
        "availableDelta": -2,
        "facilityId": PLACES[data.RECENT_STORE],
        "varianceReasonId": "POS_SALE",
        "comments": "receipt 4711",
    },
)
"""A sale at the till, one call."""
BASKET = (
    SOLD[0] | {"idValue": "SEED-C", "availableDelta": -1, "comments": "receipt 4712"},
    SOLD[0] | {"idValue": "SEED-D", "availableDelta": 1, "comments": "returned with receipt 4712"},
    SOLD[0] | {"idValue": "NO-SUCH-CAP", "availableDelta": -1},
)
"""A list of three: a sale, a return, and a product that nobody knows."""
CALL_CHANGES = tuple(
    Change(one["idValue"], data.RECENT_STORE, one["availableDelta"]) for one in (*SOLD, *BASKET[:2])
)

RESTOCK_FOLDER, RESTOCK_NAME = "restock/incoming", "November_Restock"
RESTOCKED = Change("SEED-E", "BROADWAY", 12)
RESTOCK = f"""\
Shopify Product SKU,Restock Quantity,Schedule Time,Facility,Product Store,Shopify Store,Restock Name
{RESTOCKED.sku},{RESTOCKED.units},09:00:00,Broadway,Demo Brand,Demo shop,{RESTOCK_NAME}
NO-SUCH-CAP,100,09:00:00,Broadway,Demo Brand,Demo shop,{RESTOCK_NAME}
"""
"""For nine o'clock; a merchandiser carries it out by hand before that."""

WRONG_FIGURE, RIGHT_FIGURE = ",two,", ",2,"
"""What a person corrects in the reject file of the adjustment."""


class Afternoon:
    """All that is sent, for the stock of this morning."""

    def __init__(self, counts: data.Morning) -> None:
        self.counts = counts
        caps = iter(sorted(sku for sku in counts.today["KYOTO"] if sku.startswith("CAP-")))
        first, second, third = next(caps), next(caps), next(caps)
        moved = self._stocked(caps, "KYOTO", 5)
        spoilt = self._stocked(caps, "SENDAI", 4)
        kept_back = self._stocked(caps, "NEW_YORK", 4)
        switched_off = self._stocked(caps, "KYOTO", 3)
        self.items = {
            sku: str(3412 + number) for number, sku in enumerate((first, second, third, moved, spoilt))
        }
        """Products of the ERP's documents, by the ids that NetSuite has for them."""
        self.correction = Change(third, "FUKUOKA", 2)
        self.receipt = self._document(
            "item receipt",
            "import_item_receipt",
            "20261121-ItemReceipt.csv",
            "ItemReceipt # 88123",
            Change(first, WAREHOUSE, 24),
            Change(second, WAREHOUSE, 12),
            Change(first, WAREHOUSE, 6),
            bad=("900,99999,NETSUITE_PRODUCT_ID,12,", "ERR_PRODUCT_NOT_FOUND"),
        )
        self.transfer = self._document(
            "inventory transfer",
            "import_inventory_transfer",
            "20261121-ExportInventoryTransfer.csv",
            "Inventory Transfer # 501",
            Change(moved, "KYOTO", -3),
            Change(moved, "NAGOYA", 3),
            bad=(f"998,{self.items[moved]},NETSUITE_PRODUCT_ID,1,", "ERR_FACILITY_NOT_FOUND"),
        )
        self.adjustment = self._document(
            "inventory adjustment",
            "import_inventory_adjustment",
            "20261121-InventoryAdjustment.csv",
            "Inventory Adjustment # 77",
            Change(spoilt, "SENDAI", -1),
            Change(third, "KOBE", 2),
            bad=(
                f"{PLACES['FUKUOKA']},{self.items[third]},NETSUITE_PRODUCT_ID{WRONG_FIGURE}",
                "ERR_INVALID_NUMBER",
            ),
        )
        self.shipment = self._shipment()
        self.settings = self._settings(
            Setting("SEED-B", data.RECENT_STORE, safety_stock=10),
            Setting(kept_back, "NEW_YORK", safety_stock=2),
            Setting(switched_off, "KYOTO", sells_online=False),
        )
        self.thresholds = {"SEED-E": 7}
        self.held_back = self._held_back()
        self.allotment = self._allotment(Change(second, WAREHOUSE, 15), Change(third, WAREHOUSE, 20))
        self.received = (Change("SEED-C", data.RECENT_STORE, 5), Change("SEED-D", data.RECENT_STORE, 4))
        """Of the shipment's 6 and 4 units the store rejects one."""

    def _stocked(self, skus: Iterator[str], store: str, units: int) -> str:
        """The next product of which the store has so many units."""
        return next(sku for sku in skus if self.counts.today[store][sku] >= units)

    def _document(
        self, what: str, dag_id: str, name: str, number: str, *changes: Change, bad: tuple[str, str]
    ) -> SentFile:
        comment = f"Inventory Adjusted from {number} in NetSuite"
        good = [
            f"{PLACES[one.facility]},{self.items[one.sku]},NETSUITE_PRODUCT_ID,{one.units},{comment}"
            for one in changes
        ]
        lines = (
            "externalFacilityId,idValue,idType,availableDelta,comments",
            good[0],
            bad[0] + comment,
            *good[1:],
        )
        return SentFile(ERP, what, dag_id, name, lines, (bad[1],), changes)

    def _shipment(self) -> SentFile:
        """Two shipments; the second has a bad row and is refused as a whole."""
        way = f"{PLACES[WAREHOUSE]},{PLACES[data.RECENT_STORE]}"
        lines = (
            "external-shipment-id,product-sku,quantity,origin-facility-id,destination-facility-id,item-external-id",
            f"INBOUND-1001,SEED-C,6,{way},1",
            f"INBOUND-1001,SEED-D,4,{way},2",
            f"INBOUND-1002,SEED-E,3,{way},1",
            f"INBOUND-1002,SEED-E,0,{way},2",
        )
        refused = ("ERR_RANGE", "ERR_SHIPMENT_REFUSED")
        return SentFile(ERP, "inbound shipment", "import_inbound_shipment", "TO0005374.csv", lines, refused)

    def _settings(self, *settings: Setting) -> SentFile:
        lines = (
            "product-sku,facility-id,facility-safety-stock,allow-brokering",
            *(
                f"{one.sku},{one.facility},{one.safety_stock or ''},{'' if one.sells_online else 'N'}"
                for one in settings
            ),
            "SEED-E,OSAKA,,perhaps",
        )
        name = "PRODUCT_FACILITY_2026-11-21-15-00-00-000.csv"
        refused = ("ERR_INVALID_BOOLEAN",)
        return SentFile(
            ERP, "product facility", "import_product_facility", name, lines, refused, settings=settings
        )

    def _held_back(self) -> SentFile:
        """Thresholds of the channel; a store has none."""
        lines = (
            "product-sku,facility-id,threshold",
            *(f"{sku},CONFIGURATION,{units}" for sku, units in self.thresholds.items()),
            "SEED-E,OSAKA,5",
        )
        return SentFile(
            MERCHANDISER,
            "product thresholds",
            "import_product_thresholds",
            "new_arrivals.csv",
            lines,
            ("ERR_NOT_CONFIG_FACILITY",),
        )

    def _allotment(self, *changes: Change) -> SentFile:
        lines = (
            "facilityId,idType,idValue,availableDelta,varianceReasonId,shopId",
            *(f"{one.facility},SKU,{one.sku},{one.units},VAR_MANUAL,demo" for one in changes),
            f"{WAREHOUSE},SKU,SEED-E,5,VAR_MANUAL,no_such_shop",
        )
        return SentFile(
            MERCHANDISER,
            "warehouse allotment",
            "import_warehouse_allotment",
            "share_of_the_warehouse.csv",
            lines,
            ("ERR_SHOP_NOT_FOUND",),
            changes,
        )

    @property
    def files(self) -> tuple[SentFile, ...]:
        """Those that are dropped at once."""
        return (
            self.receipt,
            self.transfer,
            self.adjustment,
            self.shipment,
            self.settings,
            self.held_back,
            self.allotment,
        )

    def identifiers(self) -> str:
        """The file that says which product NetSuite means."""
        rows = (f"{sku},NETSUITE_PRODUCT_ID,{item}" for sku, item in self.items.items())
        return "\n".join(["sku,id_type,id_value", *rows]) + "\n"

    def positions(self) -> dict[Position, int]:
        """Units by product and facility at the end: the transfer undone, the adjustment corrected."""
        units = {
            (sku, store): count for store in PLACES for sku, count in self.counts.today.get(store, {}).items()
        }
        lasting = (one for file in self.files if file is not self.transfer for one in file.changes)
        for change in (*lasting, self.correction, *self.received, RESTOCKED, *CALL_CHANGES):
            place = change.sku, change.facility
            units[place] = units.get(place, 0) + change.units
        return units

    def levels(self) -> dict[Position, int]:
        """What the shop must show at the end: {(SKU, location): available}."""
        units = self.positions()
        rules = {(one.sku, one.facility): one for one in self.settings.settings}

        def offered(sku: str, facility: str) -> int:
            rule = rules.get((sku, facility), Setting(sku, facility))
            return max(0, units.get((sku, facility), 0) - rule.safety_stock) if rule.sells_online else 0

        shown = {}
        for variant in data.catalogue():
            sku = variant.sku
            total = sum(offered(sku, place) for place in (WAREHOUSE, *data.STORES))
            shown[sku, data.ONLINE] = max(0, total - self.thresholds.get(sku, 0))
            shown |= {(sku, name): units.get((sku, place), 0) for place, name in data.OWN_LOCATION.items()}
            shown[sku, data.OUTLET] = units.get((sku, data.DELTA_STORE), 0)
        return shown

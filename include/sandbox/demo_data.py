"""The demo's business: a cap maker with 12 stores and a warehouse, and the files its POS sends.

Everything is made from a fixed seed, so the expected figures can be computed here without asking the
product: `Morning.levels` adds up quantities, nothing else.
"""

import random
from dataclasses import dataclass, field

CAPS = 200
SIZES = ("S", "M", "L", "XL", "XXL")
ONLINE, OUTLET = "Online", "Outlet"
OWN_LOCATION = {"NEW_YORK": "New York", "TOKYO": "Tokyo"}
"""Stores with a Shopify location of their own, beside the online one they take part in."""
LOCATION_IDS = {ONLINE: 7001, "New York": 7002, "Tokyo": 7003, OUTLET: 7004}

EXTERNAL_IDS = {
    "NEW_YORK": "101",
    "TOKYO": "102",
    "BROOKLYN": "103",
    "BROADWAY": "104",
    "TIMES_SQUARE": "105",
    "OSAKA": "106",
    "KYOTO": "107",
    "NAGOYA": "108",
    "SAPPORO": "109",
    "FUKUOKA": "110",
    "SENDAI": "111",
    "KOBE": "112",
    "DELTA_STORE": "201",
}
"""Facilities of `example_setup` that the POS counts, with the ids it knows them by."""
STORES = tuple(facility for facility in EXTERNAL_IDS if facility != "DELTA_STORE")
RECENT_STORE, DELTA_STORE = "OSAKA", "DELTA_STORE"

RECENT_TABLE = {"SEED-A": 100, "SEED-B": 50, "SEED-C": 25, "SEED-D": 100, "SEED-E": 80}
"""The five products of the recent-changes example, at 13:00, counted in one store."""
RECENT_LATER = RECENT_TABLE | {"SEED-A": 95, "SEED-C": 30}
DELTA_TABLE = {"SEED-F": 5, "SEED-G": 10}
"""The two products of the delta examples, in the outlet, whose location is in DELTA mode."""

RESET_HEADER = "facilityId,idType,idValue,availableQty"
VARIANCE_HEADER = "facilityId,idType,idValue,availableDelta,varianceReasonId,comments"


@dataclass(frozen=True)
class Variant:
    """One sellable variant of the catalogue."""

    title: str
    option: str
    sku: str
    barcode: str


def catalogue() -> list[Variant]:
    """About a thousand caps, and the products of the documented examples."""
    caps = [
        Variant(f"Cap {number:03d}", size, f"CAP-{number:03d}-{size}", f"4514602{number:03d}{index:03d}")
        for number in range(1, CAPS + 1)
        for index, size in enumerate(SIZES)
    ]
    examples = [
        Variant(f"Product {sku[-1]}", "One size", sku, f"45146029990{number:02d}")
        for number, sku in enumerate([*RECENT_TABLE, *DELTA_TABLE])
    ]
    return caps + examples


@dataclass
class Morning:
    """Yesterday's and this morning's quantities of each store, units by SKU."""

    yesterday: dict[str, dict[str, int]] = field(default_factory=dict)
    today: dict[str, dict[str, int]] = field(default_factory=dict)

    def levels(self, counts: dict[str, dict[str, int]]) -> dict[tuple[str, str], int]:
        """What the shop shows for such counts, everything imported: {(sku, location): available}."""
        shown = {}
        for variant in catalogue():
            sku = variant.sku
            shown[sku, ONLINE] = sum(counts[store].get(sku, 0) for store in STORES)
            shown |= {(sku, name): counts[store].get(sku, 0) for store, name in OWN_LOCATION.items()}
            shown[sku, OUTLET] = counts[DELTA_STORE].get(sku, 0)
        return shown


def morning() -> Morning:
    """Counts of two days: some four of ten products of a store moved overnight."""
    chance = random.Random(20261121)
    caps = [variant.sku for variant in catalogue() if variant.sku.startswith("CAP-")]
    counts = Morning()
    for store in STORES:
        before = {sku: chance.choice((0, 0, 1, 2, 3, 5, 8, 12)) for sku in caps}
        after = {
            sku: max(0, quantity + chance.choice((-3, -2, -1, 1, 4))) if chance.random() < 0.4 else quantity
            for sku, quantity in before.items()
        }
        counts.yesterday[store], counts.today[store] = before, after
    for day in (counts.yesterday, counts.today):
        day[RECENT_STORE] |= RECENT_TABLE
        day[DELTA_STORE] = dict(DELTA_TABLE)
    return counts


BAD_ROWS = {
    "101,SKU,NO-SUCH-CAP,5": "ERR_PRODUCT_NOT_FOUND",
    "999,SKU,CAP-001-S,5": "ERR_FACILITY_NOT_FOUND",
    "101,SKU,CAP-002-S,": "ERR_REQUIRED",
    "102,SKU,CAP-002-M,a dozen": "ERR_INVALID_NUMBER",
    "102,SKU,CAP-002-L,3.5": "ERR_INVALID_NUMBER",
    "_NA_,SKU,CAP-003-S,4": "ERR_VIRTUAL_FACILITY",
    "103,SKU,CAP-003-M,4,left over": "ERR_TOO_MANY_COLUMNS",
    "103,SKU,CAP-003-L": "ERR_TOO_FEW_COLUMNS",
}
"""Eight bad rows of different kinds, and why each must be rejected."""

CORRECTED_LATER = 5
"""Rows that the file repeats further down with another quantity: the last one wins."""


def morning_file(counts: Morning) -> str:
    """The reset file of all stores: about 12,000 rows, eight of them bad, five repeated."""
    rows = [
        f"{EXTERNAL_IDS[store]},SKU,{sku},{quantity}"
        for store in EXTERNAL_IDS
        for sku, quantity in counts.today[store].items()
    ]
    repeated = [f"{row.rsplit(',', 1)[0]},77" for row in rows[:CORRECTED_LATER]]
    for position, bad in enumerate(BAD_ROWS, start=1):
        rows.insert(position * 1000, bad)
    return "\n".join([RESET_HEADER, *repeated, *rows]) + "\n"


def reset_file(store: str, quantities: dict[str, int]) -> str:
    """A reset file of one store."""
    rows = [f"{EXTERNAL_IDS[store]},SKU,{sku},{quantity}" for sku, quantity in quantities.items()]
    return "\n".join([RESET_HEADER, *rows]) + "\n"


def variance_file(store: str, sku: str, delta: int, reason: str) -> str:
    """A variance file of one row."""
    return f"{VARIANCE_HEADER}\n{store},SKU,{sku},{delta},{reason},demo\n"


def shop_seed(counts: Morning, token: str, client_secret: str) -> dict:
    """The local shop as it stood last night, for its side door; what opens it and what signs its webhooks."""
    shown = counts.levels(counts.yesterday)
    products: dict[str, list[dict]] = {}
    for variant in catalogue():
        levels = {name: shown[variant.sku, name] for name in LOCATION_IDS}
        one = {"sku": variant.sku, "barcode": variant.barcode, "title": variant.option, "levels": levels}
        products.setdefault(variant.title, []).append(one)
    return {
        "shops": [
            {
                "shop": "demo",
                "name": "Demo shop",
                "access_token": token,
                "client_secret": client_secret,
                "locations": [{"id": number, "name": name} for name, number in LOCATION_IDS.items()],
                "products": [
                    {"title": title, "vendor": "Demo Brand", "variants": variants}
                    for title, variants in products.items()
                ],
            }
        ]
    }

"""Five hundred generated files, faults of fifty kinds: only the faulty lines are refused (inventory.md 3.5).

The generator keeps its own list of what is wrong. The seed is fixed; OMS_FAULTS_SEED plays another one.
"""

import csv
import io
import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import TypeVar

import pytest

from oms import catalog
from tests.oms.imports.conftest import Floor, identify, product

pytestmark = pytest.mark.slow

FILES = 500
SEED = int(os.environ.get("OMS_FAULTS_SEED", "20260801"))
GOOD_SKUS = ("A", "B", "C", "D", "W")
STORES = ("STORE_1", "STORE_2", "WH")

Row = dict[str, str]
Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Family:
    """Files of one job: the columns they have, and a good row."""

    job: catalog.ImportJob
    columns: tuple[str, ...]
    make: Callable[[random.Random, int], Row]
    product: str
    """Column of the product, which takes SKUs."""
    facility: str | None
    external: str | None
    figures: tuple[str, ...]
    negative_allowed: bool
    truths: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    reason: str | None = None
    product_id: str | None = None
    location: str | None = None
    comments: str | None = None
    virtual: str = "ERR_VIRTUAL_FACILITY"
    faults: "tuple[Fault, ...] | None" = None
    """Kinds of its own; None: those that all files share."""
    pairs: str | None = None
    """Column that makes a pair of rows one thing, which is taken as a whole: the second may be faulty."""


def balance_row(quantity: str, reason: str, moment: str) -> Callable[[random.Random, int], Row]:
    def make(choose: random.Random, number: int) -> Row:
        return {
            "facilityId": choose.choice(STORES),
            "externalFacilityId": "",
            "idType": "SKU",
            "idValue": choose.choice(GOOD_SKUS),
            "productId": "",
            quantity: str(choose.randint(0, 50)),
            "locationSeqId": "",
            reason: choose.choice(("", "VAR_FOUND")),
            "comments": f"row {number}",
            moment: "",
        }

    return make


def balances(job: catalog.ImportJob, quantity: str, reason: str, moment: str, *more: str) -> Family:
    make = balance_row(quantity, reason, moment)
    return Family(
        job,
        (*make(random.Random(0), 0), *more),
        make,
        "idValue",
        "facilityId",
        "externalFacilityId",
        (quantity,),
        True,
        truths=("resetByAtp",) if "resetByAtp" in more else (),
        times=(moment,),
        reason=reason,
        product_id="productId",
        location="locationSeqId",
        comments="comments",
    )


def setting_row(choose: random.Random, number: int) -> Row:
    return {
        "product-sku": choose.choice(GOOD_SKUS),
        "product-id": "",
        "facility-id": choose.choice((*STORES, "CONFIGURATION")),
        "facility-external-id": "",
        "facility-safety-stock": str(choose.randint(0, 9)),
        "allow-brokering": choose.choice(("Y", "N", "")),
        "allow-pickup": "",
        "reorder-quantity": choose.choice(("", "4")),
    }


def threshold_row(choose: random.Random, number: int) -> Row:
    return {
        "product-sku": choose.choice(GOOD_SKUS),
        "product-id": "",
        "facility-id": choose.choice(("CONFIGURATION", "")),
        "threshold": str(choose.randint(0, 9)),
    }


def shipment_row(choose: random.Random, number: int) -> Row:
    return {
        "external-shipment-id": f"INBOUND-{number}",
        "product-sku": choose.choice(GOOD_SKUS),
        "product-id": "",
        "quantity": str(choose.randint(1, 50)),
        "origin-facility-id": "WH",
        "destination-facility-id": "STORE_1",
        "item-external-id": str(number),
        "shipment-type": choose.choice(("", "IN_TRANSFER")),
        "shipment-attribute": "",
        "shipped-date": "",
    }


def level_row(choose: random.Random, number: int) -> Row:
    return {
        "shop_id": "demo",
        "inventory_item_id": str(choose.randint(1, 5)),
        "sku": "",
        "tracked": choose.choice(("true", "")),
        "location_id": "7001",
        "available": str(choose.randint(0, 50)),
        "on_hand": "60",
        "updated_at": f"2026-08-01T05:{number // 60 % 60:02}:{number % 60:02}Z",
    }


VARIANCE_COLUMNS = ("availableDelta", "varianceReasonId", "effectiveDate")
FAMILIES = (
    balances(catalog.IMPORT_INVENTORY_RESET, "availableQty", "reason", "asOf", "resetByAtp"),
    balances(catalog.IMPORT_INVENTORY_VARIANCE, *VARIANCE_COLUMNS),
    balances(catalog.IMPORT_ITEM_RECEIPT, *VARIANCE_COLUMNS),
    balances(catalog.IMPORT_INVENTORY_TRANSFER, *VARIANCE_COLUMNS),
    balances(catalog.IMPORT_INVENTORY_ADJUSTMENT, *VARIANCE_COLUMNS),
    balances(catalog.IMPORT_WAREHOUSE_ALLOTMENT, *VARIANCE_COLUMNS),
    Family(
        catalog.IMPORT_PRODUCT_FACILITY,
        tuple(setting_row(random.Random(0), 0)),
        setting_row,
        "product-sku",
        "facility-id",
        "facility-external-id",
        ("facility-safety-stock", "reorder-quantity"),
        False,
        truths=("allow-brokering", "allow-pickup"),
        product_id="product-id",
    ),
    Family(
        catalog.IMPORT_PRODUCT_THRESHOLDS,
        tuple(threshold_row(random.Random(0), 0)),
        threshold_row,
        "product-sku",
        "facility-id",
        None,
        ("threshold",),
        False,
        product_id="product-id",
        virtual="ERR_NOT_CONFIG_FACILITY",
    ),
)
"""Filled up below with the families that have kinds of faults of their own."""


@dataclass
class Fault:
    """A kind of fault in a row: what it does to it, and the code it must be refused with."""

    name: str
    code: str | Callable[[Family], str]
    change: Callable[[Family, Row, random.Random], Row]
    fits: Callable[[Family], bool] = field(default=lambda family: True)

    def code_for(self, family: Family) -> str:
        return self.code if isinstance(self.code, str) else self.code(family)


def put(column: Callable[[Family], str | None], *values: str) -> Callable[[Family, Row, random.Random], Row]:
    def change(family: Family, row: Row, choose: random.Random) -> Row:
        return row | {column(family): choose.choice(values)}

    return change


def has(attribute: str) -> Callable[[Family], bool]:
    return lambda family: bool(getattr(family, attribute))


def figure(family: Family) -> str:
    return family.figures[0]


def is_balance(family: Family) -> bool:
    return family.job.domain == catalog.BALANCE


def facilities(**cells: str) -> Callable[[Family, Row, random.Random], Row]:
    def change(family: Family, row: Row, choose: random.Random) -> Row:
        given = {family.facility: cells.get("own", "")}
        if family.external:
            given[family.external] = cells.get("external", "")
        return row | given

    return change


FAULTS = (
    Fault("unknown facility", "ERR_FACILITY_NOT_FOUND", facilities(own="MARS")),
    Fault("unknown external facility", "ERR_FACILITY_NOT_FOUND", facilities(external="777"), has("external")),
    Fault("no facility", "ERR_FACILITY_NOT_FOUND", facilities(), is_balance),
    Fault(
        "no facility for a setting",
        "ERR_FACILITY_NOT_FOUND",
        facilities(),
        lambda family: bool(family.external) and not is_balance(family),
    ),
    Fault(
        "two facilities", "ERR_FACILITY_CONFLICT", facilities(own="STORE_1", external="102"), has("external")
    ),
    Fault(
        "facility with a known and an unknown id",
        "ERR_FACILITY_NOT_FOUND",
        facilities(own="STORE_1", external="777"),
        has("external"),
    ),
    Fault("queue as a facility", lambda family: family.virtual, facilities(own="_NA_")),
    Fault("parking as a facility", lambda family: family.virtual, facilities(own="UNFILLABLE_PARKING")),
    Fault(
        "thresholds at a store",
        "ERR_NOT_CONFIG_FACILITY",
        facilities(own="STORE_1"),
        lambda family: family.virtual == "ERR_NOT_CONFIG_FACILITY",
    ),
    Fault("thresholds as stock", "ERR_VIRTUAL_FACILITY", facilities(own="CONFIGURATION"), is_balance),
    Fault("facility in other letters", "ERR_FACILITY_NOT_FOUND", facilities(own="store_1")),
    Fault("unknown product", "ERR_PRODUCT_NOT_FOUND", put(lambda f: f.product, "NOPE", "ZZ-1")),
    Fault("product in other letters", "ERR_PRODUCT_NOT_FOUND", put(lambda f: f.product, "a", "w")),
    Fault(
        "shortened number as a product",
        "ERR_PRODUCT_NOT_FOUND",
        put(lambda f: f.product, "1.2E+12", "4,51E+09"),
    ),
    Fault("leading zeros lost", "ERR_PRODUCT_NOT_FOUND", put(lambda f: f.product, "712")),
    Fault("no product", "ERR_REQUIRED", put(lambda f: f.product, "", "   ")),
    Fault("product of two", "ERR_PRODUCT_AMBIGUOUS", put(lambda f: f.product, "TWIN")),
    Fault("product of the past", "ERR_PRODUCT_NOT_FOUND", put(lambda f: f.product, "OLD")),
    Fault("product of the future", "ERR_PRODUCT_NOT_FOUND", put(lambda f: f.product, "SOON")),
    Fault("parent product", "ERR_VIRTUAL_PRODUCT", put(lambda f: f.product, "PARENT")),
    Fault(
        "unknown product id",
        "ERR_PRODUCT_NOT_FOUND",
        put(lambda f: f.product_id, "99999999", "-1", "ten", "1e4"),
    ),
    Fault("enormous product id", "ERR_PRODUCT_NOT_FOUND", put(lambda f: f.product_id, "9" * 30)),
    Fault(
        "unknown kind of identifier",
        "ERR_ID_TYPE",
        put(lambda f: "idType", "COLOUR", "SKÜ"),
        is_balance,
    ),
    Fault("no figure", "ERR_REQUIRED", put(figure, "", "  "), is_balance),
    Fault("words for a figure", "ERR_INVALID_NUMBER", put(figure, "a dozen", "abc", "null", "N/A")),
    Fault("fraction", "ERR_INVALID_NUMBER", put(figure, "3.5", "0.25")),
    Fault(
        "thousands separator", "ERR_INVALID_NUMBER", put(figure, "1,200", "1'200", "1 200", "1.200", "2.000")
    ),
    Fault("hexadecimal figure", "ERR_INVALID_NUMBER", put(figure, "0x10", "1e3")),
    Fault("two signs", "ERR_INVALID_NUMBER", put(figure, "--5", "+-3", "5-")),
    Fault("too large", "ERR_RANGE", put(figure, "1000000001", "2000000000", "99999999999")),
    Fault("too small", "ERR_RANGE", put(figure, "-1000000001"), has("negative_allowed")),
    Fault(
        "negative setting", "ERR_RANGE", put(figure, "-1", "-20"), lambda family: not family.negative_allowed
    ),
    Fault(
        "second figure is bad",
        "ERR_INVALID_NUMBER",
        put(lambda f: f.figures[-1], "x", "2.5"),
        lambda family: len(family.figures) > 1,
    ),
    Fault(
        "neither true nor false",
        "ERR_INVALID_BOOLEAN",
        put(lambda f: f.truths[0], "maybe", "2", "ja"),
        has("truths"),
    ),
    Fault(
        "unknown location",
        "ERR_LOCATION_NOT_FOUND",
        put(lambda f: f.location, "NOWHERE", "PICK_9"),
        has("location"),
    ),
    Fault(
        "unknown reason",
        "ERR_REASON_NOT_FOUND",
        put(lambda f: f.reason, "BECAUSE", "var_found"),
        has("reason"),
    ),
    Fault(
        "reason that no file may give",
        "ERR_REASON_NOT_FOUND",
        put(lambda f: f.reason, "VAR_SHIP_RECV", "RTN_ITM_RCPT"),
        has("reason"),
    ),
    Fault("comment too long", "ERR_TOO_LONG", put(lambda f: f.comments, "x" * 256), has("comments")),
    Fault(
        "no time",
        "ERR_INVALID_TIMESTAMP",
        put(lambda f: f.times[0], "yesterday", "2026-02-30T10:00:00Z", "2026-08-01 25:00:00Z"),
        has("times"),
    ),
    Fault(
        "time without a zone",
        "ERR_INVALID_TIMESTAMP",
        put(lambda f: f.times[0], "2026-08-01T05:00:00", "2026-08-01"),
        has("times"),
    ),
    Fault(
        "time to come",
        "ERR_FUTURE_TIMESTAMP",
        put(lambda f: f.times[0], "2099-01-01T00:00:00Z"),
        has("times"),
    ),
    Fault("too few columns", "ERR_TOO_FEW_COLUMNS", lambda family, row, choose: {"": "cut"}),
    Fault("too many columns", "ERR_TOO_MANY_COLUMNS", lambda family, row, choose: row | {"left over": "x"}),
)

SHIPMENT_FAULTS = (
    Fault("no such type", "ERR_SHIPMENT_TYPE", put(lambda f: "shipment-type", "PARCEL", "OUT_TRANSFER")),
    Fault("no destination", "ERR_REQUIRED", put(lambda f: "destination-facility-id", "")),
    Fault("unknown destination", "ERR_FACILITY_NOT_FOUND", put(lambda f: "destination-facility-id", "MARS")),
    Fault("queue as destination", "ERR_VIRTUAL_FACILITY", put(lambda f: "destination-facility-id", "_NA_")),
    Fault("no origin", "ERR_REQUIRED", put(lambda f: "origin-facility-id", "")),
    Fault("unknown origin", "ERR_FACILITY_NOT_FOUND", put(lambda f: "origin-facility-id", "MARS")),
    Fault("unknown product", "ERR_PRODUCT_NOT_FOUND", put(lambda f: "product-sku", "NOPE", "1.2E+12")),
    Fault("product of two", "ERR_PRODUCT_AMBIGUOUS", put(lambda f: "product-sku", "TWIN")),
    Fault("parent product", "ERR_VIRTUAL_PRODUCT", put(lambda f: "product-sku", "PARENT")),
    Fault("no line of the order", "ERR_REQUIRED", put(lambda f: "item-external-id", "")),
    Fault("no units", "ERR_REQUIRED", put(lambda f: "quantity", "")),
    Fault("words for units", "ERR_INVALID_NUMBER", put(lambda f: "quantity", "ten", "2.5", "1,200")),
    Fault("nothing shipped", "ERR_RANGE", put(lambda f: "quantity", "0", "-3", "1000000001")),
    Fault("no date", "ERR_INVALID_TIMESTAMP", put(lambda f: "shipped-date", "soon", "2026-02-30")),
    Fault("no attribute", "ERR_SHIPMENT_ATTRIBUTE", put(lambda f: "shipment-attribute", "fragile", ":x")),
    Fault(
        "another destination", "ERR_SHIPMENT_CONFLICT", put(lambda f: "destination-facility-id", "STORE_2")
    ),
)
LEVEL_FAULTS = (
    Fault("no shop", "ERR_REQUIRED", put(lambda f: "shop_id", "")),
    Fault("unknown shop", "ERR_SHOP_NOT_FOUND", put(lambda f: "shop_id", "atlantis", "DEMO")),
    Fault("no item", "ERR_REQUIRED", put(lambda f: "inventory_item_id", "")),
    Fault("an item that is no number", "ERR_INVALID_NUMBER", put(lambda f: "inventory_item_id", "x", "-1")),
    Fault("unknown item", "ERR_PRODUCT_NOT_FOUND", put(lambda f: "inventory_item_id", "99")),
    Fault("no location", "ERR_REQUIRED", put(lambda f: "location_id", "")),
    Fault("a location that is no number", "ERR_INVALID_NUMBER", put(lambda f: "location_id", "Tokyo")),
    Fault("neither tracked nor not", "ERR_INVALID_BOOLEAN", put(lambda f: "tracked", "perhaps")),
    Fault("words for a figure", "ERR_INVALID_NUMBER", put(lambda f: "available", "ten", "3.5", "2000000000")),
    Fault("no time", "ERR_REQUIRED", put(lambda f: "updated_at", "")),
    Fault("time without a zone", "ERR_INVALID_TIMESTAMP", put(lambda f: "updated_at", "2026-08-01T05:00:00")),
    *FAULTS[-2:],
)
FAMILIES += (
    Family(
        catalog.IMPORT_INBOUND_SHIPMENT,
        tuple(shipment_row(random.Random(0), 0)),
        shipment_row,
        "product-sku",
        None,
        None,
        ("quantity",),
        False,
        product_id="product-id",
        faults=SHIPMENT_FAULTS,
        pairs="external-shipment-id",
    ),
    Family(
        catalog.SYNC_INVENTORY_FROM_SHOPIFY_MULTI_THREADING,
        tuple(level_row(random.Random(0), 0)),
        level_row,
        "inventory_item_id",
        None,
        None,
        ("available",),
        True,
        faults=LEVEL_FAULTS,
    ),
)

WHOLE = {
    "no header": "ERR_HEADER",
    "a required column missing": "ERR_HEADER",
    "a byte of another encoding": "ERR_ENCODING",
    "UTF-16": "ERR_ENCODING",
    "lines that end with CR": "ERR_FORMAT",
    "a workbook": "ERR_FORMAT",
    "a broken gzip": "ERR_FORMAT",
}
"""Faults of a whole file: nothing of it is applied."""


@dataclass(frozen=True)
class Generated:
    """A file and what must become of it."""

    name: str
    content: bytes
    code: str | None
    rejects: tuple[tuple[int, str], ...]
    rows: int

    @property
    def outcome(self) -> tuple[str | None, tuple, int]:
        """As `outcomes` tells it."""
        return self.code, self.rejects, 0 if self.code else self.rows - len(self.rejects)


def in_turn(kinds: Iterable[Kind], choose: random.Random) -> Iterator[Kind]:
    """All kinds in some order, again and again: so that none is left to chance."""
    shuffled = list(kinds)
    choose.shuffle(shuffled)
    return cycle(shuffled)


def generate(
    family: Family, number: int, faults: Iterator[Fault], whole: Iterator[str], choose: random.Random
) -> Generated:
    rows: list[tuple[Row, str | None]] = []
    for place in range(choose.randint(3, 12)):
        row = family.make(choose, number * 100 + place)
        second = family.pairs is not None and place % 2 == 1
        if second:
            row |= {family.pairs: rows[-1][0][family.pairs]}
        may_be_bad = second or family.pairs is None
        fault = next(faults) if may_be_bad and choose.random() < 0.35 else None
        if fault is None:
            rows.append((row, None))
            continue
        rows.append((fault.change(family, row, choose), fault.code_for(family)))
        if second:
            rows[-2] = (rows[-2][0], "ERR_SHIPMENT_REFUSED")
    if rows[-1][1] == "ERR_TOO_FEW_COLUMNS":  # at the end it looks cut off, which has its own tests
        rows.append((family.make(choose, number), None))
    columns = list(family.columns)
    choose.shuffle(columns)
    name = f"{number:04}.csv"
    content = written(columns, [row for row, _ in rows])
    if choose.random() < 0.15:
        kind = next(whole)
        spoilt_name, content = spoilt(kind, name, columns, content, family)
        return Generated(spoilt_name, content, WHOLE[kind], (), len(rows))
    bad = tuple((line, code) for line, (_, code) in enumerate(rows, 2) if code)
    return Generated(name, content, None, bad, len(rows))


def written(columns: list[str], rows: list[Row]) -> bytes:
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(columns)
    for row in rows:
        more = ["left over"] if "left over" in row else []
        out.writerow(["cut"] if "" in row else [row.get(name, "") for name in columns] + more)
    return text.getvalue().encode()


def spoilt(kind: str, name: str, columns: list[str], content: bytes, family: Family) -> tuple[str, bytes]:
    header, rest = content.split(b"\n", 1)
    match kind:
        case "no header":
            return name, rest
        case "a required column missing":
            gone = [name.encode() for name in (family.product, family.product_id) if name]
            kept = [b"other%d" % i if one in gone else one for i, one in enumerate(header.split(b","))]
            return name, b",".join(kept) + b"\n" + rest
        case "a byte of another encoding":
            return name, content + content.split(b"\n")[1].replace(b",", b"\xe9,", 1) + b"\n"
        case "UTF-16":
            return name, content.decode().encode("utf-16")
        case "lines that end with CR":
            return name, content.replace(b"\n", b"\r")
        case "a workbook":
            return name, b"PK\x03\x04" + content
        case _:
            return f"{name}.gz", b"\x1f\x8b\x08" + bytes(7) + b"\xff" * 40


@pytest.fixture
def shop_floor(floor: Floor) -> Floor:
    """The floor with products that are hard to name, and the folders of all jobs."""
    for owner in ("TWIN_1", "TWIN_2"):
        identify(floor.conn, product(floor.conn, owner), "SKU", "TWIN")
    identify(floor.conn, product(floor.conn, "ZEROS"), "SKU", "0712")
    for sku, start, end in (("OLD", "2020-01-01", "2021-01-01"), ("SOON", "2099-01-01", None)):
        floor.conn.execute(
            """insert into oms.product_identification
                      (product_id, identification_type_id, id_value, from_date, thru_date)
               values (%s, 'SKU', %s, %s, %s)""",
            (product(floor.conn, f"{sku}_NAME"), sku, start, end),
        )
    floor.conn.execute("insert into oms.product_store (product_store_id, store_name) values ('S', 'S')")
    floor.conn.execute(
        """insert into oms.shop (shop_id, shop_name, connection_id, product_store_id, inventory_master)
           values ('demo', 'Demo', 'shopify_demo', 'S', 'SHOPIFY')"""
    )
    floor.conn.execute(
        """insert into oms.shop_location (shop_id, shopify_location_id, location_name)
           values ('demo', 7001, 'Store 1')"""
    )
    floor.conn.execute("insert into oms.shop_location_facility values ('demo', 'STORE_1', 7001)")
    floor.conn.execute(
        """insert into oms.shop_product
                  (shop_id, shopify_variant_id, shopify_product_id, product_id,
                   shopify_inventory_item_id, tracked)
           select 'demo', number, number, product_id, number, true
             from (select product_id, row_number() over (order by product_id) as number
                     from oms.product where internal_name = any(%s)) as offered""",
        (list(GOOD_SKUS),),
    )
    for family in FAMILIES:
        (floor.root / family.job.import_path).mkdir(parents=True, exist_ok=True)
    return floor


def test_exactly_the_faulty_lines_of_500_files_are_refused(shop_floor: Floor):
    choose = random.Random(SEED)
    made: dict[str, list[Generated]] = defaultdict(list)
    kinds_of = {one.job.dag_id: one.faults or [kind for kind in FAULTS if kind.fits(one)] for one in FAMILIES}
    faults = {dag_id: in_turn(kinds, choose) for dag_id, kinds in kinds_of.items()}
    whole = in_turn(WHOLE, choose)
    for number in range(FILES):
        family = FAMILIES[number % len(FAMILIES)]
        dag_id = family.job.dag_id
        made[dag_id].append(generate(family, number, faults[dag_id], whole, choose))
    kinds = {fault.name for fault in (*FAULTS, *SHIPMENT_FAULTS, *LEVEL_FAULTS)}
    assert len(kinds) + len(WHOLE) >= 40
    assert {code for files in made.values() for one in files for _, code in one.rejects} >= {
        fault.code for fault in (*FAULTS, *SHIPMENT_FAULTS, *LEVEL_FAULTS) if isinstance(fault.code, str)
    }, "every code is met"

    for family in FAMILIES:
        for one in made[family.job.dag_id]:
            shop_floor.drop(family.job, one.name, one.content)
        more = {"facilityId": "CONFIGURATION"} if family.virtual == "ERR_NOT_CONFIG_FACILITY" else {}
        pattern = {"fileNameRegex": "*.csv*"}
        shop_floor.run(family.job, **more, **pattern)

    expected = {(dag, one.name): one for dag, files in made.items() for one in files}
    found = outcomes(shop_floor)
    assert found.keys() == expected.keys()
    different = {
        key: (found[key], told, one.content)
        for key, one in expected.items()
        if found[key] != (told := one.outcome)
    }
    assert different == {}
    assert reject_files(shop_floor) == {
        key: [line for line, _ in one.rejects] for key, one in expected.items() if one.rejects
    }


def outcomes(floor: Floor) -> dict[tuple[str, str], tuple[str | None, tuple, int]]:
    """By job and file: the code of a refused file, its rejected lines, how many lines were good."""
    rejects: dict[int, list[tuple[int, str]]] = defaultdict(list)
    found = floor.conn.execute("select log_id, line_number, error_code from oms.import_reject order by 1, 2")
    for log_id, line, code in found:
        rejects[log_id].append((line, code))
    return {
        (dag_id, name): (code, tuple(rejects[log_id]), good)
        for log_id, dag_id, name, code, good in floor.logs(
            """log_id, dag_id, file_name, case when status = 'DmlsFailed' then error_code end,
               case when status = 'DmlsFinished' then total_count - rejected_count else 0 end::integer"""
        )
    }


def reject_files(floor: Floor) -> dict[tuple[str, str], list[int]]:
    """The lines that each reject file on the server names."""
    named = {}
    for dag_id, name, path in floor.logs("dag_id, file_name, reject_file"):
        if path is None:
            continue
        with (floor.root / path).open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        named[dag_id, name] = [int(row[0]) for row in rows[1:]]
    return named

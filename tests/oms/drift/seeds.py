"""A shop whose levels differ from our figures for known reasons."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from oms import catalog, parameters
from oms.imports import arrival, landing
from oms.imports.jobs import Run
from tests.oms.imports.conftest import RESET
from tests.oms.sync.bench import Bench

CAUSES = (
    "ORDER_NOT_IMPORTED",
    "PUSH_PENDING",
    "UNMAPPED",
    "UNTRACKED",
    "INACTIVE_LEVEL",
    "KIT_OWNED_BY_SHOPIFY",
    "OTHER_WRITER",
    "LATE_FILE",
)
CLEAN = "CLEAN"
JOB = catalog.IMPORT_INVENTORY_RESET


def seed(
    oms: Bench, sftp: Any, sftp_root: Path, each: int, clean: int, mode: str = "DELTA"
) -> dict[str, str]:
    """Open a shop, push, then let `each` levels differ for each cause; return the cause by SKU."""
    expected = {f"{cause}-{number:04}": cause for cause in CAUSES for number in range(each)}
    of = {cause: [sku for sku, its in expected.items() if its == cause] for cause in CAUSES}
    special = {"UNTRACKED": {"tracked": False}, "KIT_OWNED_BY_SHOPIFY": {"bundle": True}}
    products = {sku: {"levels": {"Main": 7}} | special.get(cause, {}) for sku, cause in expected.items()}
    products |= {f"{CLEAN}-{number:04}": 7 for number in range(clean)}
    oms.open_shop("demo", products, mode=mode)
    oms.db.execute(
        """insert into oms.product_identification (product_id, identification_type_id, id_value)
           select product_id, 'SKU', internal_name from oms.product"""
    )
    move(oms, [*products], 50, "first")
    oms.db.execute(
        """delete from oms.shop_product using oms.product
            where product.product_id = shop_product.product_id and internal_name like 'UNMAPPED%'"""
    )
    oms.push("HARD", push_seconds=120)

    for sku in of["ORDER_NOT_IMPORTED"]:
        oms.server.place_order("demo", {"sku": sku, "quantity": 3})
    move(oms, of["PUSH_PENDING"], -2, "second")
    for sku in of["INACTIVE_LEVEL"]:
        oms.server.set_active("demo", sku, "Main", False)
    for sku in (*of["OTHER_WRITER"], *of["LATE_FILE"]):
        oms.server.adjust("demo", sku, "Main", delta=4)
    folder = sftp_root / JOB.import_path
    folder.mkdir(parents=True)
    (folder / "late.csv").write_text(RESET + "".join(f"WH,SKU,{sku},54\n" for sku in of["LATE_FILE"]))
    given = parameters.resolve(JOB, {}) | {"settleSeconds": 0}
    landing.land(oms.db, sftp, JOB, given, Run(JOB.dag_id, "late"), arrival.find(sftp, given))
    return expected


def move(oms: Bench, skus: Sequence[str], diff: int, key: str) -> None:
    """One transaction of ledger entries at the warehouse."""
    with oms.db.transaction():
        oms.db.execute(
            """insert into oms.inventory_item (product_id, facility_id)
               select product_id, 'WH' from oms.product where internal_name = any(%s)
                   on conflict do nothing""",
            (list(skus),),
        )
        oms.db.execute(
            """insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, reason_id, source_key)
               select inventory_item_id, %s, %s, 'VAR_MANUAL', %s || internal_name
                 from oms.inventory_item join oms.product using (product_id)
                where internal_name = any(%s)""",
            (diff, diff, key, list(skus)),
        )

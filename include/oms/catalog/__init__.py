"""The job catalogue: every job with its ids, category, schedule, parameters and what a person must know.

The one source of truth: DAGs, forms, texts, `dags/README.md` and parameter checks are made from it. A
module holds the jobs of one topic; here they are put in their order. Sources of the tables: spec
inventory.md 3.3, 4, 4.2, 5, 6; orders.md 1.5, 3.1, 11.

Safety nets that run every five or fifteen minutes do so at different minutes: at the same one they would wait
for each other, and files that arrive for them.
"""

from oms.catalog.categories import category_job
from oms.catalog.configuration_files import (
    EXPORT_PRODUCT_THRESHOLDS,
    IMPORT_PRODUCT_FACILITY,
    IMPORT_PRODUCT_THRESHOLDS,
)
from oms.catalog.initial_load import IMPORT_PRODUCTS_IN_BULK
from oms.catalog.inventory_drift import RECONCILE_INVENTORY
from oms.catalog.inventory_files import (
    APPROVE_HELD_FILES,
    FILE_HELD,
    IMPORT_INVENTORY_RESET,
    IMPORT_INVENTORY_VARIANCE,
)
from oms.catalog.inventory_from_shop import (
    LEVEL_WEBHOOKS,
    RECEIVE_INVENTORY_LEVEL_WEBHOOKS,
    SYNC_INVENTORY_FROM_SHOPIFY,
    SYNC_INVENTORY_FROM_SHOPIFY_MULTI_THREADING,
)
from oms.catalog.inventory_kits import BULK_RECENT_KIT_PRODUCT_INVENTORY_SETUP
from oms.catalog.inventory_packing import EXPORT_PACKED_ORDER_DEPLETION
from oms.catalog.inventory_pushes import (
    INVENTORY,
    INVENTORY_RESET,
    PUSH_INVENTORY_DELTAS,
    STOCK_CHANGED_DELTA,
    STOCK_CHANGED_RECENT,
    UPLOAD_INVENTORY,
    UPLOAD_RECENT_INVENTORY_CHANGES,
)
from oms.catalog.miscellaneous import CHECK_FEEDS, HOUSE_KEEPING
from oms.catalog.model import (
    BALANCE,
    CATEGORIES,
    DIRECTIONS,
    ApprovalJob,
    CategoryJob,
    ImportConfig,
    ImportJob,
    Job,
    Json,
    Parameter,
    PullJob,
    SyncJob,
    TaskJob,
)
from oms.catalog.netsuite_files import (
    IMPORT_INVENTORY_ADJUSTMENT,
    IMPORT_INVENTORY_TRANSFER,
    IMPORT_ITEM_RECEIPT,
)
from oms.catalog.restock import SCHEDULE_RESTOCK, SCHEDULED_RESTOCK
from oms.catalog.shipment_files import IMPORT_INBOUND_SHIPMENT
from oms.catalog.undoing import UNDO_IMPORT
from oms.catalog.warehouse_allotment import IMPORT_WAREHOUSE_ALLOTMENT
from oms.catalog.webhooks import MANAGE_WEBHOOK_SUBSCRIPTIONS

__all__ = [
    "APPROVE_HELD_FILES",
    "BALANCE",
    "BULK_RECENT_KIT_PRODUCT_INVENTORY_SETUP",
    "CATEGORIES",
    "CHECK_FEEDS",
    "DIRECTIONS",
    "EXPORT_PACKED_ORDER_DEPLETION",
    "EXPORT_PRODUCT_THRESHOLDS",
    "FILE_HELD",
    "HOUSE_KEEPING",
    "IMPORT_INBOUND_SHIPMENT",
    "IMPORT_INVENTORY_ADJUSTMENT",
    "IMPORT_INVENTORY_RESET",
    "IMPORT_INVENTORY_TRANSFER",
    "IMPORT_INVENTORY_VARIANCE",
    "IMPORT_ITEM_RECEIPT",
    "IMPORT_PRODUCTS_IN_BULK",
    "IMPORT_PRODUCT_FACILITY",
    "IMPORT_PRODUCT_THRESHOLDS",
    "IMPORT_WAREHOUSE_ALLOTMENT",
    "INITIAL_LOAD",
    "INITIAL_LOADS",
    "INVENTORY",
    "INVENTORY_CATEGORY",
    "INVENTORY_IMPORTS",
    "INVENTORY_PULLS",
    "INVENTORY_RESET",
    "INVENTORY_SYNCS",
    "INVENTORY_TASKS",
    "JOBS",
    "LEVEL_WEBHOOKS",
    "MANAGE_WEBHOOK_SUBSCRIPTIONS",
    "MISCELLANEOUS_TASKS",
    "PUSH_INVENTORY_DELTAS",
    "RECEIVE_INVENTORY_LEVEL_WEBHOOKS",
    "RECONCILE_INVENTORY",
    "SCHEDULED_RESTOCK",
    "SCHEDULE_RESTOCK",
    "STOCK_CHANGED_DELTA",
    "STOCK_CHANGED_RECENT",
    "SYNC_INVENTORY_FROM_SHOPIFY",
    "SYNC_INVENTORY_FROM_SHOPIFY_MULTI_THREADING",
    "UNDO_IMPORT",
    "UPLOAD_INVENTORY",
    "UPLOAD_RECENT_INVENTORY_CHANGES",
    "ApprovalJob",
    "CategoryJob",
    "ImportConfig",
    "ImportJob",
    "Job",
    "Json",
    "Parameter",
    "PullJob",
    "SyncJob",
    "TaskJob",
]

INITIAL_LOADS: tuple[PullJob, ...] = (IMPORT_PRODUCTS_IN_BULK,)
INVENTORY_IMPORTS: tuple[ImportJob, ...] = (
    IMPORT_INVENTORY_RESET,
    IMPORT_INVENTORY_VARIANCE,
    IMPORT_ITEM_RECEIPT,
    IMPORT_INVENTORY_TRANSFER,
    IMPORT_INVENTORY_ADJUSTMENT,
    IMPORT_WAREHOUSE_ALLOTMENT,
    IMPORT_INBOUND_SHIPMENT,
    IMPORT_PRODUCT_FACILITY,
    IMPORT_PRODUCT_THRESHOLDS,
    SYNC_INVENTORY_FROM_SHOPIFY_MULTI_THREADING,
)
INVENTORY_TASKS: tuple[TaskJob, ...] = (
    BULK_RECENT_KIT_PRODUCT_INVENTORY_SETUP,
    RECEIVE_INVENTORY_LEVEL_WEBHOOKS,
    RECONCILE_INVENTORY,
    EXPORT_PRODUCT_THRESHOLDS,
    EXPORT_PACKED_ORDER_DEPLETION,
    UNDO_IMPORT,
    SCHEDULE_RESTOCK,
    SCHEDULED_RESTOCK,
)
INVENTORY_PULLS: tuple[PullJob, ...] = (SYNC_INVENTORY_FROM_SHOPIFY,)
MISCELLANEOUS_TASKS: tuple[TaskJob, ...] = (CHECK_FEEDS, HOUSE_KEEPING, MANAGE_WEBHOOK_SUBSCRIPTIONS)
INVENTORY_SYNCS: tuple[SyncJob, ...] = (
    UPLOAD_RECENT_INVENTORY_CHANGES,
    PUSH_INVENTORY_DELTAS,
    UPLOAD_INVENTORY,
)

INITIAL_LOAD = category_job(
    "initial_load",
    "Initial load",
    (
        "Fills an empty OMS from a shop, in the order that matters: products first, then everything that "
        "names them."
    ),
    (IMPORT_PRODUCTS_IN_BULK,),
    forwarded=(IMPORT_PRODUCTS_IN_BULK.parameter("shopId"),),
)
INVENTORY_CATEGORY = category_job(
    "inventory",
    "Inventory",
    (
        "Runs the inventory jobs of one tick in order: the levels of shops whose stock Shopify owns, then "
        "files in, resets before variances, then the figures out to Shopify."
    ),
    (
        SYNC_INVENTORY_FROM_SHOPIFY,
        IMPORT_INVENTORY_RESET,
        IMPORT_INVENTORY_VARIANCE,
        IMPORT_ITEM_RECEIPT,
        IMPORT_INVENTORY_TRANSFER,
        IMPORT_INVENTORY_ADJUSTMENT,
        IMPORT_WAREHOUSE_ALLOTMENT,
        IMPORT_INBOUND_SHIPMENT,
        IMPORT_PRODUCT_FACILITY,
        EXPORT_PRODUCT_THRESHOLDS,
        IMPORT_PRODUCT_THRESHOLDS,
        BULK_RECENT_KIT_PRODUCT_INVENTORY_SETUP,
        EXPORT_PACKED_ORDER_DEPLETION,
        UPLOAD_RECENT_INVENTORY_CHANGES,
        PUSH_INVENTORY_DELTAS,
        UPLOAD_INVENTORY,
    ),
    left_out=(
        (
            SYNC_INVENTORY_FROM_SHOPIFY_MULTI_THREADING,
            "a file of levels is taken when it comes; here the levels themselves are read",
        ),
        (APPROVE_HELD_FILES, "it waits for the answer of a person, and nothing else may wait with it"),
        (RECEIVE_INVENTORY_LEVEL_WEBHOOKS, "webhooks ring for it, and it looks every minute"),
        (RECONCILE_INVENTORY, "it measures what the pushes have left, and changes nothing"),
        (UNDO_IMPORT, "a person says which file is taken back"),
        (SCHEDULE_RESTOCK, "a person says what is restocked and when"),
        (SCHEDULED_RESTOCK, "each restock has its own time"),
    ),
)

JOBS: dict[str, Job] = {
    job.dag_id: job
    for job in (
        INITIAL_LOAD,
        *INITIAL_LOADS,
        INVENTORY_CATEGORY,
        *INVENTORY_IMPORTS,
        APPROVE_HELD_FILES,
        *INVENTORY_PULLS,
        *INVENTORY_TASKS,
        *INVENTORY_SYNCS,
        *MISCELLANEOUS_TASKS,
    )
}
"""Every job by its DAG id."""

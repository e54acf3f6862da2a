"""How far the shops are from our figures (spec inventory.md 6.7, 6.8)."""

from oms.catalog.model import Parameter, TaskJob
from oms.catalog.shared import SAFETY, SHOP_IDS

CAUSES = (
    "ORDER_NOT_IMPORTED",
    "PUSH_PENDING",
    "UNMAPPED",
    "UNTRACKED",
    "INACTIVE_LEVEL",
    "KIT_OWNED_BY_SHOPIFY",
    "OTHER_WRITER",
    "LATE_FILE",
    "REFUSED",
    "UNKNOWN",
)
"""What a difference can come from."""

RECONCILE_INVENTORY = TaskJob(
    dag_id="reconcile_inventory",
    name="Reconcile Inventory",
    category="inventory",
    runs_alone="it measures what the pushes have left, and changes nothing",
    direction="shopify-in",
    schedule="30 4 * * *",
    pool="shopify",
    function="oms.drift.report:report_all",
    minutes=240,
    purpose=(
        "Compares every mapped level with the shop and names the cause of each difference: an order not "
        "imported yet, a push under way, somebody else's change, a file that waits, a product or level that "
        "is not set up for it. The result is a table and a chart on SFTP, and stays in the database."
    ),
    when="Every morning at 4:30, after the nightly Upload Inventory; by hand when a figure is doubted.",
    repeat="Safe: it changes nothing. With repair it is as safe as Upload Inventory.",
    on_failure=(
        "A shop that could not be read fails the run; the reports of the others are there. "
        "Differences are no failure."
    ),
    what_to_do=(
        "Open the table (its path is in the log). OTHER_WRITER: ask who else changes stock in the shop. "
        "UNMAPPED, UNTRACKED, INACTIVE_LEVEL: correct the product in the shop. LATE_FILE: see to the file "
        "that is named. `python -m oms why SKU FACILITY` shows what is behind our figure."
    ),
    parameters=(
        SHOP_IDS,
        Parameter(
            name="propertyResource",
            types=("string",),
            default="FTP_EXP_CONFIG",
            example="FTP_EXP_CONFIG",
            required=True,
            check="property_resource",
            description="The SFTP server for both files: the Airflow connection of this name in lower case.",
        ),
        Parameter(
            name="exportPath",
            types=("string",),
            default="inventory/drift",
            example="reports/drift",
            required=True,
            check="path",
            description="Folder for table and chart, relative to the login's own; made if it is missing.",
        ),
        Parameter(
            name="repair",
            types=("boolean",),
            default=False,
            example=True,
            section=SAFETY,
            description=(
                "Let a hard sync compare and send the products whose difference has one of the causes below. "
                "At a guarded location a change by hand is repaired at the second look, as ever."
            ),
        ),
        Parameter(
            name="repairCauses",
            types=("array",),
            enum=CAUSES,
            default=["OTHER_WRITER", "PUSH_PENDING", "UNKNOWN"],
            example=["OTHER_WRITER"],
            section=SAFETY,
            description="Which causes `repair` is for.",
        ),
        Parameter(
            name="guardUndownloadedOrders",
            types=("boolean",),
            default=False,
            example=True,
            section=SAFETY,
            description=(
                "For repair: do not add back units of orders that are not imported yet. Always on for "
                "locations in DELTA mode."
            ),
        ),
    ),
)

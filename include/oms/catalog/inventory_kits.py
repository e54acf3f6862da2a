"""The balances of kits (spec inventory.md 2.5, 5.12)."""

from oms.catalog.model import Parameter, TaskJob
from oms.catalog.shared import SAFETY

BULK_RECENT_KIT_PRODUCT_INVENTORY_SETUP = TaskJob(
    dag_id="bulk_recent_kit_product_inventory_setup",
    name="Bulk Recent Kit Product Inventory Setup",
    category="inventory",
    direction="internal",
    enum_id="BLK_RCNT_KIT_INV",
    schedule="13-59/15 * * * *",
    function="oms.inventory.kits:compute",
    minutes=30,
    purpose=(
        "Works out how many of each kit can be made at each facility, from the stock of its components "
        "there, and brings the kit's own stock to that figure. Pushes to Shopify then treat the kit like any "
        "product."
    ),
    when="Every 15 minutes, ahead of the pushes; in the inventory category after the files.",
    repeat="Safe: a kit whose figure is right gets no entry.",
    on_failure="Nothing is written: all kits of a run change together, or none.",
    what_to_do=(
        "Read the log. A kit that contains itself is refused and named: correct its components with "
        "`python -m oms kits FILE`. Then start the job again or wait for the next run."
    ),
    parameters=(
        Parameter(
            name="includeAll",
            types=("boolean",),
            default=False,
            example=True,
            source="S0",
            description=(
                "True: every kit. False: kits that were defined anew or whose components have moved since "
                "the last run."
            ),
        ),
        Parameter(
            name="componentBasis",
            types=("string",),
            default="ATP",
            example="COMPUTED_ATP",
            enum=("ATP", "COMPUTED_ATP"),
            description="What of a component counts: all of its ATP, or what is left above its safety stock.",
        ),
        Parameter(
            name="dryRun",
            types=("boolean",),
            default=False,
            example=True,
            section=SAFETY,
            description="Show what would be booked, and book nothing.",
        ),
    ),
)

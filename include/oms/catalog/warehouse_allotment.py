"""The warehouse's share for online orders, uploaded by people (spec inventory.md 5.20)."""

from oms.catalog.model import DELTA, ImportConfig, ImportJob, Parameter
from oms.catalog.shared import file_parameters, negative_policy

IMPORT_WAREHOUSE_ALLOTMENT = ImportJob(
    dag_id="import_warehouse_allotment",
    name="Import warehouse allotment",
    other_names=("Warehouse manual upload", "createVarianceAndUpdateOnShopify"),
    category="inventory",
    schedule="5-59/15 * * * *",
    pool="imports_now",
    configs=(
        ImportConfig(
            config_id="IMP_INV_VAR_SHOPIFY",
            file_type="allotment",
            import_path="merchandising/warehouse_allotment/incoming",
            meaning="The file states what merchandisers allot to online orders, as changes or as balances.",
            settings={"default_reason": "VAR_MANUAL"},
            refuse_repeated=True,
        ),
    ),
    kind=DELTA,
    pushes_at_once=True,
    purpose=(
        "Books the share of a warehouse that merchandisers allot to online orders, and tells the shops at "
        "once: each product that moved is compared with what its shop was told, and the difference is sent."
    ),
    when=(
        "As soon as a file has arrived completely; every 15 minutes the folder is looked through as a "
        "safety net, and shops that could not be told yet are told."
    ),
    repeat=(
        "Safe: the same content within 72 hours is refused with the number of the earlier upload, unless "
        "force is set. The push sends what the shop does not know yet, so repeating it sends nothing."
    ),
    on_failure=(
        "Good lines are booked, bad ones are set aside one by one. If a shop cannot be told, the stock is "
        "booked all the same, and the next push of that shop sends the difference."
    ),
    parameters=(
        *file_parameters(
            config_id="IMP_INV_VAR_SHOPIFY",
            config_ids=("IMP_INV_VAR_SHOPIFY",),
            group_by=None,
            file_pattern=None,
            schedule_now=True,
            require_final_newline=False,
            additional_example={"mode": "RESET"},
        ),
        Parameter(
            name="mode",
            types=("string",),
            default="VARIANCE",
            example="RESET",
            enum=("VARIANCE", "RESET"),
            additional=True,
            description=(
                "VARIANCE: the figures are added to the stock. RESET: they are the whole allotment on hand."
            ),
        ),
        negative_policy("floor"),
    ),
)

"""Stock figures to Shopify (spec inventory.md 5.1-5.3, 6)."""

from oms.catalog.model import Parameter, SyncJob
from oms.catalog.shared import COMPARING, SAFETY, push_parameters
from oms.catalog.signals import INVENTORY_RESET, STOCK_CHANGED_DELTA, STOCK_CHANGED_RECENT

PUSH_REPAIR = (
    "Read the log of the shop's task: it names the levels that Shopify refused and why (often a "
    "product that is no longer stocked at the location). Correct that and start the job again. If the"
    " shop itself is down, nothing needs to be done. If batches wait for a person, `python -m oms settle` "
    "says what to look at in the shop and takes the decision."
)
PUSH_FAILURE = (
    "The task of the shop fails, other shops are served on time. What was not sent stays on the list "
    "and goes out with the next run; a call whose answer was lost is repeated under its key, so "
    "nothing is counted twice."
)

UPLOAD_RECENT_INVENTORY_CHANGES = SyncJob(
    dag_id="upload_recent_inventory_changes",
    name="Upload Recent Inventory Changes",
    category="inventory",
    enum_id="UL_RCNT_INV",
    schedule="*/15 * * * *",
    mode="RECENT",
    signals=(STOCK_CHANGED_RECENT,),
    purpose=(
        "Brings the stock of products that changed to Shopify: reads Shopify's figures of those "
        "products, compares and sends the differences, for locations in RECENT mode."
    ),
    when="Seconds after a change of stock, and every 15 minutes as a safety net.",
    repeat="Safe: once Shopify shows the right figure the difference is 0 and nothing is sent.",
    on_failure=PUSH_FAILURE,
    what_to_do=PUSH_REPAIR
    + " If the first comparison of a location stopped because too many figures would go to 0: is all stock "
    "imported? If so, start Upload Inventory with a higher maxDropPct.",
    parameters=(*push_parameters(include_all=False, facility_group_source="S0"), *COMPARING),
)

PUSH_INVENTORY_DELTAS = SyncJob(
    dag_id="push_inventory_deltas",
    name="Push Updated Inventory Deltas to Shopify",
    other_names=("Upload Inventory Variances",),
    category="inventory",
    aliases=("JOB_ADJ_INV",),
    schedule="*/5 * * * *",
    mode="DELTA",
    signals=(STOCK_CHANGED_DELTA,),
    purpose=(
        "Sends only the net change that Shopify was not told of, without reading its figures, for "
        "locations in DELTA mode. Units that Shopify sold and the OMS has not imported yet stay "
        "deducted, so fast sellers are not sold twice. Only a level that is new there is read, and "
        "compared alone, once somebody has told its stock."
    ),
    when="Seconds after a change of stock, and every 5 minutes as a safety net.",
    repeat="Safe: what was sent is in the book of the level and is not sent again.",
    on_failure=PUSH_FAILURE,
    what_to_do=PUSH_REPAIR
    + " A location that was just switched to DELTA mode asks for one Upload Inventory first: start that job."
    " If it stopped because new levels would go to 0: is all stock imported? If so, start Upload Inventory "
    "with a higher maxDropPct.",
    parameters=(
        *push_parameters(include_all=None, facility_group_source="D"),
        Parameter(
            name="reasonGroupId",
            types=("string",),
            default="SHPFY_INV_DLT_REASON",
            example="SHPFY_INV_DLT_REASON",
            required=True,
            source="D",
            description="Which reasons of a change are sent; the others wait for the next Upload Inventory.",
        ),
        Parameter(
            name="excludeCategoryId",
            example="NEW_LAUNCHED_PROD",
            source="D",
            description=(
                "Products of this category are left out (just launched: the first 24 hours, stores only)."
            ),
        ),
        Parameter(
            name="includeForeignReservations",
            types=("boolean",),
            default=True,
            example=False,
            description=(
                "Also send reservations that Shopify cannot know: transfers, orders of other channels."
            ),
        ),
    ),
)

UPLOAD_INVENTORY = SyncJob(
    dag_id="upload_inventory",
    name="Upload Inventory",
    other_names=("Hard Sync",),
    category="inventory",
    enum_id="JOB_UL_INV",
    schedule="0 2 * * *",
    mode="HARD",
    signals=(INVENTORY_RESET,),
    purpose=(
        "Compares every level of every mapped location with Shopify and sends the differences. It "
        "repairs whatever the frequent jobs cannot see: figures changed by hand in Shopify, pushes "
        "that were lost."
    ),
    when=(
        "Every night at 02:00; by hand after a facility joined a channel or a location was switched "
        "to DELTA mode; after an inventory reset that changed something, for locations in DELTA mode."
    ),
    repeat="Safe: a second run finds no differences.",
    on_failure=PUSH_FAILURE,
    what_to_do=PUSH_REPAIR
    + (
        " If it stopped because too many figures would go to 0, look at a dry run first; then raise "
        "maxDropPct for one run."
    ),
    parameters=(
        *push_parameters(include_all=True, facility_group_source="D"),
        *COMPARING,
        Parameter(
            name="secondLookMinutes",
            types=("number",),
            default=15,
            example=60,
            minimum=0,
            maximum=90,
            section=SAFETY,
            description=(
                "Where orders not yet downloaded are guarded: what somebody changed in Shopify is corrected "
                "at the second look, after the next import of orders; how long to wait for it. 0: the next "
                "run looks again."
            ),
        ),
        Parameter(
            name="maxDropPct",
            types=("number", "null"),
            default=50,
            example=100,
            minimum=0,
            maximum=100,
            section=SAFETY,
            description=(
                "Stop before the first call if more than this percentage of a location would go to 0, and "
                "these are at least ten levels or the location was never compared; empty: never stop."
            ),
        ),
    ),
)

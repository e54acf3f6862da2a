"""Stock figures from Shopify (spec inventory.md 5.14-5.16)."""

from oms.catalog.model import RESET, ImportConfig, ImportJob, Parameter, PullJob, TaskJob
from oms.catalog.shared import HOW, SAFETY, SHOPS, file_parameters
from oms.catalog.signals import LEVEL_WEBHOOKS

TARGET_FACILITY = Parameter(
    name="targetFacilityId",
    example="WAREHOUSE",
    additional=True,
    section=SHOPS,
    description=(
        "The facility that a consolidated location stands for here; empty: its figure cannot be split among "
        "its facilities and is skipped."
    ),
)

LEVELS = (
    Parameter(
        name="quantityName",
        types=("string",),
        default="available",
        example="on_hand",
        enum=("available", "on_hand"),
        additional=True,
        section=HOW,
        description=(
            "What the balance follows: available = what may be promised (ATP), on_hand = what lies "
            "there (QOH)."
        ),
    ),
    TARGET_FACILITY,
    Parameter(
        name="initialStock",
        types=("boolean",),
        default=False,
        example=True,
        additional=True,
        section=SAFETY,
        description=(
            "To begin with Shopify's figures where the OMS becomes the owner: also for shops whose stock the "
            "OMS owns, but only at facilities that have no entry in the ledger yet."
        ),
    ),
)

SYNC_INVENTORY_FROM_SHOPIFY = PullJob(
    dag_id="sync_inventory_from_shopify",
    name="Sync Inventory From Shopify",
    category="inventory",
    enum_id="JOB_SYNC_INV_FRM_SHPY",
    aliases=("JOB_SYNC_INV_SHPFY",),
    schedule="30 1 * * *",
    function="oms.stock_pulls.sync:run",
    everyone="SHOPIFY",
    purpose=(
        "Sets the stock of the stores to the levels of their Shopify locations: for shops whose stock "
        "Shopify owns. It also repairs what webhooks on levels have missed."
    ),
    when="Every night at 01:30; by hand with initialStock when the OMS becomes the owner of a shop's stock.",
    repeat="Safe: a level that has not changed in Shopify since it was applied is left alone.",
    on_failure=(
        "A shop whose stock the OMS owns fails with that message, before anything is asked. If the export or "
        "its download breaks off nothing is changed. Levels that cannot be taken stop no other; they stand "
        "with their reasons in a file below `rejectPath`, named like the log."
    ),
    what_to_do=(
        "Read the log of the shop's task. An unknown item: import products, then start the job again. "
        "Otherwise nothing: the next attempt asks Shopify anew."
    ),
    parameters=(
        Parameter(
            name="shopId",
            types=("array", "string", "null"),
            example=["NEW_ERA_JP"],
            section=SHOPS,
            description="Shops to read; empty: every shop whose stock Shopify owns.",
        ),
        Parameter(
            name="includeAll",
            types=("boolean",),
            default=True,
            example=False,
            source="S0",
            description="True: every level. False: only levels that changed since the last run.",
        ),
        Parameter(
            name="frequency",
            types=("integer",),
            said_as="minutes",
            default=15,
            example=60,
            minimum=1,
            maximum=525_600,
            source="S0",
            description="Minutes to look back if there was no run yet; only without includeAll.",
        ),
        Parameter(
            name="bufferTime",
            aliases=("buffertime",),
            types=("integer",),
            said_as="minutes",
            default=5,
            example=10,
            minimum=0,
            maximum=525_600,
            source="S0",
            description="Minutes by which the window begins before the end of the last one.",
        ),
        Parameter(
            name="scheduleNow",
            types=("boolean",),
            said_as="switch",
            default=True,
            example=False,
            section=HOW,
            source="S0",
            description="True: applied as soon as downloaded; false: in turn with the files that wait.",
        ),
        *LEVELS,
        Parameter(
            name="propertyResource",
            default="FTP_CONFIG",
            example="FTP_CONFIG",
            check="property_resource",
            section=HOW,
            description=(
                "The SFTP server for the file of levels that cannot be taken: the Airflow connection of this "
                "name in lower case. Empty: no file, they are only in oms.import_reject."
            ),
        ),
        Parameter(
            name="rejectPath",
            types=("string",),
            default="shopify/inventory_levels",
            example="reports/levels",
            required=True,
            check="path",
            section=HOW,
            description="Above that file's folder `error/`, relative to the login's own; made if missing.",
        ),
        Parameter(
            name="dryRun",
            types=("boolean",),
            default=False,
            example=True,
            section=SAFETY,
            description="Count what would be applied, and change nothing.",
        ),
    ),
)

SYNC_INVENTORY_FROM_SHOPIFY_MULTI_THREADING = ImportJob(
    dag_id="sync_inventory_from_shopify_multi_threading",
    name="Sync Inventory From Shopify in Multi-Threading",
    category="inventory",
    runs_alone="a file of levels is taken when it comes; here the levels themselves are read",
    enum_id="SYNC_INV_SHPF_MLTTHD",
    aliases=("JOB_SNC_INV_SHPF_THD",),
    schedule="9-59/15 * * * *",
    pool="imports",
    configs=(
        ImportConfig(
            config_id="SYNC_INV_SHPF_MLTTHD",
            file_type="stock_pulls.shop_levels",
            import_path="shopify/inventory_levels/incoming",
            meaning="The file states levels of Shopify, whose figures the balances of the facilities take.",
        ),
    ),
    kind=RESET,
    purpose=(
        "Sets the stock of the stores to the figures of a file of Shopify's levels that somebody exported, "
        "the locations side by side. For shops whose stock Shopify owns; without a file, Sync Inventory From "
        "Shopify fetches the levels itself."
    ),
    repeat="Safe: a level that has not changed in Shopify since it was applied is left alone.",
    on_failure=(
        "Good lines are applied, bad ones are set aside one by one. A file with a line of a shop whose stock "
        "the OMS owns goes to `error/` as a whole and changes nothing."
    ),
    parameters=(
        *file_parameters(
            config_id="SYNC_INV_SHPF_MLTTHD",
            config_ids=("SYNC_INV_SHPF_MLTTHD",),
            group_by="location_id",
            group_by_example="location_id",
            file_pattern="*.csv",
            schedule_now=False,
            require_final_newline=False,
            additional_example={"quantityName": "on_hand"},
        ),
        *LEVELS,
    ),
)

RECEIVE_INVENTORY_LEVEL_WEBHOOKS = TaskJob(
    dag_id="receive_inventory_level_webhooks",
    name="Receive Inventory Level Webhooks",
    other_names=("Inventory level update",),
    category="inventory",
    runs_alone="webhooks start it, and it looks every minute",
    direction="shopify-in",
    aliases=("INVENTORY_LEVELS_UPDATE",),
    schedule="* * * * *",
    function="oms.stock_pulls.webhooks:receive",
    sets_balances=True,
    signals=(LEVEL_WEBHOOKS,),
    minutes=15,
    purpose=(
        "Works off what Shopify tells of its stock levels. Where Shopify owns the stock, the balance of the "
        "store follows; where the OMS does, the difference to our own figure is noted in "
        "`oms.shop_level_drift` and nothing changes. Other shops that show the same store in DELTA mode are "
        "told by a hard sync, called for every 15 minutes at most."
    ),
    when="Seconds after webhooks came in, and every minute as a safety net.",
    repeat="Safe: every event is worked off once, and an older word never replaces a newer one.",
    on_failure=(
        "Events that were not worked off stay NEW in `oms.webhook_inbox` and are the next run's. An event "
        "that nobody can use (an unknown item, a damaged payload) is FAILED there with its reason and stops "
        "no other."
    ),
    what_to_do=(
        "Nothing if the next run is green. For FAILED events read their reason: after an import of products "
        "those of unknown items are taken up by themselves; others are set back to NEW once they are mended."
    ),
    parameters=(
        Parameter(
            name="limit",
            types=("integer",),
            default=5000,
            example=1000,
            minimum=1,
            maximum=100_000,
            description="Events in one transaction.",
        ),
        TARGET_FACILITY,
    ),
)

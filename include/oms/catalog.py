"""The job catalogue: every job with its ids, category, schedule, parameters and what a person must know.

The one source of truth: DAGs, forms, texts, `dags/README.md` and parameter checks are made from it.
Sources of the tables: spec inventory.md 3.3, 4, 4.2, 5.1-5.5, 6; orders.md 1.5, 3.1, 11. The marks of a
parameter's `source` are those of the spec: S = stated by a product document, D = by the vendor's public
documentation, C = our choice.
"""

from dataclasses import dataclass
from typing import Any

Json = Any
"""A value as JSON has it: text, number, boolean, list, object or null."""

BALANCE = "BALANCE"
"""Ordering domain of everything that changes QOH or ATP (inventory.md 3.4)."""

CATEGORIES = (
    "initial_load",
    "products",
    "orders",
    "brokering",
    "pre_order",
    "fulfillment",
    "inventory",
    "miscellaneous",
)
DIRECTIONS = ("sftp-in", "sftp-out", "shopify-in", "shopify-out", "internal")


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of a job: one field of its form, one key of its `conf`."""

    name: str
    description: str
    types: tuple[str, ...] = ("string", "null")
    """JSON types; "null" among them: the parameter may be left out."""
    default: Json = None
    example: Json = None
    enum: tuple[Json, ...] = ()
    """The only values allowed; empty: any of the types."""
    minimum: int | None = None
    maximum: int | None = None
    required: bool = False
    """A run without a value fails before any effect."""
    aliases: tuple[str, ...] = ()
    """Other spellings, as they stand in the product documents."""
    check: str | None = None
    """A rule beyond the type: "path", "file_name", "file_pattern", "config_id" or "property_resource"."""
    additional: bool = False
    """May also be given as a key of `additionalParameters`."""
    section: str = "What to do"
    source: str = "C"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job: a DAG of its own."""

    dag_id: str
    name: str
    """As the product documents call it."""
    category: str
    direction: str
    parameters: tuple[Parameter, ...]
    enum_id: str | None = None
    aliases: tuple[str, ...] = ()
    """Other ids of the same job."""
    other_names: tuple[str, ...] = ()
    schedule: str | None = None
    """Cron in the installation's time zone, null: only by hand, by a file or by a change."""
    pool: str = "default_pool"
    purpose: str
    """What it does for the business."""
    when: str
    repeat: str
    """Whether running it again is safe, and why."""
    on_failure: str
    what_to_do: str
    """What a person does then."""

    def parameter(self, name: str) -> Parameter:
        """The parameter of this canonical name; KeyError if the job has none."""
        return {parameter.name: parameter for parameter in self.parameters}[name]


@dataclass(frozen=True, kw_only=True)
class ImportConfig:
    """What a `configId` stands for: the kind of file, what it means and where it arrives."""

    config_id: str
    file_type: str
    """The file contract: the module of this name in oms.imports."""
    import_path: str
    """SFTP folder below the login's folder."""
    meaning: str


@dataclass(frozen=True, kw_only=True)
class ImportJob(Job):
    """A job that reads files from SFTP."""

    configs: tuple[ImportConfig, ...]
    """The first one is the default."""
    kind: str
    """reset: the file states balances; delta: it states changes (inventory.md 3.6)."""
    domain: str = BALANCE

    @property
    def config_id(self) -> str:
        return self.configs[0].config_id

    @property
    def config_ids(self) -> tuple[str, ...]:
        return tuple(config.config_id for config in self.configs)

    @property
    def import_path(self) -> str:
        return self.configs[0].import_path

    @property
    def schedule_now(self) -> bool:
        """Default of `scheduleNow`: true = applied ahead of the queue of its domain."""
        return self.parameter("scheduleNow").default

    @property
    def group_by(self) -> str | None:
        """Default of `groupBy`."""
        return self.parameter("groupBy").default

    def config(self, config_id: str) -> ImportConfig:
        """The configuration of this id; KeyError if it is not one of this job's."""
        return {config.config_id: config for config in self.configs}[config_id]


@dataclass(frozen=True, kw_only=True)
class SyncJob(Job):
    """A job that brings stock figures to Shopify: one task for each shop."""

    mode: str
    """RECENT, HARD or DELTA (inventory.md 6.1)."""
    rung_by: tuple[str, ...] = ()
    """Names of the assets that start it beside its schedule."""


@dataclass(frozen=True, kw_only=True)
class PullJob(Job):
    """A job that reads from Shopify: one task for each shop."""

    function: str
    """Where the work is done, as "module:function"."""


@dataclass(frozen=True, kw_only=True)
class CategoryJob(Job):
    """Runs the jobs of a category, one after the other."""

    jobs: tuple[str, ...]
    """DAG ids in their mandatory order (orders.md 11, inventory.md 4.1)."""
    forwarded: tuple[str, ...] = ()
    """Parameters handed on to every job that has one of that name."""


# ---------------------------------------------------------------------------------------------
# Parameters that several jobs share
# ---------------------------------------------------------------------------------------------

FILES = "Which files"
HOW = "How to process them"
LINEAGE = "Origin of the run"
SHOPS = "Which shops and locations"
SAFETY = "Safety"


def file_parameters(
    *,
    config_id: str,
    config_ids: tuple[str, ...],
    group_by: str | None,
    file_pattern: str | None,
    schedule_now: bool,
    require_final_newline: bool,
    additional_example: Json,
) -> tuple[Parameter, ...]:
    """The parameters of every file import: the whole set for each (inventory.md 3.3, 4.2)."""
    return (
        Parameter(
            name="configId",
            aliases=("configID",),
            types=("string",),
            default=config_id,
            example=config_id,
            enum=config_ids,
            required=True,
            check="config_id",
            section=FILES,
            source="S0",
            description="The configuration that receives the file: its format, its meaning and its folder.",
        ),
        Parameter(
            name="propertyResource",
            aliases=("propertyResources",),
            types=("string",),
            default="FTP_CONFIG",
            example="FTP_CONFIG",
            required=True,
            check="property_resource",
            section=FILES,
            source="S0",
            description="The SFTP server: the Airflow connection of this name in lower case.",
        ),
        Parameter(
            name="importPath",
            aliases=("importpath",),
            example="pos/morning_inventory_sync/staging/incoming",
            check="path",
            section=FILES,
            source="S0",
            description="SFTP folder, relative to the login's own; empty: the folder of the configuration.",
        ),
        Parameter(
            name="remoteFilename",
            example="sample_file.txt",
            check="file_name",
            section=FILES,
            source="S0",
            description=(
                "Take exactly this file; it wins over fileNameRegex, and the run fails if it is missing."
            ),
        ),
        Parameter(
            name="fileNameRegex",
            default=file_pattern,
            example="*.csv",
            check="file_pattern",
            section=FILES,
            source="S0",
            description=(
                "Which names to take: a glob such as *.csv, or a regular expression for the whole name; "
                "empty: all."
            ),
        ),
        Parameter(
            name="waitMinutes",
            types=("integer",),
            default=0,
            example=30,
            minimum=0,
            maximum=720,
            section=FILES,
            description=(
                "How long to wait for a file; 0: look once. A waiting run holds one of the four places of"
                " its job."
            ),
        ),
        Parameter(
            name="settleSeconds",
            types=("integer",),
            default=2,
            example=10,
            minimum=1,
            maximum=600,
            section=FILES,
            description="A file is complete when size and time were the same on two looks this far apart.",
        ),
        Parameter(
            name="groupBy",
            default=group_by,
            example="facilityId",
            additional=True,
            section=HOW,
            source="S0",
            description=(
                "Column whose values are processed side by side; rows of one value keep their order. "
                "Empty: one stream."
            ),
        ),
        Parameter(
            name="scheduleNow",
            types=("boolean", "null"),
            default=schedule_now,
            example=not schedule_now,
            section=HOW,
            source="S0",
            description=(
                "True: applied as soon as the file has landed, ahead of the queue. False: takes its "
                "turn, oldest file first."
            ),
        ),
        Parameter(
            name="additionalParameters",
            types=("object", "null"),
            default=None,
            example=additional_example,
            section=HOW,
            source="S0",
            description=(
                "More settings of the import as a JSON object; its keys are those of this form that allow it."
            ),
        ),
        Parameter(
            name="locationSeqId",
            default="TLTLTLLL01",
            example="TLTLTLLL01",
            additional=True,
            section=HOW,
            source="S0",
            description="Storage location of rows that name none.",
        ),
        Parameter(
            name="defaultIdType",
            types=("string",),
            default="SKU",
            example="UPCA",
            additional=True,
            section=HOW,
            description="Kind of identifier in idValue of rows without an idType.",
        ),
        Parameter(
            name="encoding",
            types=("string",),
            default="utf-8",
            example="cp932",
            enum=("utf-8", "cp932", "latin-1"),
            additional=True,
            section=HOW,
            description="Encoding of the file; a byte that does not fit fails the whole file.",
        ),
        Parameter(
            name="delimiter",
            types=("string",),
            default=",",
            example=";",
            enum=(",", ";", "\t", "|"),
            additional=True,
            section=HOW,
            description="Character between two columns.",
        ),
        Parameter(
            name="requireFinalNewline",
            types=("boolean",),
            default=require_final_newline,
            example=not require_final_newline,
            additional=True,
            section=SAFETY,
            description="Refuse a file whose last line does not end: it may have been cut off.",
        ),
        Parameter(
            name="maxUncompressedBytes",
            types=("integer",),
            default=4 << 30,
            example=1 << 30,
            minimum=1,
            additional=True,
            section=SAFETY,
            description="Refuse a packed file that unpacks to more bytes than this.",
        ),
        Parameter(
            name="excludedProductTypes",
            types=("array", "null"),
            example=["GIFT_CARD"],
            additional=True,
            section=HOW,
            description="Product types whose lines are skipped; kits (MARKETING_PKG_PICK) always are.",
        ),
        Parameter(
            name="maxChunks",
            types=("integer",),
            default=16,
            example=4,
            minimum=1,
            maximum=128,
            section=HOW,
            description="At most this many tasks side by side.",
        ),
        Parameter(
            name="minChunkRows",
            types=("integer",),
            default=3000,
            example=3000,
            minimum=1,
            maximum=10_000_000,
            section=HOW,
            description="No more than one task for this many rows: a small file needs only one.",
        ),
        Parameter(
            name="force",
            types=("boolean",),
            default=False,
            example=True,
            section=SAFETY,
            description=(
                "Apply a file that was applied before, one that a guard holds back, or one ahead of "
                "an older reset of the same facility."
            ),
        ),
        Parameter(
            name="createdByJobID",
            aliases=("createdByJobId",),
            example="inventory/manual__2026-01-31",
            section=LINEAGE,
            source="S0",
            description="The job that started this one, for the record.",
        ),
    )


SHOP_IDS = Parameter(
    name="shopId",
    types=("array", "string", "null"),
    example=["NEW_ERA_JP"],
    section=SHOPS,
    description="Shops to serve; empty: every shop whose pushes are switched on.",
)


def push_parameters(*, include_all: bool | None, facility_group_source: str) -> tuple[Parameter, ...]:
    """What the three pushes have in common (inventory.md 5.1-5.3)."""
    all_levels = (
        ()
        if include_all is None
        else (
            Parameter(
                name="includeAll",
                types=("boolean",),
                default=include_all,
                example=not include_all,
                source="S0",
                description=(
                    "True: every level is compared. False: only products that changed since the last run."
                ),
            ),
        )
    )
    return (
        *all_levels,
        Parameter(
            name="facilityGroupId",
            aliases=("facilityGroupID",),
            types=("string",),
            default="FAC_GRP",
            example="FAC_GRP",
            required=True,
            section=SHOPS,
            source=facility_group_source,
            description=(
                "The channel: facilities whose stock is offered; a run started by hand serves all its "
                "locations."
            ),
        ),
        SHOP_IDS,
        Parameter(
            name="limit",
            types=("integer",),
            default=250,
            example=100,
            minimum=1,
            maximum=250,
            source="D",
            description="Levels in one call to Shopify.",
        ),
        Parameter(
            name="dryRun",
            types=("boolean",),
            default=False,
            example=True,
            section=SAFETY,
            description="Show what would be sent, and send nothing.",
        ),
    )


COMPARING = (
    Parameter(
        name="shopifyFacilityGroupId",
        example="SHOPIFY_STORES",
        section=SHOPS,
        source="D",
        description=(
            "Only locations of the facilities in this group receive figures; empty: every mapped location."
        ),
    ),
    Parameter(
        name="useValidATP",
        aliases=("useVaildATP",),
        types=("boolean",),
        default=False,
        example=True,
        source="D",
        description="Deduct safety stock at physical locations too (physicalBasis = COMPUTED_ATP).",
    ),
    Parameter(
        name="guardUndownloadedOrders",
        types=("boolean",),
        default=False,
        example=True,
        section=SAFETY,
        description=(
            "Do not add back units of orders that Shopify has and the OMS has not imported yet. "
            "Always on for locations in DELTA mode."
        ),
    ),
    Parameter(
        name="activateAtLocation",
        types=("boolean",),
        default=False,
        example=True,
        description="Stock a product at a location where Shopify does not offer it yet.",
    ),
)

# ---------------------------------------------------------------------------------------------
# Initial load
# ---------------------------------------------------------------------------------------------

IMPORT_PRODUCTS_IN_BULK = PullJob(
    dag_id="import_products_in_bulk",
    name="Import Products in Bulk",
    category="initial_load",
    direction="shopify-in",
    enum_id="JOB_IMP_PROD_NEW_BLK",
    pool="shopify",
    function="oms.products.import_in_bulk:import_shop",
    purpose=(
        "Brings every product and variant of a shop into the OMS, with its identifiers and the link "
        "to its Shopify stock item. Everything else needs it first: an order or a stock file can only"
        " name products that are here."
    ),
    when="Once per shop, when it is connected; again by hand after large changes of the catalogue.",
    repeat=(
        "Safe: a product that has not changed is left alone, an older state never replaces a newer one. "
        "No stock moves."
    ),
    on_failure=(
        "Products that were taken stay. A product that could not be taken (say two variants with one "
        "barcode) is listed with its reason and stops no other."
    ),
    what_to_do="Correct the named products in Shopify, then start the job again.",
    parameters=(
        Parameter(
            name="shopId",
            types=("array", "string", "null"),
            example=["NEW_ERA_JP"],
            required=True,
            section=SHOPS,
            source="D",
            description="The shop or shops to load.",
        ),
        Parameter(
            name="limit",
            types=("integer",),
            default=100,
            example=250,
            minimum=1,
            maximum=250,
            source="D",
            description="Page size where pages are read.",
        ),
        Parameter(
            name="scheduleNow",
            types=("boolean",),
            default=False,
            example=True,
            source="D",
            description="True: apply as soon as downloaded; false: in turn with other imports of products.",
        ),
    ),
)

# ---------------------------------------------------------------------------------------------
# Inventory: files in
# ---------------------------------------------------------------------------------------------

IMPORT_REPAIR = (
    "Lines that were refused are in `error/` beside the folder, each with its reason in front: "
    "correct them and drop that file again. If the run itself failed, clear its failed task, or leave"
    " it to the next run: it takes up open files by itself."
)

IMPORT_INVENTORY_RESET = ImportJob(
    dag_id="import_inventory_reset",
    name="Import inventory reset",
    other_names=("Import Inventory", "Import inventroy reset", "Read Reset File from SFTP"),
    category="inventory",
    direction="sftp-in",
    enum_id="JOB_IMP_INV",
    aliases=("JOB_RST_INV_SFTP", "JOB_IMP_INV_QOH"),
    schedule="*/15 * * * *",
    pool="imports",
    configs=(
        ImportConfig(
            config_id="RESET_INVENTORY",
            file_type="reset",
            import_path="pos/morning_inventory_sync/staging/incoming",
            meaning="The file states the balance to reach, as ATP or, with resetByAtp false, as QOH.",
        ),
        ImportConfig(
            config_id="REC_INV_COUNT",
            file_type="reset",
            import_path="pos/inventory_count/incoming",
            meaning=(
                "The file states what was counted: QOH becomes the count, ATP the count less open "
                "reservations."
            ),
        ),
    ),
    kind="reset",
    purpose=(
        "Sets the stock of the facilities in a file to the figures of the file: the morning count of "
        "the stores, or the ERP's figures. The difference to the present balance goes into the "
        "ledger; products that the file does not name stay as they are."
    ),
    when=(
        "As soon as a file has arrived completely; every 15 minutes the folder is looked through as a "
        "safety net."
    ),
    repeat="Safe: the same figures again change nothing.",
    on_failure=(
        "Good lines are applied, bad ones are set aside one by one. A file that cannot be read at all"
        " goes to `error/` as a whole and changes nothing. A file half applied when a machine fails "
        "is finished by the retry or the next run."
    ),
    what_to_do=IMPORT_REPAIR,
    parameters=(
        *file_parameters(
            config_id="RESET_INVENTORY",
            config_ids=("RESET_INVENTORY", "REC_INV_COUNT"),
            group_by="facilityId",
            file_pattern="*.csv",
            schedule_now=False,
            require_final_newline=False,
            additional_example={"groupBy": "facilityId", "resetByAtp": False},
        ),
        Parameter(
            name="resetByAtp",
            types=("boolean",),
            default=True,
            example=False,
            additional=True,
            source="D",
            description=(
                "For rows that do not say it themselves: true: the figure is ATP, false: it is what "
                "lies on the shelf (QOH)."
            ),
        ),
        Parameter(
            name="maxDropPct",
            types=("number", "null"),
            default=None,
            example=50,
            minimum=0,
            maximum=100,
            additional=True,
            section=SAFETY,
            description=(
                "Hold the file for a person if it would cut the stock of a facility by more than this "
                "percentage."
            ),
        ),
    ),
)

IMPORT_INVENTORY_VARIANCE = ImportJob(
    dag_id="import_inventory_variance",
    name="Inventory variance",
    other_names=("Import inventory variance",),
    category="inventory",
    direction="sftp-in",
    aliases=("JOB_INV_VAR", "JOB_INV_ADJUST"),
    schedule="*/15 * * * *",
    pool="imports_now",
    configs=(
        ImportConfig(
            config_id="MDM_INV_VARIANCE",
            file_type="variance",
            import_path="pos/inventory_variance/incoming",
            meaning="The file states changes of stock with their reasons.",
        ),
    ),
    kind="delta",
    purpose=(
        "Books changes of stock: found, lost, damaged, sold at a till. Each line raises or lowers "
        "what lies on the shelf and what may be promised by its quantity."
    ),
    when=(
        "As soon as a file has arrived completely; every 15 minutes the folder is looked through as a "
        "safety net."
    ),
    repeat=(
        "Safe: a file with the same content (same name ever, any name within 72 hours) is recognised "
        "and books nothing, unless force is set."
    ),
    on_failure=(
        "Good lines are booked, bad ones are set aside one by one. A file that ends in the middle of "
        "a line is refused as a whole. What was booked is never booked twice by a retry."
    ),
    what_to_do=IMPORT_REPAIR,
    parameters=(
        *file_parameters(
            config_id="MDM_INV_VARIANCE",
            config_ids=("MDM_INV_VARIANCE",),
            group_by=None,
            file_pattern=None,
            schedule_now=True,
            require_final_newline=True,
            additional_example={"negativePolicy": "allow"},
        ),
        Parameter(
            name="negativePolicy",
            types=("string",),
            default="floor",
            example="reject",
            enum=("floor", "allow", "reject"),
            additional=True,
            description=(
                "A change below zero: floor = only down to 0 on the shelf, the rest is reported; "
                "allow = as it stands; reject = refuse the line."
            ),
        ),
    ),
)

# ---------------------------------------------------------------------------------------------
# Inventory: figures to Shopify
# ---------------------------------------------------------------------------------------------

STOCK_CHANGED_RECENT = "stock_changed_recent"
"""Rings when stock has changed and some location is in RECENT mode."""
STOCK_CHANGED_DELTA = "stock_changed_delta"
"""Rings when stock has changed and some location is in DELTA mode."""
INVENTORY = "inventory"
"""Rings when an import has changed balances."""
INVENTORY_RESET = "inventory_reset"
"""Rings when a reset has changed balances and some location is in DELTA mode, which does not send resets."""

PUSH_REPAIR = (
    "Read the log of the shop's task: it names the levels that Shopify refused and why (often a "
    "product that is no longer stocked at the location). Correct that and start the job again. If the"
    " shop itself is down, nothing needs to be done."
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
    direction="shopify-out",
    enum_id="UL_RCNT_INV",
    schedule="*/15 * * * *",
    pool="shopify",
    mode="RECENT",
    rung_by=(STOCK_CHANGED_RECENT,),
    purpose=(
        "Brings the stock of products that changed to Shopify: reads Shopify's figures of those "
        "products, compares and sends the differences, for locations in RECENT mode."
    ),
    when="Seconds after a change of stock, and every 15 minutes as a safety net.",
    repeat="Safe: once Shopify shows the right figure the difference is 0 and nothing is sent.",
    on_failure=PUSH_FAILURE,
    what_to_do=PUSH_REPAIR,
    parameters=(*push_parameters(include_all=False, facility_group_source="S0"), *COMPARING),
)

PUSH_INVENTORY_DELTAS = SyncJob(
    dag_id="push_inventory_deltas",
    name="Push Updated Inventory Deltas to Shopify",
    other_names=("Upload Inventory Variances",),
    category="inventory",
    direction="shopify-out",
    aliases=("JOB_ADJ_INV",),
    schedule="*/5 * * * *",
    pool="shopify",
    mode="DELTA",
    rung_by=(STOCK_CHANGED_DELTA,),
    purpose=(
        "Sends only the net change that Shopify was not told of, without reading its figures, for "
        "locations in DELTA mode. Units that Shopify sold and the OMS has not imported yet stay "
        "deducted, so fast sellers are not sold twice."
    ),
    when="Seconds after a change of stock, and every 5 minutes as a safety net.",
    repeat="Safe: what was sent is in the book of the level and is not sent again.",
    on_failure=PUSH_FAILURE,
    what_to_do=PUSH_REPAIR
    + " A location that was just switched to DELTA mode asks for one Upload Inventory first: start that job.",
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
    direction="shopify-out",
    enum_id="JOB_UL_INV",
    schedule="0 2 * * *",
    pool="shopify",
    mode="HARD",
    rung_by=(INVENTORY_RESET,),
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
            name="maxDropPct",
            types=("number", "null"),
            default=50,
            example=100,
            minimum=0,
            maximum=100,
            section=SAFETY,
            description=(
                "Stop before the first call if more than this percentage of a location would go to 0; "
                "empty: never stop."
            ),
        ),
    ),
)

# ---------------------------------------------------------------------------------------------
# Categories
# ---------------------------------------------------------------------------------------------


def category_job(
    dag_id: str, name: str, purpose: str, jobs: tuple[Job, ...], forwarded: tuple[Parameter, ...] = ()
) -> CategoryJob:
    """The DAG of a category."""
    dag_ids = tuple(job.dag_id for job in jobs)
    return CategoryJob(
        dag_id=dag_id,
        name=name,
        category=dag_id,
        direction="internal",
        jobs=dag_ids,
        forwarded=tuple(parameter.name for parameter in forwarded),
        purpose=purpose,
        when="By hand. Each job also has a schedule, parameters and a history of its own.",
        repeat="As safe as its jobs: each of them may be run again.",
        on_failure=(
            "The jobs after the failed one are not started. A job that is switched off fails at once "
            "instead of waiting."
        ),
        what_to_do=(
            "Open the run of the failed job through its task, follow that job's own text, then clear the "
            "task here."
        ),
        parameters=(
            Parameter(
                name="jobs",
                types=("array", "null"),
                enum=dag_ids,
                example=[dag_ids[0]],
                description="The jobs to run; they keep their order. Empty: all.",
            ),
            *forwarded,
        ),
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
        "Runs the inventory jobs of one tick in order: files in, resets before variances, then the "
        "figures out to Shopify."
    ),
    (
        IMPORT_INVENTORY_RESET,
        IMPORT_INVENTORY_VARIANCE,
        UPLOAD_RECENT_INVENTORY_CHANGES,
        PUSH_INVENTORY_DELTAS,
        UPLOAD_INVENTORY,
    ),
)

INITIAL_LOADS: tuple[PullJob, ...] = (IMPORT_PRODUCTS_IN_BULK,)
INVENTORY_IMPORTS: tuple[ImportJob, ...] = (IMPORT_INVENTORY_RESET, IMPORT_INVENTORY_VARIANCE)
INVENTORY_SYNCS: tuple[SyncJob, ...] = (
    UPLOAD_RECENT_INVENTORY_CHANGES,
    PUSH_INVENTORY_DELTAS,
    UPLOAD_INVENTORY,
)
JOBS: dict[str, Job] = {
    job.dag_id: job
    for job in (INITIAL_LOAD, *INITIAL_LOADS, INVENTORY_CATEGORY, *INVENTORY_IMPORTS, *INVENTORY_SYNCS)
}
"""Every job by its DAG id."""

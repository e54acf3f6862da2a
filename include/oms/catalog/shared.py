"""Parameters and texts that several jobs share (spec inventory.md 3.3, 4.2, 5.1-5.3)."""

from oms.catalog.model import Json, Parameter

FILES = "Which files"
HOW = "How to process them"
LINEAGE = "Origin of the run"
SHOPS = "Which shops and locations"
SAFETY = "Safety"


CHANGES_FAILURE = (
    "Good lines are booked, bad ones are set aside one by one. A file that ends in the middle of a line is "
    "refused as a whole. What was booked is never booked twice by a retry."
)
"""Of imports whose files state changes, each line by itself."""

BALANCE_PARAMETERS = (
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
        name="excludedProductTypes",
        types=("array", "null"),
        example=["GIFT_CARD"],
        additional=True,
        section=HOW,
        description="Product types whose lines are skipped; kits (MARKETING_PKG_PICK) always are.",
    ),
)


def file_parameters(
    *,
    config_id: str,
    config_ids: tuple[str, ...],
    group_by: str | None,
    group_by_example: str = "facilityId",
    file_pattern: str | None,
    schedule_now: bool,
    require_final_newline: bool,
    additional_example: Json,
    default_id_type: str = "SKU",
    import_path: str = "pos/morning_inventory_sync/staging/incoming",
    moves_stock: bool = True,
) -> tuple[Parameter, ...]:
    """The parameters of every file import: the whole set for each (inventory.md 3.3, 4.2).

    `moves_stock`: with those that only matter where rows change balances.
    """
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
            example=import_path,
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
                "Which names to take: a glob such as *.csv, or a regular expression (RE2) for the whole "
                "name; empty: all."
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
            example=group_by_example,
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
            said_as="switch",
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
        *(BALANCE_PARAMETERS if moves_stock else ()),
        Parameter(
            name="defaultIdType",
            types=("string",),
            default=default_id_type,
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
            enum=("utf-8", "cp932", "cp1252", "windows-1252", "latin-1", "utf-16"),
            additional=True,
            section=HOW,
            description=(
                "Encoding of the file; a byte that does not fit fails the whole file. Reject files of UTF-16 "
                "are UTF-8, and may come back so."
            ),
        ),
        Parameter(
            name="delimiter",
            types=("string",),
            default=",",
            example=";",
            enum=(",", ";", "\t", "tab", "|"),
            additional=True,
            section=HOW,
            description="Character between two columns.",
        ),
        Parameter(
            name="decimalSeparator",
            types=("string", "null"),
            default=None,
            example=",",
            enum=(".", ","),
            additional=True,
            section=HOW,
            description=(
                "What decimals follow: with . the text 1.000 is 1 unit, with , it is 1000. Without it such "
                "figures are refused."
            ),
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
            name="maxLines",
            types=("integer",),
            default=20_000_000,
            example=50_000_000,
            minimum=1,
            maximum=2_000_000_000,
            additional=True,
            section=SAFETY,
            description="Refuse a file of more lines than this, blank ones included.",
        ),
        Parameter(
            name="maxRejects",
            types=("integer",),
            default=100_000,
            example=1000,
            minimum=1,
            maximum=10_000_000,
            additional=True,
            section=SAFETY,
            description=(
                "Refuse a file as a whole when more lines than this are no rows (wrong number of columns, "
                "open quotes); its reject file has the first so many."
            ),
        ),
        Parameter(
            name="maxFiles",
            types=("integer", "null"),
            default=200,
            example=50,
            minimum=1,
            maximum=10_000,
            section=HOW,
            description=(
                "At most this many files in a run that a file or the clock has started; the next run follows "
                "at once and takes up to five times as many. Empty, and in runs by hand or of a category: "
                "all that wait."
            ),
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


def negative_policy(default: str) -> Parameter:
    """What a change below zero does (inventory.md 5.5)."""
    return Parameter(
        name="negativePolicy",
        types=("string",),
        default=default,
        example="reject",
        enum=("floor", "allow", "reject"),
        additional=True,
        description=(
            "A change below zero: floor = only down to 0 on the shelf, the rest is reported; "
            "allow = as it stands; reject = refuse the line."
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
                    "True: every level is compared. False: only products that changed since the last run (of "
                    "a hard sync: since the last one that compared all)."
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

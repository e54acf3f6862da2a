"""Restocks at a set time (spec inventory.md 5.13)."""

from oms.catalog.model import Parameter, TaskJob
from oms.catalog.shared import FILES, SAFETY

SHIPMENT = Parameter(
    name="shipmentId",
    types=("string", "integer", "null"),
    example="10000",
    source="S0",
    description="The prepared shipment; empty: every restock that is due.",
)

SCHEDULED_RESTOCK = TaskJob(
    dag_id="scheduled_restock",
    name="Scheduled Restock",
    category="inventory",
    runs_alone="each restock has its own time",
    direction="shopify-out",
    enum_id="JOB_SCHEDULED_RSTK",
    schedule="* * * * *",
    pool="shopify",
    function="oms.restock.running:carry_out_or_ask",
    starts_runs=True,
    minutes=60,
    purpose=(
        "Receives restocks at the time they were scheduled for and shows them in the shop: every unit joins "
        "the stock of its facility, and what the shop may sell of it goes out at once."
    ),
    when=(
        "Every minute for what is due: each restock has a run of its own, which names it. By hand with a "
        "shipment, whenever that is due."
    ),
    repeat="Safe: a restock is received once and sent once, whatever happens in between.",
    on_failure=(
        "A restock that was not received stays PENDING, one that the shop did not answer for stays RECEIVED; "
        "both are tried again by later runs, first after a minute, then more rarely. Other restocks are "
        "carried out."
    ),
    what_to_do=(
        "Read the log: it names the restock and the reason. If the shop was down, nothing needs to be done. "
        "A restock that is late is carried out at once and says how late it is."
    ),
    parameters=(
        SHIPMENT,
        Parameter(
            name="limit",
            types=("integer",),
            default=100,
            example=250,
            minimum=1,
            maximum=250,
            source="S0",
            description="Levels in one call to Shopify.",
        ),
    ),
)

SCHEDULE_RESTOCK = TaskJob(
    dag_id="schedule_restock",
    name="Schedule Restock",
    other_names=("Schedule restock (import)",),
    category="inventory",
    runs_alone="a person says what is restocked and when",
    direction="sftp-in",
    function="oms.restock.scheduling:schedule",
    minutes=30,
    purpose=(
        "Prepares restocks from a CSV file: which products, how many units, for which facility and shop, and "
        "when. Also lists, reschedules, changes and cancels those that wait."
    ),
    when=(
        "By hand: put the file into the folder, then start this job and say in its form what the file "
        "does not say."
    ),
    repeat="Safe: the same file for the same time prepares nothing new.",
    on_failure=(
        "A file with anything wrong in it is refused as a whole, stays in the folder, and the log names the "
        "line. Lines of unknown products are dropped with a warning. Other files are prepared."
    ),
    what_to_do="Correct the file, or the parameter that the message names, and start the job again.",
    parameters=(
        Parameter(
            name="action",
            types=("string",),
            default="prepare",
            example="reschedule",
            enum=("prepare", "reschedule", "change_items", "cancel", "list"),
            description=(
                "prepare = make restocks of the files; the others are about restocks that are still PENDING."
            ),
        ),
        Parameter(
            name="shipmentId",
            types=("string", "integer", "null"),
            example="10000",
            description="The restock to reschedule, change or cancel.",
        ),
        Parameter(
            name="runTime",
            example="2026-12-01 09:00",
            source="D",
            description=(
                "When, on the clocks of the product store; for prepare it counts instead of the column "
                "Schedule Time. A time without a date: its next occurrence."
            ),
        ),
        Parameter(
            name="scheduleDate",
            example="2026-12-01",
            description="The day of times that come without one.",
        ),
        Parameter(
            name="facilityId",
            aliases=("facilityid",),
            example="BROADWAY",
            source="D",
            description="Where the goods arrive: id, external id or name; instead of the column Facility.",
        ),
        Parameter(
            name="productStoreId",
            example="STORE",
            source="D",
            description="Product store, by id or name; instead of the column Product Store.",
        ),
        Parameter(
            name="shopId",
            example="NEW_ERA_JP",
            source="D",
            description="Shop, by id or name; instead of the column Shopify Store.",
        ),
        Parameter(
            name="jobName",
            example="January_Restock",
            source="D",
            description="What people call the restock; instead of the column Restock Name.",
        ),
        Parameter(
            name="items",
            types=("object", "null"),
            example={"MH-1212-N23344": 50, "MH-1212-N23345": 0},
            description="For change_items: units by SKU; 0 takes a product out.",
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
            description="The SFTP server: the Airflow connection of this name in lower case.",
        ),
        Parameter(
            name="importPath",
            aliases=("importpath",),
            types=("string",),
            default="restock/incoming",
            example="restock/incoming",
            required=True,
            check="path",
            section=FILES,
            description="SFTP folder, relative to the login's own.",
        ),
        Parameter(
            name="remoteFilename",
            example="january.csv",
            check="file_name",
            section=FILES,
            description="Take exactly this file; empty: every CSV file in the folder.",
        ),
        Parameter(
            name="settleSeconds",
            types=("integer",),
            default=2,
            example=10,
            minimum=0,
            maximum=600,
            section=FILES,
            description="A file is complete when size and time were the same on two looks this far apart.",
        ),
        Parameter(
            name="dryRun",
            types=("boolean",),
            default=False,
            example=True,
            section=SAFETY,
            description="Show what would be prepared or changed, and write nothing.",
        ),
    ),
)

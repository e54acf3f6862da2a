"""Inventory files that change balances (spec inventory.md 4, 4.2, 5.4, 5.5)."""

from oms.catalog.model import DELTA, IMPORT_FAILURE, RESET, ApprovalJob, ImportConfig, ImportJob, Parameter
from oms.catalog.shared import CHANGES_FAILURE, SAFETY, file_parameters, negative_policy
from oms.catalog.signals import FILE_HELD

IMPORT_INVENTORY_RESET = ImportJob(
    dag_id="import_inventory_reset",
    name="Import inventory reset",
    other_names=("Import Inventory", "Import inventroy reset", "Read Reset File from SFTP"),
    category="inventory",
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
            settings={"counting": True},
        ),
    ),
    kind=RESET,
    purpose=(
        "Sets the stock of the facilities in a file to the figures of the file: the morning count of "
        "the stores, or the ERP's figures. The difference to the present balance goes into the "
        "ledger; products that the file does not name stay as they are."
    ),
    repeat="Safe: the same figures again change nothing.",
    on_failure=(
        f"{IMPORT_FAILURE} A file half applied when a machine fails is finished by the retry or the next run."
    ),
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
        Parameter(
            name="maxRowDeviationPct",
            types=("number", "null"),
            default=None,
            example=30,
            minimum=0,
            additional=True,
            section=SAFETY,
            description=(
                "Hold the file if its number of rows is further than this percentage from what the last "
                "files of its feed had."
            ),
        ),
        Parameter(
            name="holdMissingFacilities",
            types=("boolean",),
            default=False,
            example=True,
            additional=True,
            section=SAFETY,
            description="Hold the file if a facility is missing that each of the last three files named.",
        ),
    ),
)

IMPORT_INVENTORY_VARIANCE = ImportJob(
    dag_id="import_inventory_variance",
    name="Inventory variance",
    other_names=("Import inventory variance",),
    category="inventory",
    aliases=("JOB_INV_VAR",),
    schedule="1-59/15 * * * *",
    pool="imports_now",
    configs=(
        ImportConfig(
            config_id="MDM_INV_VARIANCE",
            file_type="variance",
            import_path="pos/inventory_variance/incoming",
            meaning="The file states changes of stock with their reasons.",
        ),
    ),
    kind=DELTA,
    purpose=(
        "Books changes of stock: found, lost, damaged, sold at a till. Each line raises or lowers "
        "what lies on the shelf and what may be promised by its quantity."
    ),
    repeat=(
        "Safe: a file with the same content (same name ever, any name within 72 hours) is recognised "
        "and books nothing, unless force is set."
    ),
    on_failure=CHANGES_FAILURE,
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
        negative_policy("floor"),
    ),
)

APPROVE_HELD_FILES = ApprovalJob(
    dag_id="approve_held_files",
    name="Approve held files",
    category="inventory",
    runs_alone="it waits for the answer of a person, and nothing else may wait with it",
    direction="internal",
    schedule="10-59/15 * * * *",
    signals=(FILE_HELD,),
    purpose=(
        "Asks a person about files that look wrong: a reset that would take too much stock from a facility, "
        "lacks a facility or has far fewer rows than usual. One task for each file shows the figures under "
        "Required Actions and waits for Approve or Reject."
    ),
    when="As soon as a file is held; every 15 minutes it looks for held files that nobody was asked about.",
    repeat="Safe: a file is asked about once, and a decision is carried out once.",
    on_failure=(
        "A held file stays held: nothing of it is applied. Other files and later changes do not wait for it."
    ),
    what_to_do=(
        "Answer under Required Actions. To be asked again about a file, start this job with its logId. A "
        "file that is approved too late puts back older figures: the question says so."
    ),
    parameters=(
        Parameter(
            name="logId",
            types=("integer", "null"),
            example=4711,
            minimum=1,
            description="Ask about this file only, again if need be; empty: all nobody was asked about yet.",
        ),
    ),
)

"""Inventory files that move no stock: settings of products at facilities (spec inventory.md 5.9, 5.10)."""

from oms.catalog.inventory_files import IMPORT_REPAIR
from oms.catalog.model import SETTINGS, ImportConfig, ImportJob, Parameter
from oms.catalog.shared import HOW, file_parameters

ON_ARRIVAL = (
    "As soon as a file has arrived completely; every 15 minutes the folder is looked through as a safety net."
)
CONFIGURED = (
    "Good lines are applied, bad ones are set aside one by one. A file that cannot be read at all goes to "
    "`error/` as a whole and changes nothing."
)

IMPORT_PRODUCT_FACILITY = ImportJob(
    dag_id="import_product_facility",
    name="Import product facility from FTP",
    other_names=("Import Product Facility",),
    category="inventory",
    direction="sftp-in",
    enum_id="JOB_IMP_PROD_FAC",
    schedule="*/15 * * * *",
    pool="imports_now",
    configs=(
        ImportConfig(
            config_id="IMP_PROD_FACILITY",
            file_type="product_facility",
            import_path="hotwax/available-to-promise",
            meaning="The file states safety stock, brokering and pickup of products at facilities.",
        ),
    ),
    kind="settings",
    domain=SETTINGS,
    purpose=(
        "Takes over what the rules for available-to-promise or the ERP say of products at facilities: safety "
        "stock, whether online orders may be sent from there, whether customers may pick up there. No stock "
        "moves; what may be promised online changes, and the shops are told within seconds."
    ),
    when=ON_ARRIVAL,
    repeat="Safe: the same settings again change nothing. A blank cell leaves its setting as it is.",
    on_failure=CONFIGURED,
    what_to_do=IMPORT_REPAIR,
    parameters=file_parameters(
        config_id="IMP_PROD_FACILITY",
        config_ids=("IMP_PROD_FACILITY",),
        group_by=None,
        file_pattern=None,
        schedule_now=True,
        require_final_newline=False,
        additional_example={"groupBy": "facility-id"},
        import_path="hotwax/available-to-promise",
        moves_stock=False,
    ),
)

IMPORT_PRODUCT_THRESHOLDS = ImportJob(
    dag_id="import_product_thresholds",
    name="Import Product Thresholds",
    category="inventory",
    direction="sftp-in",
    enum_id="IMP_PROD_THOLD",
    aliases=("JOB_IMP_PROD_THRSHLD",),
    schedule="*/15 * * * *",
    pool="imports",
    configs=(
        ImportConfig(
            config_id="IMP_PROD_THOLD",
            file_type="thresholds",
            import_path="hotwax/threshold",
            meaning="The file states how many units of products a channel holds back.",
        ),
    ),
    kind="settings",
    domain=SETTINGS,
    purpose=(
        "Sets the thresholds of channels: so many units of a product are not offered online, whatever the "
        "facilities hold together. Applies the files that Export Product Thresholds writes, and those of "
        "other systems with the same columns."
    ),
    when=ON_ARRIVAL,
    repeat="Safe: the same thresholds again change nothing. A blank threshold is left as it is.",
    on_failure=CONFIGURED,
    what_to_do=(
        f"{IMPORT_REPAIR} ERR_NOT_CONFIG_FACILITY: the line names a place that holds stock; its safety stock "
        "comes with Import Product Facility."
    ),
    parameters=(
        *file_parameters(
            config_id="IMP_PROD_THOLD",
            config_ids=("IMP_PROD_THOLD",),
            group_by=None,
            file_pattern=None,
            schedule_now=False,
            require_final_newline=False,
            additional_example={"facilityId": "CONFIGURATION"},
            import_path="hotwax/threshold",
            moves_stock=False,
        ),
        Parameter(
            name="facilityId",
            types=("string",),
            default="CONFIGURATION",
            example="CONFIGURATION",
            additional=True,
            section=HOW,
            description="CONFIGURATION facility (the channel) of rows that name none.",
        ),
    ),
)

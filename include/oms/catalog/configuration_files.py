"""Inventory files that move no stock: settings of products at facilities (spec inventory.md 5.9-5.11)."""

from oms.catalog.model import IMPORT_REPAIR, SETTING, SETTINGS, ExportJob, ImportConfig, ImportJob, Parameter
from oms.catalog.shared import FILES, HOW, SAFETY, file_parameters

IMPORT_PRODUCT_FACILITY = ImportJob(
    dag_id="import_product_facility",
    name="Import product facility from FTP",
    other_names=("Import Product Facility",),
    category="inventory",
    enum_id="JOB_IMP_PROD_FAC",
    schedule="7-59/15 * * * *",
    pool="imports_now",
    configs=(
        ImportConfig(
            config_id="IMP_PROD_FACILITY",
            file_type="product_facility",
            import_path="hotwax/available-to-promise",
            meaning="The file states safety stock, brokering and pickup of products at facilities.",
        ),
    ),
    kind=SETTING,
    domain=SETTINGS,
    purpose=(
        "Takes over what the rules for available-to-promise or the ERP say of products at facilities: safety "
        "stock, whether online orders may be sent from there, whether customers may pick up there. No stock "
        "moves; what may be promised online changes, and the shops are told within seconds."
    ),
    repeat="Safe: the same settings again change nothing. A blank cell leaves its setting as it is.",
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
    enum_id="IMP_PROD_THOLD",
    aliases=("JOB_IMP_PROD_THRSHLD",),
    schedule="8-59/15 * * * *",
    pool="imports",
    configs=(
        ImportConfig(
            config_id="IMP_PROD_THOLD",
            file_type="thresholds",
            import_path="hotwax/threshold",
            meaning="The file states how many units of products a channel holds back.",
        ),
    ),
    kind=SETTING,
    domain=SETTINGS,
    purpose=(
        "Sets the thresholds of channels: so many units of a product are not offered online, whatever the "
        "facilities hold together. Applies the files that Export Product Thresholds writes, and those of "
        "other systems with the same columns."
    ),
    repeat="Safe: the same thresholds again change nothing. A blank threshold is left as it is.",
    what_to_do=(
        f"{IMPORT_REPAIR} ERR_NOT_CONFIG_FACILITY: the line names a place that holds stock; its safety stock "
        "comes with Import Product Facility."
    ),
    parameters=(
        *file_parameters(
            config_id="IMP_PROD_THOLD",
            config_ids=("IMP_PROD_THOLD",),
            group_by=None,
            group_by_example="category",
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

EXPORT_PRODUCT_THRESHOLDS = ExportJob(
    dag_id="export_product_thresholds",
    name="Export Product Thresholds",
    category="inventory",
    enum_id="EXP_PROD_THOLD",
    aliases=("JOB_EXP_PROD_THRSHLD",),
    schedule="15 1 * * *",
    function="oms.inventory.thresholds:export_thresholds",
    purpose=(
        "Writes the thresholds that stored rules (search preferences on tags and categories) give to "
        "products as files on SFTP, one for each rule. Import Product Thresholds takes them from there. "
        "Nothing changes by the export itself."
    ),
    when=(
        "Every night: products that changed since the last export, at least of the last 24 hours, and all "
        "products of a rule that is new or has changed. By hand for all products."
    ),
    repeat=(
        "Safe: a further run writes further files with the same thresholds. A run that is broken off is "
        "finished by the next one: a file comes once, under one name, with the same bytes."
    ),
    on_failure=(
        "Files that are written stay; what is missing follows with the retry or the next run, in the order "
        "of the rules."
    ),
    what_to_do=(
        "Read the log: mostly the SFTP server does not answer or refuses the folder. Rules are entered with "
        "`python -m oms setup` (search_preferences.csv)."
    ),
    parameters=(
        Parameter(
            name="facilityId",
            types=("array", "string", "null"),
            example="FCTY-001",
            source="S0",
            description=(
                "CONFIGURATION facility, or list of them, of the channels; empty: those of the rules, all of "
                "the product store."
            ),
        ),
        Parameter(
            name="propertyResource",
            aliases=("propertyResources",),
            types=("string",),
            default="FTP_EXP_CONFIG",
            example="FTP_EXP_CONFIG",
            required=True,
            check="property_resource",
            section=FILES,
            source="S0",
            description="The SFTP server: the Airflow connection of this name in lower case.",
        ),
        Parameter(
            name="threshold",
            types=("string", "integer", "null"),
            example="10 units",
            source="S0",
            description=(
                "Assign this many units instead of what the rules say; a unit behind the number is ignored. "
                "Empty: the rules' own, or the present thresholds where a rule has none."
            ),
        ),
        Parameter(
            name="includeAll",
            types=("boolean", "null"),
            default=None,
            example=True,
            source="S0",
            description=(
                "True: all matching products. False: only those that changed since the last export, at "
                "least of the last 24 hours. Empty: false on schedule (true for a new or changed rule), "
                "true by hand."
            ),
        ),
        Parameter(
            name="searchPreferenceId",
            example="SEARCH_PREF_001",
            source="S0",
            description=(
                "Only this stored rule, and those behind it in its store, which overrule it. Empty: every "
                "active rule in turn; by hand and without any stored rule: all products."
            ),
        ),
        Parameter(
            name="exportPath",
            types=("string",),
            default="hotwax/threshold",
            example="hotwax/threshold",
            required=True,
            check="path",
            section=FILES,
            description="SFTP folder, relative to the login's own; the folder that the import watches.",
        ),
        Parameter(
            name="dryRun",
            types=("boolean",),
            default=False,
            example=True,
            section=SAFETY,
            description="Say in the log how many thresholds each rule would give, and write nothing.",
        ),
    ),
)

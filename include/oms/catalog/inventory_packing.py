"""What the POS is told of packed orders (spec inventory.md 5.19, orders.md 13)."""

from oms.catalog.model import ExportJob, Parameter
from oms.catalog.shared import FILES, SAFETY

EXPORT_PACKED_ORDER_DEPLETION = ExportJob(
    dag_id="export_packed_order_depletion",
    name="Packed-order depletion",
    category="inventory",
    schedule="4-59/5 * * * *",
    function="oms.fulfillment.depletion:export",
    minutes=30,
    purpose=(
        "Tells the till software which units left a store's shelf because an order was packed, so that its "
        "stock falls at once and the next count agrees. One line for each product of a shipment, each told "
        "once."
    ),
    when="Every 5 minutes; without packed orders there is no file.",
    parameters=(
        Parameter(
            name="propertyResource",
            aliases=("propertyResources",),
            types=("string",),
            default="FTP_EXP_CONFIG",
            example="FTP_EXP_CONFIG",
            required=True,
            check="property_resource",
            section=FILES,
            source="D",
            description="The SFTP server: the Airflow connection of this name in lower case.",
        ),
        Parameter(
            name="exportPath",
            types=("string",),
            default="pos/store_fulfilled_orders/outgoing",
            example="pos/store_fulfilled_orders/outgoing",
            required=True,
            check="path",
            section=FILES,
            source="D",
            description="SFTP folder of the file, relative to the login's own.",
        ),
        Parameter(
            name="facilityId",
            types=("array", "string", "null"),
            example=["TOKYO"],
            description="Only what was packed at these facilities; empty: all of the types below.",
        ),
        Parameter(
            name="facilityTypeId",
            types=("array",),
            default=["RETAIL_STORE", "OUTLET_STORE"],
            example=["RETAIL_STORE"],
            description="Kinds of facilities whose till software keeps stock of its own.",
        ),
        Parameter(
            name="dryRun",
            types=("boolean",),
            default=False,
            example=True,
            section=SAFETY,
            description="Show what the file would say, and write none.",
        ),
    ),
)

"""Files about goods on their way (spec inventory.md 5.8)."""

from oms.catalog.model import DOCUMENT, IMPORT_REPAIR, SHIPMENTS, ImportConfig, ImportJob, Parameter
from oms.catalog.shared import HOW, file_parameters

IMPORT_INBOUND_SHIPMENT = ImportJob(
    dag_id="import_inbound_shipment",
    name="Import Inbound Shipment",
    category="inventory",
    enum_id="JOB_IMP_TO_SHPMNT",
    schedule="6-59/15 * * * *",
    pool="imports",
    configs=(
        ImportConfig(
            config_id="IMP_TO_SHPMNT",
            file_type="inbound_shipment",
            import_path="netsuite/transferorderv2/import/fulfillment-wh",
            meaning="The file announces shipments: what is on its way to which facility.",
        ),
    ),
    kind=DOCUMENT,
    domain=SHIPMENTS,
    purpose=(
        "Takes over what the ERP has sent on its way to a facility: transfer orders that were shipped, "
        "purchase orders, returns. No stock moves by that: units join the stock of the destination when they "
        "are received there (`python -m oms receive`). Files are CSV or, with a name ending in .json, JSON."
    ),
    repeat=(
        "Safe: a shipment that comes again with the same content is counted as a duplicate; one that says "
        "something else is replaced as long as nothing of it has been received."
    ),
    on_failure=(
        "A shipment is taken as a whole or not at all: one bad line sets all lines of that shipment aside, "
        "each with its reason; other shipments of the file are taken. A file that is cut off, or has a line "
        "that could belong to any shipment, is refused as a whole."
    ),
    what_to_do=(
        f"{IMPORT_REPAIR} ERR_SHIPMENT_RECEIVED: the shipment was received before it was changed; book the "
        "difference as an inventory variance."
    ),
    parameters=(
        *file_parameters(
            config_id="IMP_TO_SHPMNT",
            config_ids=("IMP_TO_SHPMNT",),
            group_by="external-shipment-id",
            group_by_example="category",
            file_pattern=None,
            schedule_now=False,
            require_final_newline=True,
            additional_example={"destinationFacilityId": "281"},
            import_path="netsuite/transferorderv2/import/fulfillment-wh",
            moves_stock=False,
        ),
        Parameter(
            name="originFacilityId",
            example="116",
            additional=True,
            section=HOW,
            description="Where shipments come from whose rows do not say it: OMS id or id in the ERP.",
        ),
        Parameter(
            name="destinationFacilityId",
            example="281",
            additional=True,
            section=HOW,
            description="Where shipments go whose rows do not say it: OMS id or id in the ERP.",
        ),
    ),
)

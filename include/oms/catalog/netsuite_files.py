"""Files in which NetSuite reports changes of stock, document by document (spec inventory.md 5.6, 5.7)."""

from oms.catalog.model import DELTA, IMPORT_REPAIR, ImportConfig, ImportJob
from oms.catalog.shared import CHANGES_FAILURE, file_parameters, negative_policy


def _netsuite_job(
    *,
    dag_id: str,
    name: str,
    other_names: tuple[str, ...] = (),
    enum_id: str,
    config_id: str,
    folder: str,
    document: str,
    purpose: str,
    minute: int,
) -> ImportJob:
    """An import of changes with the five columns of NetSuite's exports."""
    return ImportJob(
        dag_id=dag_id,
        name=name,
        other_names=other_names,
        category="inventory",
        enum_id=enum_id,
        schedule=f"{minute}-59/15 * * * *",
        pool="imports_now",
        configs=(
            ImportConfig(
                config_id=config_id,
                file_type="variance",
                import_path=folder,
                meaning=f"The file states changes of stock; comments name the cause: {document} # 88123.",
                settings={"document": document, "default_reason": "VAR_INTEGR"},
            ),
        ),
        kind=DELTA,
        purpose=purpose,
        repeat=(
            "Safe: each line of a document is booked once, also when NetSuite exports the document again in "
            "another file. Such a line is counted as a duplicate; with another quantity it is refused."
        ),
        on_failure=CHANGES_FAILURE,
        what_to_do=(
            f"{IMPORT_REPAIR} ERR_DOCUMENT_CHANGED: the document was changed after its first export; book "
            "the difference as an inventory variance, or undo the first file and import the new one."
        ),
        parameters=(
            *file_parameters(
                config_id=config_id,
                config_ids=(config_id,),
                group_by=None,
                file_pattern=None,
                schedule_now=True,
                require_final_newline=True,
                additional_example={"negativePolicy": "reject"},
                default_id_type="NETSUITE_PRODUCT_ID",
            ),
            negative_policy("allow"),
        ),
    )


IMPORT_ITEM_RECEIPT = _netsuite_job(
    dag_id="import_item_receipt",
    minute=2,
    name="Import Item Receipt",
    enum_id="JOB_ITM_RECEIPT",
    config_id="IMP_ITM_RECEIPT",
    folder="netsuite/itemreceipt/csv",
    document="ItemReceipt",
    purpose=(
        "Adds what NetSuite has received: purchase orders that came in raise what lies on the shelf and what "
        "may be promised. A receipt taken back lowers it."
    ),
)
IMPORT_INVENTORY_TRANSFER = _netsuite_job(
    dag_id="import_inventory_transfer",
    minute=3,
    name="Import Inventory Transfer",
    other_names=("Import Inventory Transfers",),
    enum_id="JOB_INV_TRANS",
    config_id="IMP_INV_TRANS",
    folder="netsuite/inventorytransfer/import",
    document="Inventory Transfer",
    purpose=(
        "Books transfers of NetSuite between the B2B and the B2C share of a warehouse: a line raises or "
        "lowers the stock of one location; the two sides of a transfer are lines of their own."
    ),
)
IMPORT_INVENTORY_ADJUSTMENT = _netsuite_job(
    dag_id="import_inventory_adjustment",
    minute=4,
    name="Import Inventory Adjustment",
    enum_id="JOB_INV_ADJUST",
    config_id="IMP_INV_ADJUST",
    folder="netsuite/inventoryadjustment/import",
    document="Inventory Adjustment",
    purpose=(
        "Books inventory adjustments of NetSuite: a line raises or lowers what lies on the shelf and what "
        "may be promised."
    ),
)

"""Files that set safety stock, brokering and pickup of products at facilities (inventory.md 5.9)."""

from oms.imports import staging
from oms.imports.contracts import Column, FileContract
from oms.imports.file_types import FileType
from oms.inventory.files import lookups, product_settings
from oms.inventory.files.lookups import RowSettings

CONTRACT = FileContract(
    identifiers=lookups.IDENTIFIERS,
    columns=(
        Column(
            name="product-id",
            field="product_id",
            type="text",
            example="10571",
            meaning="OMS product id; wins over product-sku.",
        ),
        Column(
            name="product-sku",
            field="id_value",
            type="text",
            aliases=("idValue", "internal-name"),
            example="WP0728BlackHC",
            meaning="Identifier of the product; always text, leading zeros count.",
        ),
        Column(
            name="id-type",
            field="id_type",
            type="text",
            example="SKU",
            meaning="Kind of identifier in product-sku; blank: the parameter defaultIdType.",
        ),
        Column(
            name="facility-id",
            field="facility_id",
            type="text",
            example="BROADWAY",
            meaning="A place that holds stock, or a CONFIGURATION facility; its OMS id or its id in the ERP.",
        ),
        Column(
            name="facility-external-id",
            field="external_facility_id",
            type="text",
            aliases=("external-facility-id",),
            example="101",
            meaning="Facility: its id in the ERP; this or facility-id.",
        ),
        Column(
            name="facility-safety-stock",
            field="minimum_stock",
            type="integer",
            aliases=("minimum-stock",),
            example="10",
            meaning="Units held back there, 0 or more; at a CONFIGURATION facility: the threshold.",
        ),
        Column(
            name="allow-brokering",
            field="allow_brokering",
            type="boolean",
            example="N",
            meaning="Whether online orders may be sent from there: Y or N.",
        ),
        Column(
            name="allow-pickup",
            field="allow_pickup",
            type="boolean",
            example="Y",
            meaning="Whether customers may pick up there: Y or N.",
        ),
        Column(
            name="reorder-quantity",
            field="reorder_quantity",
            type="integer",
            example="20",
            meaning="Units to order when stock runs low, 0 or more.",
        ),
    ),
    one_of=(
        ("product-id", "product-sku"),
        ("facility-id", "facility-external-id"),
        ("facility-safety-stock", "allow-brokering", "allow-pickup", "reorder-quantity"),
    ),
)

TYPE = FileType(
    contract=CONTRACT,
    settings=RowSettings,
    judge=product_settings.judge,
    set_rejects_aside=staging.set_faults_aside,
    apply=product_settings.apply,
    instead_of_undoing=product_settings.INSTEAD_OF_UNDOING,
)

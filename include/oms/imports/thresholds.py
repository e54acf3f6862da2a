"""Files that set the thresholds of channels (inventory.md 5.10): what `export_product_thresholds` writes."""

from functools import partial

from oms.imports import settings, staging
from oms.imports.contracts import Column, FileContract

CONTRACT = FileContract(
    columns=(
        Column(
            name="product-id",
            field="product_id",
            type="text",
            example="12161",
            meaning="OMS product id; wins over product-sku.",
        ),
        Column(
            name="product-sku",
            field="id_value",
            type="text",
            aliases=("internal-name", "idValue"),
            example="2381927391",
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
            example="CONFIGURATION",
            meaning="CONFIGURATION facility of the channel; blank: the parameter facilityId.",
        ),
        Column(
            name="threshold",
            field="minimum_stock",
            type="integer",
            required=True,
            aliases=("minimum-stock", "facility-safety-stock"),
            example="10",
            meaning="Units the channel holds back, 0 or more; blank: left as it is.",
        ),
    ),
    one_of=(("product-id", "product-sku"),),
)

judge = partial(settings.judge, thresholds=True)
set_rejects_aside, apply = staging.set_faults_aside, settings.apply

"""Files that set the thresholds of channels (inventory.md 5.10): what `export_product_thresholds` writes."""

from dataclasses import dataclass

from oms.database import Connection
from oms.imports import staging
from oms.imports.contracts import Column, FileContract
from oms.imports.file_types import FileType
from oms.imports.jobs import Settings
from oms.imports.staging import Content, Judged
from oms.inventory.files import lookups, product_settings
from oms.inventory.files.lookups import RowSettings

CONTRACT = FileContract(
    identifiers=lookups.IDENTIFIERS,
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


@dataclass(frozen=True, kw_only=True)
class ThresholdSettings(RowSettings):
    """What files of thresholds are told beside how their rows name products."""

    facility_id: str = "CONFIGURATION"
    """Facility of rows that name none."""


def judge(conn: Connection, log_id: int, content: Content, settings: Settings, *, again: bool) -> Judged:
    """Give every row its ids and its verdict; rows of places that hold stock are bad."""
    at = ThresholdSettings.of(settings).facility_id
    return product_settings.judge(conn, log_id, content, settings, again=again, thresholds_at=at)


TYPE = FileType(
    contract=CONTRACT,
    settings=ThresholdSettings,
    judge=judge,
    set_rejects_aside=staging.set_faults_aside,
    apply=product_settings.apply,
    instead_of_undoing=product_settings.INSTEAD_OF_UNDOING,
)

"""Files that announce shipments: each of them is taken as a whole or not at all (inventory.md 5.8).

No stock moves here; it does when the shipment is received (`oms.inventory.receiving`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psycopg import sql as composed

from oms.database import Connection, statements
from oms.imports import staging
from oms.imports.contracts import Column, FileContract, Header
from oms.imports.errors import FileRefused
from oms.imports.file_types import FileType
from oms.imports.jobs import Settings
from oms.imports.json_files import objects, text_of, units_of
from oms.imports.outcome import Counts, Part
from oms.imports.staging import (
    Content,
    Judged,
    columns_of,
    count_groups,
    filled,
    known_reject,
    landed_table,
    resolved_table,
)
from oms.inventory.files import lookups, positions
from oms.inventory.files.lookups import RowSettings

sql = statements(__file__)


def rows_of_json(data: Any) -> Iterator[dict[str, str]]:
    """One row for each item of each shipment; the tracking numbers of all its packages stand in each.

    A shipment without items has one row without a product, so that it is refused and not passed over.
    """
    for number, one in enumerate(objects(data, "the file"), 1):
        where = f"shipment {number}"
        packages = objects(one.get("packages"), f"packages of {where}")
        tracking = "|".join(filter(None, (text_of(package, "trackingNumber", where) for package in packages)))
        shipment = {
            "external-shipment-id": text_of(one, "externalId", where),
            "origin-facility-id": text_of(one, "originFacilityId", where),
            "destination-facility-id": text_of(one, "destinationFacilityId", where),
            "order-id": text_of(one, "transferOrderId", where),
            "shipped-date": text_of(one, "shippedDate", where),
            "shipment-type": text_of(one, "shipmentTypeId", where),
            "tracking-number": tracking,
        }
        items = [
            item
            for package in packages
            for item in objects(package.get("items"), f"items of a package of {where}")
        ]
        for place, item in enumerate(items or [{}], 1):
            part = f"item {place} of {where}"
            yield shipment | {
                "item-external-id": text_of(item, "itemExternalId", part)
                or text_of(item, "externalId", part),
                "id-type": text_of(item, "productIdType", part),
                "product-sku": text_of(item, "productIdValue", part),
                "quantity": units_of(item, "quantity", part),
            }


JSON_EXAMPLE = [
    {
        "externalId": "INBOUND-1001",
        "transferOrderId": "TO0005374",
        "originFacilityId": "116",
        "destinationFacilityId": "281",
        "shippedDate": "2026-08-01",
        "shipmentTypeId": "IN_TRANSFER",
        "packages": [
            {
                "trackingNumber": "788944217767",
                "items": [
                    {
                        "itemExternalId": "1",
                        "productIdType": "SKU",
                        "productIdValue": "SKU-1001",
                        "quantity": 11,
                    }
                ],
            }
        ],
    }
]

CONTRACT = FileContract(
    identifiers=lookups.IDENTIFIERS,
    columns=(
        Column(
            name="external-shipment-id",
            field="external_shipment_id",
            type="text",
            required=True,
            example="INBOUND-1001",
            meaning="Id of the shipment in the ERP, such as the item fulfilment of NetSuite.",
        ),
        Column(
            name="product-sku",
            field="id_value",
            type="text",
            aliases=("idValue",),
            example="SKU-1001",
            meaning="Identifier of the product; always text, leading zeros count.",
        ),
        Column(
            name="product-id",
            field="product_id",
            type="text",
            example="10001",
            meaning="OMS product id; wins over product-sku.",
        ),
        Column(
            name="id-type",
            field="id_type",
            type="text",
            example="SKU",
            meaning="Kind of identifier in product-sku; blank: the parameter defaultIdType.",
        ),
        Column(
            name="quantity",
            field="quantity",
            type="integer",
            required=True,
            example="11",
            meaning="Units shipped, 1 or more.",
        ),
        Column(
            name="origin-facility-id",
            field="origin_facility_id",
            type="text",
            required=True,
            example="116",
            meaning="Where it comes from: OMS id or id in the ERP; blank: the parameter originFacilityId.",
        ),
        Column(
            name="destination-facility-id",
            field="destination_facility_id",
            type="text",
            required=True,
            example="281",
            meaning="Where it goes: OMS id or id in the ERP; blank: the parameter destinationFacilityId.",
        ),
        Column(
            name="item-external-id",
            field="item_external_id",
            type="text",
            required=True,
            example="1",
            meaning="Line of the order in the ERP; two lines of a shipment may name the same.",
        ),
        Column(
            name="tracking-number",
            field="tracking_number",
            type="text",
            example="788944217767",
            meaning="Tracking numbers of the parcels, several with | between them.",
        ),
        Column(
            name="shipment-attribute",
            field="attribute",
            type="text",
            example="EXTERNAL_ORDER_ID:TO0005374",
            meaning="NAME:value, several with | between them.",
        ),
        Column(
            name="shipment-type",
            field="shipment_type",
            type="code",
            example="IN_TRANSFER",
            meaning="IN_TRANSFER (blank), PURCHASE_SHIPMENT, SALES_RETURN or INCOMING_SHIPMENT.",
        ),
        Column(
            name="shipment-status",
            field="status",
            type="code",
            example="SHIPPED",
            meaning="SHIPPED (blank), PACKED, APPROVED or INPUT, with or without SHIPMENT_ in front.",
        ),
        Column(
            name="shipped-date",
            field="shipped_date",
            type="timestamp",
            example="2026-08-01",
            meaning="When it left: a date, or a moment (without a zone: UTC); blank: now.",
        ),
        Column(
            name="supplier-id",
            field="supplier_id",
            type="text",
            example="SUPPLIER_1",
            meaning="Who sends it, where that is no facility of ours.",
        ),
        Column(
            name="supplier-external-id",
            field="supplier_external_id",
            type="text",
            example="4711",
            meaning="The same, as the ERP calls it; this or supplier-id.",
        ),
        Column(
            name="order-id",
            field="order_id",
            type="text",
            example="TO0005374",
            meaning="Transfer or purchase order in the ERP.",
        ),
        Column(
            name="serial-number",
            field="serial_number",
            type="text",
            example="SN-0001",
            meaning="Serial number of the unit.",
        ),
    ),
    one_of=(("product-sku", "product-id"),),
    from_json=rows_of_json,
    json_example=JSON_EXAMPLE,
)


@dataclass(frozen=True, kw_only=True)
class ShipmentSettings(RowSettings):
    """The facilities of shipments that name none."""

    origin_facility_id: str | None = None
    destination_facility_id: str | None = None


def judge(conn: Connection, log_id: int, content: Content, settings: Settings, *, again: bool) -> Judged:
    """Look up the ids of every landed row and give it its verdict; one bad row refuses its whole shipment.

    Raises FileRefused if a row cannot be told to belong to a shipment: none of the file would be safe.
    """
    assert content.header is not None
    header = content.header
    landed = landed_table(log_id)
    own = ShipmentSettings.of(settings)
    if odd := filled(conn, sql.misshapen, {}, landed=landed).fetchone():
        raise FileRefused(
            "ERR_FORMAT",
            f"line {odd[0]}: {odd[1]}; it may belong to any shipment, so none is taken: correct the line",
        )
    filled(
        conn,
        sql.judge,
        {
            "origin": own.origin_facility_id,
            "destination": own.destination_facility_id,
            "decimal_separator": own.decimal_separator,
        }
        | lookups.id_types(conn, landed, header, settings),
        landed=landed,
        resolved=resolved_table(log_id),
        columns=columns_of(header, CONTRACT.fields),
        group_key=_group_key(header, settings.group_by),
        known_reject=known_reject(log_id, again=again, row="landed"),
        **lookups.SOURCES,
        **lookups.FAULTS,
    )
    groups, bad = count_groups(conn, log_id)
    by_shipment = settings.group_by is None or header.field_of(settings.group_by) == "external_shipment_id"
    return Judged(groups, bad, positional=by_shipment)


def _group_key(header: Header, group_by: str | None) -> composed.Composable:
    """The key of a row: of its shipment's first row, or one shipment would be in two chunks."""
    if group_by is None:
        return composed.SQL("null::text")
    field = header.field_of(group_by)
    if field is None or field == "external_shipment_id":
        return composed.SQL("external_shipment_id")
    return composed.SQL("coalesce(left(first_value({}) over shipment, {}), external_shipment_id)").format(
        composed.Identifier(field), composed.Literal(lookups.LONGEST_KEY)
    )


def apply(conn: Connection, part: Part, settings: Settings) -> Counts:
    """Enter the shipments of the part; return what became of their rows."""
    values = {"log_id": part.log_id}
    conn.execute(sql.forget)
    names = {"rows": resolved_table(part.log_id), "in_part": positions.in_part(part)}
    filled(conn, sql.gather_lines, {}, **names)
    conn.execute(sql.gather)
    conn.execute(sql.add_new, values)
    conn.execute(sql.lock)
    conn.execute(sql.compare)
    conn.execute(sql.clear_items)
    conn.execute(sql.clear_packages)
    conn.execute(sql.clear_attributes)
    conn.execute(sql.change, values)
    conn.execute(sql.add_items)
    conn.execute(sql.add_packages)
    conn.execute(sql.add_attributes)
    duplicate = conn.execute(sql.note_duplicates, values).rowcount
    conn.execute(sql.refuse)
    rejected = positions.set_refused_aside(conn, part, settings, CONTRACT)
    (rows,) = conn.execute(sql.count_rows).fetchone()
    return Counts(applied=rows - duplicate - rejected, duplicate=duplicate, rejected=rejected)


TYPE = FileType(
    contract=CONTRACT,
    settings=ShipmentSettings,
    judge=judge,
    set_rejects_aside=staging.set_faults_aside,
    apply=apply,
    instead_of_undoing="has booked no stock; it brings documents: cancel or correct them one by one",
)

"""Facilities and products as the rows of any file name them (inventory.md 3.5)."""

from dataclasses import dataclass
from typing import Any

from psycopg import sql as composed

from oms.database import Connection, statements
from oms.imports import staging
from oms.imports.contracts import Header, match_key
from oms.imports.errors import FileRefused
from oms.imports.jobs import OwnSettings, Settings
from oms.imports.staging import filled

sql = statements(__file__)


@dataclass(frozen=True, kw_only=True)
class RowSettings(OwnSettings):
    """How the rows of a file name products and write numbers."""

    default_id_type: str = "SKU"
    decimal_separator: str | None = None
    """What decimals follow; None: a number that may be thousands as well is refused."""


FACILITY_FIELDS = ("facility_id", "external_facility_id")
PRODUCT_FIELDS = ("id_value", "product_id")
IDENTIFIERS = (
    "id_value",
    *FACILITY_FIELDS,
    "origin_facility_id",
    "destination_facility_id",
    "location_seq_id",
)
"""Fields that are compared without their form of Unicode and the blanks around them."""
BARCODES = frozenset(("UPCA", "EAN", "GTIN", "ISBN"))
"""Identifier types that oms.is_barcode knows."""
LONGEST_KEY = 200
"""Letters of a column that tell groups apart: longer ones fit no index."""

SOURCES = {
    name: composed.SQL(getattr(sql, name))
    for name in ("facility_references", "named_facilities", "outside_facilities", "identified_products")
}
"""Parts of statements: facilities by what a file calls them, products by their identifications of today."""
FAULTS = {
    name: composed.SQL(getattr(sql, name))
    for name in (
        "facility_not_found",
        "facility_conflict",
        "facility_ambiguous",
        "unknown_id_type",
        "product_not_found",
        "product_ambiguous",
    )
}
"""Parts of statements: what to tell of a row whose facility or product cannot be told."""


def id_types(
    conn: Connection, landed: composed.Identifier, header: Header, settings: Settings
) -> dict[str, Any]:
    """The identifier types that the rows name, by spelling, and the one for rows that name none.

    Leaves the identifiers of the rows in the form in which they are compared (`texts.trimmed`).

    Raises FileRefused if that one is unknown.
    """
    own = RowSettings.of(settings)
    (default_id_type,) = conn.execute(
        sql.default_id_type, {"default_id_type": own.default_id_type}
    ).fetchone()
    if default_id_type is None and "id_value" in header.fields:
        (known,) = conn.execute(sql.known_id_types).fetchone()
        raise FileRefused(
            "ERR_ID_TYPE", f"defaultIdType {own.default_id_type!r} is unknown; known are {known}"
        )
    staging.trim(conn, landed, header, settings)
    spelled: dict[str, str] = {}
    if "id_type" in header.fields:
        spelled = dict(filled(conn, sql.spelled_id_types, {}, landed=landed).fetchall())
    return {
        "default_id_type": default_id_type,
        "spellings": list(spelled),
        "spelled_types": list(spelled.values()),
    }


def is_positional(header: Header, group_by: str | None) -> bool:
    """Whether equal positions always have equal group keys, so that files may share chunks."""
    if group_by is None or header.field_of(group_by) is None:
        return True
    return header.field_of(group_by) in (*FACILITY_FIELDS, *PRODUCT_FIELDS, "location_seq_id")


def group_key(header: Header, group_by: str | None) -> composed.Composable:
    """The expression for the key of a row (inventory.md 3.4).

    A facility or product column stands for what it resolves to; a column that the file does not have, and a
    blank cell, for the facility.
    """
    if group_by is None:
        return composed.SQL("null::text")
    field = header.field_of(group_by)
    if (
        field is None
        or field in FACILITY_FIELDS
        or match_key(group_by) in ("facilityid", "externalfacilityid")
    ):
        return composed.SQL("own_facility_id")
    if field in PRODUCT_FIELDS:
        return composed.SQL("own_product_id::text")
    if field == "location_seq_id":
        return composed.SQL("own_location_seq_id")
    return composed.SQL("coalesce(left({}, {}), own_facility_id)").format(
        composed.Identifier(field), composed.Literal(LONGEST_KEY)
    )

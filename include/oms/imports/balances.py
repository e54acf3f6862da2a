"""Rows of files about balances: ids instead of texts, and a verdict each (inventory.md 3.5, 5.4, 5.5)."""

from psycopg import sql as composed

from oms.database import Connection, statements
from oms.imports.contracts import Header, match_key
from oms.imports.jobs import Settings
from oms.imports.staging import (
    Content,
    Judged,
    count_groups,
    filled,
    known_reject,
    landed_table,
    raw_line,
    resolved_table,
)

sql = statements(__file__)

FIELDS = (
    "facility_id", "external_facility_id", "location_seq_id", "id_type", "id_value", "product_id", "quantity",
    "reset_by_atp", "reason", "comments", "as_of",
)  # fmt: skip
FACILITY_FIELDS = ("facility_id", "external_facility_id")
PRODUCT_FIELDS = ("id_value", "product_id")


def judge(conn: Connection, log_id: int, content: Content, settings: Settings, *, again: bool) -> Judged:
    """Look up the ids of every landed row and give it its verdict.

    `again`: the file was landed before; what was rejected then stays rejected.
    """
    assert content.header is not None
    header = content.header
    spellings = _id_types(conn, log_id, header)
    (default_id_type,) = conn.execute(
        sql.default_id_type, {"default_id_type": settings.default_id_type}
    ).fetchone()
    made = filled(
        conn,
        sql.resolve,
        {
            "location": settings.location_seq_id,
            "default_id_type": default_id_type,
            "excluded": list(settings.excluded_product_types),
            "by_atp": settings.reset_by_atp,
            "spellings": list(spellings),
            "spelled_types": list(spellings.values()),
        },
        landed=landed_table(log_id),
        resolved=resolved_table(log_id),
        columns=_columns(header),
        group_key=group_key(header, settings.group_by),
        known_reject=known_reject(log_id, again=again),
        **_joins(header),
    )
    if made.rowcount != content.rows:
        filled(conn, sql.mark_ambiguous, {}, resolved=resolved_table(log_id))
    groups, bad = count_groups(conn, log_id)
    return Judged(groups, bad, is_positional(header, settings.group_by))


def _columns(header: Header) -> composed.Composable:
    """Every field that a balance file may have, null if this one has not; and its extra columns."""
    known = [
        composed.Identifier(field)
        if field in header.fields
        else composed.SQL("null::text as {}").format(composed.Identifier(field))
        for field in FIELDS
    ]
    return composed.SQL(", ").join(known + [composed.Identifier(name) for name in header.extra])


def _id_types(conn: Connection, log_id: int, header: Header) -> dict[str, str]:
    """The identifier types that the rows name, by spelling."""
    if "id_type" not in header.fields:
        return {}
    return dict(filled(conn, sql.id_types, {}, landed=landed_table(log_id)).fetchall())


def _joins(header: Header) -> dict[str, composed.Composable]:
    """The lookups that a file needs; one without a column would cost 0.1 s per million rows."""
    wanted = {
        "external_join": "external_facility_id",
        "spelling_join": "id_type",
        "location_join": "location_seq_id",
        "product_join": "product_id",
        "reason_join": "reason",
    }
    return {
        join: composed.SQL(getattr(sql, join if field in header.fields else f"no_{join}")).format()
        for join, field in wanted.items()
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
    return composed.SQL("coalesce({}, own_facility_id)").format(composed.Identifier(field))


def set_rejects_aside(conn: Connection, log_id: int, header: Header, settings: Settings) -> int:
    """Write the bad rows to oms.import_reject; return how many were not there before."""
    return filled(
        conn,
        sql.set_rejects_aside,
        {
            "log_id": log_id,
            "default_id_type": settings.default_id_type,
            "quantity_column": header.contract.column_of("quantity"),
            "as_of_column": header.contract.column_of("as_of"),
            "reason_column": header.contract.column_of("reason"),
        },
        landed=landed_table(log_id),
        columns=_columns(header),
        resolved=resolved_table(log_id),
        raw=raw_line(header, settings.delimiter),
    ).rowcount

"""Rows of files that set what holds for a product at a facility (inventory.md 2.3, 5.9, 5.10).

Settings, not stock: a blank cell leaves its setting as it is, of several rows the last one that has a value
wins, and what no row names stays.
"""

from psycopg import sql as composed

from oms.database import Connection, statements
from oms.imports.contracts import Header
from oms.imports.jobs import Settings
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

FIELDS = (
    "product_id", "id_type", "id_value", "facility_id", "external_facility_id", "minimum_stock",
    "allow_brokering", "allow_pickup", "reorder_quantity",
)  # fmt: skip
TEXTS = ("id_value", "facility_id", "external_facility_id")


INSTEAD_OF_UNDOING = (
    "has booked no stock; it sets what holds for products: import a file with the former values"
)


def judge(
    conn: Connection,
    log_id: int,
    content: Content,
    settings: Settings,
    *,
    again: bool,
    thresholds_at: str | None = None,
) -> Judged:
    """Look up the ids of every landed row and give it its verdict.

    `thresholds_at`: only facilities of type CONFIGURATION may be named, and rows that name none mean it.
    """
    assert content.header is not None
    header = content.header
    names = {column.field: column.name for column in header.contract.columns}
    filled(
        conn,
        sql.judge,
        {
            "facility": thresholds_at,
            "thresholds": thresholds_at is not None,
            "decimal_separator": RowSettings.of(settings).decimal_separator,
            **{f"{field}_column": names.get(field) for field in FIELDS},
        }
        | lookups.id_types(conn, landed_table(log_id), header, settings),
        landed=landed_table(log_id),
        resolved=resolved_table(log_id),
        columns=_columns(header),
        group_key=lookups.group_key(header, settings.group_by),
        known_reject=known_reject(log_id, again=again, row="landed"),
        **lookups.SOURCES,
        **lookups.FAULTS,
    )
    groups, bad = count_groups(conn, log_id)
    return Judged(groups, bad, lookups.is_positional(header, settings.group_by))


def _columns(header: Header) -> composed.Composable:
    """The fields of the rows; in texts without the apostrophe that our exports put before formulas."""
    texts = [
        composed.SQL("oms.as_written({0}) as {0}" if field in header.fields else "null::text as {0}").format(
            composed.Identifier(field)
        )
        for field in TEXTS
    ]
    return composed.SQL(", ").join([*texts, columns_of(header, [one for one in FIELDS if one not in TEXTS])])


def apply(conn: Connection, part: Part, settings: Settings) -> Counts:
    """Set what the rows say; return what became of them."""
    names: dict[str, composed.Composable] = {
        "rows": resolved_table(part.log_id),
        "in_part": positions.in_part(part),
    }
    conn.execute(sql.forget)
    filled(conn, sql.gather, {}, **names)
    conn.execute(sql.add_missing)
    conn.execute(sql.lock)
    conn.execute(sql.compare)
    conn.execute(sql.change)
    rows, speaking, heard, applied = filled(conn, sql.count_rows, {}, **names).fetchone()
    return Counts(applied=applied, superseded=speaking - heard, unchanged=rows - applied - (speaking - heard))

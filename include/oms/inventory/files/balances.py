"""Rows of files about balances: ids instead of texts, and a verdict each (inventory.md 3.5, 5.4, 5.5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from psycopg import sql as composed

from oms.database import Connection, statements
from oms.imports.contracts import Header
from oms.imports.jobs import Settings
from oms.imports.staging import (
    Content,
    Judged,
    columns_of,
    count_groups,
    filled,
    known_reject,
    landed_table,
    own_log,
    raw_line,
    resolved_table,
)
from oms.inventory.files import lookups
from oms.inventory.files.lookups import RowSettings

sql = statements(__file__)

FIELDS = (
    "facility_id", "external_facility_id", "location_seq_id", "id_type", "id_value", "product_id", "quantity",
    "reset_by_atp", "reason", "comments", "as_of",
)  # fmt: skip


DEFAULT_LOCATION = "TLTLTLLL01"
KIT = "MARKETING_PKG_PICK"


@dataclass(frozen=True, kw_only=True)
class BalanceSettings(RowSettings):
    """Which positions the rows of a file mean, and which of their figures."""

    location_seq_id: str = DEFAULT_LOCATION
    excluded_product_types: list[str] = field(default_factory=lambda: [KIT])
    """Kits always are among them: what they have is computed."""
    reset_by_atp: bool = True

    @classmethod
    def told(cls, told: Mapping[str, Any]) -> Self:
        if "excludedProductTypes" in told:
            told = {**told, "excludedProductTypes": sorted({KIT, *told["excludedProductTypes"]})}
        return super().told(told)


def judge(conn: Connection, log_id: int, content: Content, settings: Settings, *, again: bool) -> Judged:
    """Look up the ids of every landed row and give it its verdict.

    `again`: the file was landed before; what was rejected then stays rejected.
    """
    assert content.header is not None
    judging = judging_of(conn, log_id, content.header, settings, landed_table(log_id), again=again)
    resolve_rows(conn, log_id, judging, content.rows)
    groups, bad = count_groups(conn, log_id)
    return Judged(groups, bad, lookups.is_positional(content.header, settings.group_by))


@dataclass(frozen=True)
class Judging:
    """What the statements that judge the rows of a file are filled in with."""

    values: dict[str, Any]
    names: dict[str, composed.Composable]

    def judged(self, **others: composed.Composable) -> composed.Composable:
        """The beginning of a statement that reads `judged`; `others` take the place of its sources."""
        return composed.SQL(sql.judged).format(**(self.names | others))


def judging_of(
    conn: Connection,
    log_id: int,
    header: Header,
    settings: Settings,
    source: composed.Identifier,
    *,
    again: bool,
) -> Judging:
    """How the rows of a log in `source`, its landed table or a part of it, are judged by the data of now."""
    own = BalanceSettings.of(settings)
    values = {
        "log_id": log_id,
        "location": own.location_seq_id,
        "excluded": own.excluded_product_types,
        "by_atp": own.reset_by_atp,
        "decimal_separator": own.decimal_separator,
    }
    names = {
        "source": source,
        "places": composed.SQL(sql.places).format(**lookups.SOURCES),
        "products": lookups.SOURCES["identified_products"],
        "columns": columns_of(header, dict.fromkeys((*FIELDS, *header.contract.fields))),
        "group_key": lookups.group_key(header, settings.group_by),
        "known_reject": known_reject(log_id, again=again),
    }
    types = lookups.id_types(conn, source, header, settings)
    barcodes = lookups.BARCODES & {types["default_id_type"], *types["spelled_types"]}
    names["barcode_join"] = composed.SQL(sql.barcode_join if barcodes else sql.no_barcode_join)
    return Judging(values | types, names | _joins(header))


def resolve_rows(
    conn: Connection, log_id: int, judging: Judging, rows: int, **others: composed.Composable
) -> None:
    """Make the resolved table of a log from so many landed rows; `others` take the place of sources."""
    made = filled(
        conn,
        sql.resolve,
        judging.values,
        resolved=resolved_table(log_id),
        judged=judging.judged(**others),
    )
    if made.rowcount != rows:
        filled(conn, sql.mark_ambiguous, {}, resolved=resolved_table(log_id))


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


def set_rejects_aside(conn: Connection, log_id: int, header: Header, settings: Settings) -> int:
    """Write the bad rows to oms.import_reject; return how many were not there before."""
    own = BalanceSettings.of(settings)
    return filled(
        conn,
        sql.set_rejects_aside,
        {
            **own_log(log_id),
            "default_id_type": own.default_id_type,
            "decimal_separator": own.decimal_separator,
            "quantity_column": header.contract.column_of("quantity"),
            "as_of_column": header.contract.column_of("as_of"),
            "reason_column": header.contract.column_of("reason"),
        },
        landed=landed_table(log_id),
        columns=columns_of(header, dict.fromkeys((*FIELDS, *header.contract.fields))),
        resolved=resolved_table(log_id),
        raw=raw_line(header, settings.delimiter),
        **lookups.FAULTS,
    ).rowcount

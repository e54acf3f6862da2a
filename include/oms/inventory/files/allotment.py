"""Stock of a warehouse that people upload for the shops, which are told at once (inventory.md 5.20)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from oms.catalog.model import RESET, Kind
from oms.database import Connection, statements
from oms.imports import staging
from oms.imports.contracts import Column, FileContract, Header, match_key
from oms.imports.errors import FileRefused
from oms.imports.file_types import FileType
from oms.imports.jobs import Settings
from oms.imports.outcome import Counts, Part
from oms.imports.staging import Content, Judged, count_groups, filled, landed_table, resolved_table
from oms.inventory.files import balances, lookups, one_second, positions, reset, variance
from oms.inventory.files.variance import VarianceSettings

sql = statements(__file__)

FIGURE = Column(
    name="availableDelta",
    field="quantity",
    type="integer",
    required=True,
    aliases=("availableQty", "quantity"),
    example="24",
    meaning="Mode VARIANCE: change in units, with its sign. Mode RESET: what is allotted, in units.",
)
SHOP = Column(
    name="shopId",
    field="shop_id",
    type="text",
    example="NEW_ERA_JP",
    meaning="The shop to tell at once; blank: every shop that shows stock of the facility.",
)
CONTRACT = FileContract(
    identifiers=lookups.IDENTIFIERS,
    columns=(
        *(FIGURE if column.field == "quantity" else column for column in variance.CONTRACT.columns),
        SHOP,
    ),
    one_of=variance.CONTRACT.one_of,
    figure="quantity",
)


@dataclass(frozen=True, kw_only=True)
class AllotmentSettings(VarianceSettings):
    """What uploads of a share are told beside where and for what it is."""

    mode: str = "VARIANCE"
    """Whether the figures are changes (VARIANCE) or balances on hand (RESET)."""

    @classmethod
    def told(cls, told: Mapping[str, Any]) -> Self:
        if told.get("mode") == "RESET":
            told = {**told, "resetByAtp": False}
        return super().told(told)


def kind_of(kind: Kind, settings: Settings) -> Kind:
    """In mode RESET a file of balances, whatever its job says."""
    return RESET if AllotmentSettings.of(settings).mode == "RESET" else kind


def judge(conn: Connection, log_id: int, content: Content, settings: Settings, *, again: bool) -> Judged:
    """Give every row its ids and its verdict; FileRefused for balances in mode VARIANCE."""
    header = content.header
    figure = header.names[header.fields.index("quantity")]
    if AllotmentSettings.of(settings).mode == "VARIANCE" and match_key(figure) != match_key(FIGURE.name):
        raise FileRefused(
            "ERR_HEADER",
            f"column {figure} states balances, and mode VARIANCE would add them to the stock: set mode to "
            f"RESET, or call the column {FIGURE.name} if it states changes",
        )
    judged = balances.judge(conn, log_id, content, settings, again=again)
    if "shop_id" in header.fields:
        tables = {"rows": resolved_table(log_id), "landed": landed_table(log_id)}
        filled(conn, sql.refuse_unknown_shops, {}, **tables)
        groups, bad = count_groups(conn, log_id)
        judged = replace(judged, groups=groups, bad=bad)
    return judged


def set_rejects_aside(conn: Connection, log_id: int, header: Header, settings: Settings) -> int:
    """Write the bad rows to oms.import_reject; return how many were not there before."""
    tables = {"rows": resolved_table(log_id), "landed": landed_table(log_id)}
    filled(conn, sql.tell_unknown_shops, {}, **tables)
    told = staging.set_refused_aside(conn, log_id, header, settings.delimiter)
    filled(conn, sql.count_told, {}, rows=tables["rows"])
    return told + balances.set_rejects_aside(conn, log_id, header, settings)


def apply(conn: Connection, part: Part, settings: Settings) -> Counts:
    """Book the rows as changes or as balances on hand; note which shops are to be told of what moved."""
    tables = {"rows": resolved_table(part.log_id), "landed": landed_table(part.log_id)}
    values = {"log_id": part.log_id}
    if AllotmentSettings.of(settings).mode == "RESET":
        filled(conn, sql.floor_figures, values, in_part=positions.in_part(part), **tables)
        counts = reset.apply(conn, part, settings)
    else:
        counts = variance.apply(conn, part, settings, CONTRACT)
    filled(conn, sql.note_uploads, values, landed=tables["landed"])
    return counts


TYPE = FileType(
    contract=CONTRACT,
    settings=AllotmentSettings,
    kind_of=kind_of,
    judge=judge,
    set_rejects_aside=set_rejects_aside,
    apply=apply,
    landed=one_second.warn,
)

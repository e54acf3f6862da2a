"""Files that state balances: the difference to the present one goes into the ledger (inventory.md 5.4)."""

from dataclasses import dataclass

from psycopg import sql as composed

from oms.database import Connection, statements
from oms.imports.contracts import Column, FileContract, Header
from oms.imports.file_types import FileType
from oms.imports.guard import Guarded, Reason
from oms.imports.jobs import Settings
from oms.imports.outcome import Counts, Part
from oms.imports.staging import Content, Judged, filled, resolved_table
from oms.inventory import entries
from oms.inventory.files import balances, confirmed, lookups, one_second, positions, prefilter
from oms.inventory.files.balances import BalanceSettings

sql = statements(__file__)

CAUSE = ("reason_id", "log_id", "line_number", "run_id", "comments")
CAUSE_OF_COUNT = ("reason_id", "effective_at", "log_id", "line_number", "run_id", "comments")

STATED, COUNTED = "VAR_EXT_RESET", "CYCLE_COUNT"
"""Reasons of rows that name none (inventory.md 1.3)."""

CONTRACT = FileContract(
    identifiers=lookups.IDENTIFIERS,
    columns=(
        Column(
            name="facilityId",
            field="facility_id",
            type="text",
            example="DEMO_HC_STORE_1",
            meaning="Facility: its OMS id or, failing that, its id in the sending system.",
        ),
        Column(
            name="externalFacilityId",
            field="external_facility_id",
            type="text",
            example="43",
            meaning="Facility: its id in the sending system; this or facilityId.",
        ),
        Column(
            name="locationSeqId",
            field="location_seq_id",
            type="text",
            example="TLTLTLLL01",
            meaning="Storage location; blank: the pick face of the facility.",
        ),
        Column(
            name="idType",
            field="id_type",
            type="text",
            example="sku",
            meaning="Kind of identifier in idValue; blank: the parameter defaultIdType.",
        ),
        Column(
            name="idValue",
            field="id_value",
            type="text",
            example="WH09-XL-Green",
            meaning="Identifier of the product; always text, leading zeros count.",
        ),
        Column(
            name="productId",
            field="product_id",
            type="text",
            example="10001",
            meaning="OMS product id; wins over idType and idValue.",
        ),
        Column(
            name="availableQty",
            field="quantity",
            type="integer",
            required=True,
            aliases=("quantity",),
            example="20",
            meaning="The balance to reach, in units; may be negative.",
        ),
        Column(
            name="resetByAtp",
            field="reset_by_atp",
            type="boolean",
            example="false",
            meaning="True: the figure is ATP; false: it is what lies on the shelf (QOH).",
        ),
        Column(
            name="reason",
            field="reason",
            type="code",
            aliases=("varianceReasonId",),
            example="VAR_EXT_RESET",
            meaning="Reason code of the entry; blank: VAR_EXT_RESET, for a count CYCLE_COUNT.",
        ),
        Column(
            name="comments",
            field="comments",
            type="text",
            example="morning count",
            meaning="Kept with the entry; up to 255 characters.",
        ),
        Column(
            name="asOf",
            field="as_of",
            type="timestamp",
            example="2026-08-01T05:00:00+09:00",
            meaning="Moment of the count, with its zone: later movements stay on top of it.",
        ),
    ),
    one_of=(("facilityId", "externalFacilityId"), ("idValue", "productId")),
    figure="quantity",
)


@dataclass(frozen=True, kw_only=True)
class ResetSettings(BalanceSettings, Guarded):
    """What files that state balances are told beside where and for what these are."""

    counting: bool = False
    """The figures are counts: QOH becomes the figure, ATP the figure less open reservations."""
    default_reason: str | None = None
    """Reason of rows that name none; None: the one of balances, or that of counts."""
    max_drop_pct: float | None = None


def judge(conn: Connection, log_id: int, content: Content, settings: Settings, *, again: bool) -> Judged:
    """Give the rows their ids and verdicts; of a large file only those that differ from their position."""
    how = prefilter if content.compared else balances
    return how.judge(conn, log_id, content, settings, again=again)


def apply(conn: Connection, part: Part, settings: Settings) -> Counts:
    """Bring the positions of the rows to the stated balances; return what became of the rows."""
    own = ResetSettings.of(settings)
    names = {"rows": resolved_table(part.log_id), "in_part": positions.in_part(part)}
    agreeing = prefilter.bring_back(conn, part, settings)
    rows, skipped, named, dated = filled(conn, sql.count_rows, {}, **names).fetchone()
    considered = rows - skipped
    source = (
        resolved_table(part.log_id) if named == considered else composed.SQL(sql.last_rows).format(**names)
    )
    positions.forget(conn)
    filled(conn, sql.find_counts if own.counting else sql.find_changes, {}, source=source, **names)
    positions.add_missing(conn)
    values = {
        "log_id": part.log_id,
        "run_id": part.run_id,
        "counting": own.counting,
        "default_reason": own.default_reason or (COUNTED if own.counting else STATED),
    }
    stale = 0
    if dated or own.counting:
        positions.lock(conn)
        stale = conn.execute(sql.set_stale_aside, values).rowcount
        applied = entries.write(conn, sql.counts, CAUSE_OF_COUNT, values)
        conn.execute(sql.keep_moments, values)
    else:
        applied = entries.write(conn, sql.entries, CAUSE, values)
    unchanged = named - applied - stale
    if unchanged:
        confirmed.keep_named(conn, part.log_id, source, composed.SQL(sql.undated).format(**names))
    if agreeing:
        prefilter.confirm(conn, part)
    if skipped:
        positions.note_skipped(conn, part)
    return Counts(
        applied=applied,
        unchanged=unchanged + agreeing,
        superseded=considered - named,
        skipped=skipped + stale,
    )


def compare(
    conn: Connection, header: Header, sample: bytes, size: int, *, packed: bool, settings: Settings
) -> prefilter.Compared | None:
    """What takes the rows of a large file that agree with their positions; no count."""
    if ResetSettings.of(settings).counting:
        return None
    return prefilter.compare(conn, header, sample, size, packed=packed, settings=settings)


def doubts(conn: Connection, log_id: int, settings: Settings) -> tuple[Reason, ...]:
    """The facilities that would lose more of their stock than maxDropPct."""
    own = ResetSettings.of(settings)
    if own.max_drop_pct is None:
        return ()
    values = {
        "max_drop_pct": own.max_drop_pct,
        "counting": own.counting,
        "excluded": own.excluded_product_types,
    }
    found = filled(conn, sql.drops, values, resolved=resolved_table(log_id)).fetchall()
    return tuple(
        Reason(
            "drop",
            f"{facility}: stock would fall from {before:,} to {after:,} units, by "
            f"{(before - after) * 100 / before:.0f} % (limit {own.max_drop_pct:g} %)",
        )
        for facility, before, after in found
    )


TYPE = FileType(
    contract=CONTRACT,
    settings=ResetSettings,
    judge=judge,
    set_rejects_aside=balances.set_rejects_aside,
    apply=apply,
    compare=compare,
    doubts=doubts,
    landed=one_second.warn,
)

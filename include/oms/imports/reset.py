"""Files that state balances: the difference to the present one goes into the ledger (inventory.md 5.4)."""

from psycopg import sql as composed

from oms.database import Connection, statements
from oms.imports import balances, confirmed, positions, prefilter
from oms.imports.contracts import Column, FileContract
from oms.imports.jobs import Settings
from oms.imports.outcome import Counts, Part
from oms.imports.staging import Content, Judged, filled, resolved_table

sql = statements(__file__)

STATED, COUNTED = "VAR_EXT_RESET", "CYCLE_COUNT"
"""Reasons of rows that name none (inventory.md 1.3)."""

CONTRACT = FileContract(
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

set_rejects_aside = balances.set_rejects_aside


def judge(conn: Connection, log_id: int, content: Content, settings: Settings, *, again: bool) -> Judged:
    """Give the rows their ids and verdicts; of a large file only those that differ from their position."""
    how = prefilter if content.compared else balances
    return how.judge(conn, log_id, content, settings, again=again)


def apply(conn: Connection, part: Part, settings: Settings) -> Counts:
    """Bring the positions of the rows to the stated balances; return what became of the rows."""
    names = {"rows": resolved_table(part.log_id), "in_part": positions.in_part(part)}
    agreeing = prefilter.bring_back(conn, part, settings)
    rows, skipped, _, named, dated = filled(conn, sql.count_rows, {}, **names).fetchone()
    considered = rows - skipped
    source = (
        resolved_table(part.log_id) if named == considered else composed.SQL(sql.last_rows).format(**names)
    )
    positions.forget(conn)
    filled(conn, sql.find_counts if settings.counting else sql.find_changes, {}, source=source, **names)
    positions.add_missing(conn)
    values = {
        "log_id": part.log_id,
        "run_id": part.run_id,
        "counting": settings.counting,
        "default_reason": settings.default_reason or (COUNTED if settings.counting else STATED),
    }
    stale = 0
    if dated or settings.counting:
        positions.lock(conn)
        stale = conn.execute(sql.set_stale_aside, values).rowcount
        applied = conn.execute(sql.write_counts, values).rowcount
        conn.execute(sql.keep_moments, values)
    else:
        applied = conn.execute(sql.write_entries, values).rowcount
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

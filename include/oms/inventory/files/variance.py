"""Files that state changes of stock with their reasons (inventory.md 5.5-5.7)."""

from dataclasses import dataclass

from psycopg import sql as composed

from oms.database import Connection, statements
from oms.imports.contracts import Column, FileContract, Header
from oms.imports.file_types import FileType
from oms.imports.jobs import Settings
from oms.imports.outcome import Counts, JointPart, Part
from oms.imports.staging import filled, own_log, resolved_table
from oms.inventory import entries
from oms.inventory.files import balances, documents, lookups, positions
from oms.inventory.files.balances import BalanceSettings

sql = statements(__file__)

CAUSE = ("reason_id", "effective_at", "log_id", "line_number", "run_id", "comments", "counted_by_entry")

DEFAULT_REASON = "VAR_MANUAL"
"""Reason of rows that name none (inventory.md 5.5)."""

CONTRACT = FileContract(
    identifiers=lookups.IDENTIFIERS,
    columns=(
        Column(
            name="facilityId",
            field="facility_id",
            type="text",
            example="BROADWAY",
            meaning="Facility: its OMS id or, failing that, its id in the sending system.",
        ),
        Column(
            name="externalFacilityId",
            field="external_facility_id",
            type="text",
            example="WH_1",
            meaning="Facility: its id in the sending system; this or facilityId.",
        ),
        Column(
            name="idType",
            field="id_type",
            type="text",
            example="SKU",
            meaning="Kind of identifier in idValue; blank: the parameter defaultIdType.",
        ),
        Column(
            name="idValue",
            field="id_value",
            type="text",
            example="WP0728BlackHC",
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
            name="availableDelta",
            field="quantity",
            type="integer",
            required=True,
            example="-2",
            meaning="Change of QOH and ATP in units, with its sign; 0 changes nothing.",
        ),
        Column(
            name="locationSeqId",
            field="location_seq_id",
            type="text",
            example="TLTLTLLL01",
            meaning="Storage location; blank: the pick face of the facility.",
        ),
        Column(
            name="varianceReasonId",
            field="reason",
            type="code",
            aliases=("reason",),
            example="VAR_DAMAGED",
            meaning="Reason code of the entry; blank: VAR_MANUAL, in files of NetSuite VAR_INTEGR.",
        ),
        Column(
            name="comments",
            field="comments",
            type="text",
            example="box crushed",
            meaning="Kept with the entry; up to 255 characters.",
        ),
        Column(
            name="effectiveDate",
            field="as_of",
            type="timestamp",
            example="2026-08-01T04:50:00+09:00",
            meaning="When it happened, with its zone; blank: now. A movement before a count changes nothing.",
        ),
    ),
    one_of=(("facilityId", "externalFacilityId"), ("idValue", "productId")),
    figure="quantity",
)


@dataclass(frozen=True, kw_only=True)
class VarianceSettings(BalanceSettings):
    """What files that state changes are told beside where and for what these are."""

    negative_policy: str = "floor"
    default_reason: str | None = None
    """Reason of rows that name none; None: `DEFAULT_REASON`."""
    document: str | None = None
    """How comments name the document of a row, such as "Inventory Transfer" (inventory.md 3.6)."""


def apply(conn: Connection, part: Part, settings: Settings, contract: FileContract = CONTRACT) -> Counts:
    """Add the units of the rows to their positions; return what became of the rows."""
    own = VarianceSettings.of(settings)
    names = {"rows": resolved_table(part.log_id), "in_part": positions.in_part(part)}
    rows, skipped = filled(conn, sql.count_rows, {}, **names).fetchone()
    positions.forget(conn)
    repeated, is_new = Counts(), composed.SQL("true")
    if own.document:
        repeated = documents.claim(conn, part, own.document, settings, contract, names["rows"])
        is_new = composed.SQL(sql.is_new)
    moving, applied = _move(conn, part, settings, contract, is_new)
    if skipped:
        positions.note_skipped(conn, part)
    return repeated + Counts(
        applied=applied,
        unchanged=rows - skipped - moving - repeated.total,
        skipped=skipped,
        rejected=moving - applied,
    )


def apply_joint(conn: Connection, part: JointPart, settings: Settings) -> dict[int, Counts]:
    """The same for files that share their tables, as if one came after the other; counts by log."""
    positions.forget(conn)
    _move(conn, part, settings, CONTRACT, composed.SQL("true"))
    found = filled(
        conn,
        sql.count_by_file,
        {"policy": VarianceSettings.of(settings).negative_policy},
        rows=resolved_table(part.log_id),
        in_part=positions.in_part(part),
    ).fetchall()
    if any(skipped for _, _, skipped, _, _ in found):
        positions.note_skipped(conn, part)
    return {
        log_id: Counts(
            applied=moving - refused, unchanged=rows - skipped - moving, skipped=skipped, rejected=refused
        )
        for log_id, rows, skipped, moving, refused in found
    }


def _move(
    conn: Connection, part: Part, settings: Settings, contract: FileContract, is_new: composed.Composable
) -> tuple[int, int]:
    """Move the positions; return how many rows would move one, and how many did. The others are rejected."""
    own = VarianceSettings.of(settings)
    names = {"rows": resolved_table(part.log_id), "in_part": positions.in_part(part)}
    moving = filled(conn, sql.find_changes, {}, is_new=is_new, **names).rowcount
    positions.add_missing(conn)
    positions.lock(conn)
    values = {
        **own_log(part.log_id),
        "run_id": part.run_id,
        "policy": own.negative_policy,
        "default_reason": own.default_reason or DEFAULT_REASON,
    }
    filled(conn, sql.work_out, values)
    applied = entries.write(conn, sql.entries, CAUSE, values)
    conn.execute(sql.note_remarks, values)
    if applied < moving:
        filled(conn, sql.refuse, values)
        if own.document:
            documents.release(conn, part)
        positions.set_refused_aside(conn, part, settings, contract)
    return moving, applied


def may_share(header: Header, settings: Settings) -> bool:
    """Without documents, and where rows of one position are always of one group."""
    own = VarianceSettings.of(settings)
    return own.document is None and lookups.is_positional(header, settings.group_by)


TYPE = FileType(
    contract=CONTRACT,
    settings=VarianceSettings,
    judge=balances.judge,
    set_rejects_aside=balances.set_rejects_aside,
    apply=apply,
    apply_joint=apply_joint,
    may_share=may_share,
)

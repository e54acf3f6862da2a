"""The guard of files that state balances: one that looks wrong waits for a person (inventory.md 3.2, 5.4).

Three checks, each off until a limit is set: a facility would lose too much of its stock, a facility that the
feed always names is missing, the number of rows is far from what the feed usually has. A held file keeps no
other file waiting.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row

from oms import crashpoints
from oms.database import Connection, statements
from oms.imports.errors import NotHeld
from oms.imports.jobs import OwnSettings, Settings
from oms.imports.packing import shortened
from oms.imports.staging import Group

log = logging.getLogger(__name__)
sql = statements(__file__)

DECIDED = crashpoints.register("hold.decided", "a person's answer is committed, the import is not woken yet")

FILES_FOR_A_TREND = 3
"""So many earlier files make a trend."""
SHOWN = 20
APPROVED, REJECTED = "APPROVED", "REJECTED"


@dataclass(frozen=True)
class Reason:
    """Why a file is held: `drop`, `facilities`, `rows` or `size`, and the figures for a person."""

    kind: str
    text: str


Doubts = Callable[[Connection, int, Settings], tuple[Reason, ...]]


@dataclass(frozen=True, kw_only=True)
class Guarded(OwnSettings):
    """Settings of file types whose files are compared with those before."""

    max_row_deviation_pct: float | None = None
    hold_missing_facilities: bool = False


def note_rows(conn: Connection, log_id: int, groups: list[Group]) -> None:
    """Remember how many good rows a reset has for each facility."""
    rows: dict[str, int] = {}
    for group in groups:
        rows[group.scope] = rows.get(group.scope, 0) + group.rows
    forget_rows(conn, log_id)
    conn.execute(sql.note_rows, {"log_id": log_id, "facilities": list(rows), "rows": list(rows.values())})


def forget_rows(conn: Connection, log_id: int) -> None:
    """Forget what an unfinished landing of the log has remembered."""
    conn.execute(sql.forget_rows, {"log_id": log_id})


def reasons_to_hold(
    conn: Connection, log_id: int, total: int, settings: Settings, doubts: Doubts
) -> tuple[Reason, ...]:
    """What speaks against applying a landed reset unseen; nothing once a person has approved it.

    `doubts`: what its file type finds.
    """
    if settings.force or conn.execute(sql.is_approved, {"log_id": log_id}).fetchone()[0]:
        return ()
    feed = {"log_id": log_id, "connection_id": settings.connection_id}
    own = Guarded.of(settings)
    return (
        *doubts(conn, log_id, settings),
        *(_missing(conn, feed) if own.hold_missing_facilities else ()),
        *_off_the_trend(conn, feed, total, own.max_row_deviation_pct),
    )


def _missing(conn: Connection, feed: dict[str, Any]) -> tuple[Reason, ...]:
    return tuple(
        Reason("facilities", f"{facility} is not in the file; it was in each of the three before")
        for (facility,) in conn.execute(sql.missing_facilities, feed)
    )


def _off_the_trend(
    conn: Connection, feed: dict[str, Any], total: int, limit: float | None
) -> tuple[Reason, ...]:
    if limit is None:
        return ()
    usual, files = conn.execute(sql.usual_rows, feed).fetchone()
    if files < FILES_FOR_A_TREND or abs(total - usual) * 100 <= usual * limit:
        return ()
    return (
        Reason(
            "rows",
            f"{total:,} rows; the last {files} of this feed had about {usual:,} (limit: {limit:g} % off)",
        ),
    )


def hold(conn: Connection, log_id: int, reasons: tuple[Reason, ...]) -> None:
    """Hold a file that has landed, in the caller's transaction."""
    message = "; ".join(reason.text for reason in reasons[:SHOWN])
    if len(reasons) > SHOWN:
        message += f"; and {len(reasons) - SHOWN} more"
    conn.execute(sql.hold, {"log_id": log_id, "code": f"HELD_{reasons[0].kind.upper()}", "message": message})
    as_json = json.dumps([{"kind": reason.kind, "text": reason.text} for reason in reasons])
    conn.execute(sql.note_hold, {"log_id": log_id, "reasons": as_json})
    log.warning("log %s is held for a person (approve_held_files): %s", log_id, message)


def somebody_must_be_asked(conn: Connection) -> bool:
    """Whether files are held that no run asks about yet."""
    return conn.execute(sql.unasked).fetchone()[0] > 0


def questions(conn: Connection, run_name: str, log_id: int | None) -> list[dict[str, Any]]:
    """Claim the held files for a run that asks; for each its log, a subject and a body in Markdown.

    A run that is repeated gets its own again. With `log_id` that file, whoever was asked before.

    Raises NotHeld for a log that is not held.
    """
    with conn.transaction():
        found = (
            conn.cursor(row_factory=dict_row)
            .execute(sql.waiting, {"run_name": run_name, "log_id": log_id})
            .fetchall()
        )
    if log_id is not None and not found:
        raise NotHeld(
            f"log {log_id} is not held: nothing to decide; without logId all that wait are asked about"
        )
    return [
        {
            "log_id": row["log_id"],
            "label": shortened(f"log {row['log_id']}: {row['file_name']}"),
            "subject": f"Apply {row['file_name']}? It looks wrong",
            "body": _body(conn, row),
        }
        for row in sorted(found, key=lambda row: row["log_id"])
    ]


def _body(conn: Connection, row: dict[str, Any]) -> str:
    reasons = [f"* {reason['text']}" for reason in row["reasons"][:SHOWN]]
    if len(row["reasons"]) > SHOWN:
        reasons.append(f"* … and {len(row['reasons']) - SHOWN} more")
    later = [name for _, name in conn.execute(sql.later_files, {"log_id": row["log_id"]})]
    since = (
        f"\n**Since then** these files have changed stock of the same facilities, and approving would put "
        f"back older figures: {', '.join(later)}\n"
        if later
        else ""
    )
    return (
        f"`{row['remote_path']}` of `{row['dag_id']}` came at {row['held_at']:%Y-%m-%d %H:%M} UTC "
        f"with {row['total_count']:,} rows, {row['rejected_count']:,} of them rejected. "
        "Nothing of it is applied.\n\n" + "\n".join(reasons) + f"\n{since}\n"
        "**Approve**: the file is applied as it stands. "
        "**Reject**: it is moved to `error/`, and nothing changes."
    )


def decide(conn: Connection, log_id: int, decision: str, person: str, remark: str | None = None) -> str:
    """Carry out what a person decided; return the DAG whose next run goes on with the file.

    Repeating the same decision changes nothing.

    Raises NotHeld if the file is not held any more, or was decided on differently.
    """
    with conn.transaction():
        row = conn.cursor(row_factory=dict_row).execute(sql.lock_hold, {"log_id": log_id}).fetchone()
        if row is None:
            raise NotHeld(f"log {log_id} was never held")
        if row["decision"] is None:
            if row["status"] != "DmlsHeld":
                raise NotHeld(f"{row['file_name']} (log {log_id}) is {row['status']}, no longer held")
            values = {"log_id": log_id, "decision": decision, "person": person, "remark": remark}
            conn.execute(sql.decide, values)
            conn.execute(sql.release, values)
        elif row["decision"] != decision:
            raise NotHeld(
                f"{row['decided_by']} has {row['decision'].lower()} {row['file_name']} (log {log_id}) before"
            )
    crashpoints.point(DECIDED)
    log.info("%s (log %s) is %s by %s", row["file_name"], log_id, decision.lower(), person)
    return row["dag_id"]

"""The log of a file that does not land: left for the next look, given up, or gone past (inventory.md 3.2)."""

import logging
from typing import Any

from psycopg.rows import dict_row

from oms.database import Connection, statements
from oms.imports import guard, repairs, staging

log = logging.getLogger(__name__)
sql = statements(__file__)

REMEDY = (
    "see who else writes or takes files in this folder; to take what the server delivers whatever it "
    "reports, start the job with remoteFilename and force"
)


def read_log(conn: Connection, log_id: int) -> dict[str, Any] | None:
    """A log as a mapping, or None."""
    return conn.cursor(row_factory=dict_row).execute(sql.read_log, {"log_id": log_id}).fetchone()


def give_up(conn: Connection, log_id: int) -> None:
    """Close a log of which nothing was applied, and drop its rows."""
    with conn.transaction():
        staging.drop(conn, log_id)
        guard.forget_rows(conn, log_id)
        conn.execute(sql.forget_rejects, {"log_id": log_id})
        conn.execute(sql.give_up, {"log_id": log_id})


def leave(conn: Connection, row: dict[str, Any], why: str, *, lost: bool = False) -> bool:
    """Close the log of a file that is not taken; whatever lies under its name later is a new arrival.

    The second time in a row it counts as refused, and `lost` does at once; True if so.
    """
    log_id = row["log_id"]
    (again,) = conn.execute(sql.left_before, row).fetchone()
    message = f"{row['file_name']}: {why}" + (f"; not the first time in a row: {REMEDY}" if again else "")
    refused = again or lost
    with conn.transaction():
        staging.drop(conn, log_id)
        guard.forget_rows(conn, log_id)
        repairs.forget(conn, log_id)
        for statement in (sql.forget_rejects, sql.forget_hold, sql.leave_copies):
            conn.execute(statement, {"log_id": log_id})
        conn.execute(
            sql.leave,
            {
                "log_id": log_id,
                "run_id": row["run_id"],
                "status": "DmlsFailed" if refused else "DmlsCancelled",
                "code": "ERR_NOT_TAKEN" if refused else "LEFT",
                "message": message,
            },
        )
    log.log(logging.ERROR if refused else logging.WARNING, "%s; it is left for the next look", message)
    return refused


def give_way(conn: Connection, row: dict[str, Any]) -> None:
    """Let newer files go ahead of one whose landing was broken off; the caller holds its lock.

    The next run of its job makes it a new arrival, or says that it is gone.
    """
    log.warning("%s does not land (%s): newer files go ahead", row["remote_path"], row["error_message"])
    conn.execute(sql.give_way, {"log_id": row["log_id"]})

"""A person's word on messages that were refused, or of which nobody can prove that they arrived."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from oms import crashpoints, locks
from oms.database import Connection, statements
from oms.shopify.outbox import messages
from oms.shopify.outbox.errors import DecisionRefused
from oms.shopify.outbox.kinds import KINDS, Kind, Proof

sql = statements(__file__)

DECIDED = crashpoints.register("outbox.decided", "a person's word on a message is written, not committed")


@dataclass(frozen=True)
class Listed:
    """A message that is open, or was refused and not decided. behind: messages that wait for it."""

    message_id: uuid.UUID
    number: int
    shop_id: str | None
    kind: str
    subject: str
    status: str
    attempts: int
    planned_at: datetime
    last_sent_at: datetime | None
    next_try_at: datetime | None
    error_code: str | None
    error_message: str | None
    behind: int

    @property
    def is_persons(self) -> bool:
        """Whether nothing becomes of it without a person."""
        return self.status == "REJECTED" or self.next_try_at is None

    @property
    def may_have_arrived(self) -> bool:
        return self.status in ("SENT", "UNKNOWN")


def listed(conn: Connection, *, shop_id: str | None = None, number: int | None = None) -> list[Listed]:
    """Return what is open or was refused, in the order of planning."""
    with conn.cursor(row_factory=class_row(Listed)) as cursor:
        return cursor.execute(sql.listed, {"shop_id": shop_id, "number": number}).fetchall()


def resend(conn: Connection, number: int, *, by: str, run_id: str, reason: str | None = None) -> int:
    """Let a message be sent again; return the number under which that happens.

    One whose end can be proven is tried at once, by its proof. Of any other, and of one that was refused, a
    copy with a key of its own is planned: it arrives a second time if the first has arrived. One transaction
    in autocommit mode. Raises DecisionRefused.
    """
    with conn.transaction():
        found, kind = _take(conn, number)
        word = _word("sent again", by, reason)
        if found.status == "PLANNED" or (found.may_have_arrived and _is_provable(kind, found)):
            conn.execute(sql.try_now, {"message_id": found.message_id})
            going = number
        else:
            if conn.execute(sql.has_newer, {"number": number}).fetchone()[0]:
                raise DecisionRefused(
                    f"message {number}: a newer one on {found.subject} was planned, which counts instead"
                )
            conn.execute(sql.give_up, {"message_id": found.message_id, "code": "SENT_AGAIN", "text": word})
            going = messages.replace(conn, found.message_id, run_id)
        crashpoints.point(DECIDED)
    return going


def discard(
    conn: Connection, number: int, *, by: str, landed: bool = False, reason: str | None = None
) -> None:
    """Give a message up or, landed, note that it has arrived; its topic is told as of every end.

    One transaction in autocommit mode. Raises DecisionRefused.
    """
    with conn.transaction():
        found, kind = _take(conn, number)
        if landed and not found.may_have_arrived:
            raise DecisionRefused(f"message {number} is {found.status}: it has certainly not arrived")
        word = _word("landed" if landed else "given up", by, reason)
        if found.status == "REJECTED":  # its topic knows that it has ended
            conn.execute(sql.give_up, {"message_id": found.message_id, "code": "GIVEN_UP", "text": word})
        else:
            status = "DONE" if landed else "GIVEN_UP"
            (message,) = messages.read(conn, sql.in_hand, {"message_id": found.message_id})
            messages.end(conn, kind, message, status, code="LANDED" if landed else "GIVEN_UP", text=word)
        crashpoints.point(DECIDED)


def _word(what: str, by: str, reason: str | None) -> str:
    return f"{what}, says {by}" + (f": {reason}" if reason else "")


def _is_provable(kind: Kind, found: Listed) -> bool:
    return kind.proof is not Proof.NONE and found.error_code != "UNDECIDED"


def _take(conn: Connection, number: int) -> tuple[Listed, Kind]:
    """Hold the lane of a message until the commit; return the message as it is then."""
    lane = conn.execute(sql.lane_of, {"number": number}).fetchone()
    if lane is None:
        raise DecisionRefused(f"there is no message {number}: `python -m oms outbox` lists those to decide")
    if not locks.hold_if_free(conn, locks.OUTBOX_LANE.of(lane[0])):
        raise DecisionRefused(f"message {number} is being sent just now; look again when the run has ended")
    found = listed(conn, number=number)
    if not found:
        (status,) = conn.execute(sql.status_of, {"number": number}).fetchone()
        raise DecisionRefused(f"message {number} is {status}: there is nothing to decide")
    kind = KINDS.get(found[0].kind)
    if kind is None:
        raise DecisionRefused(f"message {number}: this release knows no kind {found[0].kind}")
    return found[0], kind

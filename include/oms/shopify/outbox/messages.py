"""Planning and withdrawing messages, in the transaction of the decision that is to be told."""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from psycopg import sql as composed

from oms.database import Connection, statements
from oms.shopify.outbox.kinds import KEY_LIVES, QUIET_AFTER, Kind, Message

sql = statements(__file__)


@dataclass(frozen=True)
class New:
    """A message to plan. subject: what it is about, by the smallest unit of which the newest word counts.

    cause_key: planned once for it, whatever runs twice.
    """

    subject: str
    payload: Mapping[str, Any]
    order_id: int | None = None
    cause_key: str | None = None


def plan(
    conn: Connection, kind: Kind, messages: Iterable[New], *, shop_id: str | None, run_id: str
) -> list[int]:
    """Plan messages inside the caller's transaction; return the numbers of those that are new.

    shop_id: None for mails. A message of the same kind and subject that was not sent yet will not be.
    """
    given = list(messages)
    values = {
        "subjects": [one.subject for one in given],
        "payloads": [json.dumps(one.payload) for one in given],
        "orders": [one.order_id for one in given],
        "causes": [one.cause_key for one in given],
    }
    return _plan(conn, composed.SQL(sql.given), values, kind, shop_id, run_id)


def plan_selected(
    conn: Connection,
    kind: Kind,
    statement: str,
    values: Mapping[str, Any],
    *,
    shop_id: str | None,
    run_id: str,
) -> list[int]:
    """Plan what a query selects, as a set: subject, payload (jsonb), order_id, cause_key, in this order."""
    return _plan(conn, composed.SQL(statement), values, kind, shop_id, run_id)


def _plan(
    conn: Connection,
    selected: composed.Composable,
    values: Mapping[str, Any],
    kind: Kind,
    shop_id: str | None,
    run_id: str,
) -> list[int]:
    insert = composed.SQL(sql.insert).format(selected=selected)
    own = {
        "outbox_kind": kind.name,
        "outbox_shop": shop_id,
        "outbox_run": run_id,
        "outbox_about": list(kind.about) or None,
    }
    return [number for (number,) in conn.execute(insert, {**values, **own})]


def withdraw(conn: Connection, kind: Kind, *, order_id: int | None = None, subject: str | None = None) -> int:
    """Take back what was planned and not sent, of an order or a subject; return how many messages that is."""
    values = {"kind": kind.name, "order_id": order_id, "subject": subject}
    return sum(
        end(conn, kind, message, "WITHDRAWN", code="WITHDRAWN", text="no longer wanted")
        for message in read(conn, sql.planned, values)
    )


def read(
    conn: Connection, statement: str, values: Mapping[str, Any], **parts: composed.Composable
) -> list[Message]:
    """Return the messages that a statement selects by `of_message`; further parts are filled in."""
    query = composed.SQL(statement).format(message=composed.SQL(sql.of_message), **parts)
    ages = {"key_lives": KEY_LIVES, "quiet_after": timedelta(seconds=QUIET_AFTER)}
    return [Message(*row[:-1], claimed=tuple(row[-1])) for row in conn.execute(query, ages | dict(values))]


def end(
    conn: Connection,
    kind: Kind | None,
    message: Message,
    status: str,
    *,
    shopify_id: str | None = None,
    code: str | None = None,
    text: str | None = None,
) -> bool:
    """Store the end of a message and tell its topic, inside one transaction; False: it has ended before."""
    values = {
        "message_id": message.message_id,
        "status": status,
        "shopify_id": shopify_id,
        "code": code,
        "text": text,
    }
    with conn.transaction():
        ended = conn.execute(sql.end, values).rowcount == 1
        if ended and kind and kind.ended:
            kind.ended(conn, message, status)
    return ended


def replace(conn: Connection, message_id: uuid.UUID, run_id: str) -> int:
    """Plan the same message once more under a key of its own, inside the caller's transaction."""
    (number,) = conn.execute(sql.replace, {"message_id": message_id, "run_id": run_id}).fetchone()
    return number

"""Taking deliveries of Shopify in: whose they are, and into the inbox (inventory.md 5.16, shopify.md 4.3)."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import AsyncConnection

from oms import crashpoints
from oms.api.errors import Problem
from oms.catalog.webhook_topics import TOPICS
from oms.database import statements

sql = statements(__file__)

STORED = crashpoints.register("webhook.stored", "a delivery is in the inbox, the shop is not answered")

MOST_BYTES = 2 << 20
_NOBODY = secrets.token_hex(16)
"""Signs nothing: what deliveries for an unknown shop are compared with."""
_TOPIC = re.compile(r"[a-z_]{1,60}/[a-z_]{1,60}", re.ASCII)
_ID = re.compile(r"[!-~]{1,255}", re.ASCII)
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u(?P<unit>[0-9a-fA-F]{4})|.)", re.DOTALL
)
"""In JSON text: a surrogate pair, one unit, or any other escape."""


@dataclass(frozen=True)
class Sender:
    """What is known of a shop that delivers."""

    domain: str
    """As X-Shopify-Shop-Domain names it."""
    secrets: tuple[str, ...]
    """The app's client secret; during a rotation the old one too."""


def sender_of(host: str, extra: Mapping[str, Any]) -> Sender:
    """The sender behind a shop's connection.

    Extras: `client_secret`, `previous_client_secret` (while a rotation lasts), and `shop_domain` where the
    connection's host is not the shop's own domain.
    """
    domain = extra.get("shop_domain") or urlsplit(host if "://" in host else f"https://{host}").hostname or ""
    known = (extra.get("client_secret"), extra.get("previous_client_secret"))
    return Sender(domain.lower(), tuple(secret for secret in known if secret))


async def connection_of(conn: AsyncConnection, shop_id: str) -> str | None:
    """The connection of a shop; None if the OMS does not know it."""
    if len(shop_id) > 255 or not shop_id.isprintable():
        return None
    found = await (await conn.execute(sql.connection_of, {"shop_id": shop_id})).fetchone()
    return found[0] if found else None


def require_signature(headers: Mapping[str, str]) -> str:
    """The signature of a delivery. Raises Problem 401 if there is none."""
    signature = headers.get("x-shopify-hmac-sha256", "")
    if not signature:
        raise _unsigned()
    return signature


def verify(body: bytes, signature: str, sender: Sender | None, headers: Mapping[str, str]) -> None:
    """Raises Problem 401 unless the raw body was signed by the sender, 403 if the sender is another shop.

    One secret may serve an app in several shops, so the signature alone does not tell the shop.
    """
    known = sender.secrets if sender and sender.secrets else (_NOBODY,)
    found = [_is_signature(body, signature, secret) for secret in known]
    if not any(found) or sender is None:
        raise _unsigned()
    named = headers.get("x-shopify-shop-domain", "").lower()
    if named != sender.domain:
        raise Problem(
            403,
            "ERR_OTHER_SHOP",
            f"the delivery is from {named[:80]!r}; this address is that of {sender.domain!r}",
        )


def _is_signature(body: bytes, signature: str, secret: str) -> bool:
    digest = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    return hmac.compare_digest(digest, signature.encode("utf-8", "replace"))


def _unsigned() -> Problem:
    detail = "the delivery is not signed with a secret of this shop"
    return Problem(401, "ERR_SIGNATURE", detail, headers={"WWW-Authenticate": "Shopify-HMAC"})


async def store(conn: AsyncConnection, shop_id: str, headers: Mapping[str, str], body: bytes) -> str:
    """Put a verified delivery into the inbox; return "stored", "duplicate", or "ignored".

    A delivery of a topic that no job works off is kept as IGNORED, with that reason; one of a topic that the
    OMS does not know is not kept. Raises Problem 400 for one without topic or id, or whose body is not JSON.
    """
    topic, webhook_id = headers.get("x-shopify-topic", ""), headers.get("x-shopify-webhook-id", "")
    for name, value, form in (("X-Shopify-Topic", topic, _TOPIC), ("X-Shopify-Webhook-Id", webhook_id, _ID)):
        if not form.fullmatch(value):
            raise Problem(400, "ERR_HEADER", f"the header {name} is missing or damaged", more={"field": name})
    known = TOPICS.get(topic)
    if known is None:
        return "ignored"
    values = {
        "shop_id": shop_id,
        "webhook_id": webhook_id,
        "event_id": _optional(headers.get("x-shopify-event-id")),
        "topic": topic,
        "api_version": _optional(headers.get("x-shopify-api-version")),
        "triggered_at": _moment(headers.get("x-shopify-triggered-at")),
        "ignored": None if known.job else f"no job works off {topic}: end the subscription",
    }
    try:
        stored = await conn.execute(sql.store, values | {"payload": readable(body.decode())})
    except (UnicodeDecodeError, psycopg.DataError) as error:
        raise Problem(400, "ERR_JSON", "the body is not JSON") from error
    except psycopg.errors.StatementTooComplex as error:
        raise Problem(400, "ERR_JSON", "the body is nested too deeply") from error
    crashpoints.point(STORED)
    if not stored.rowcount:
        return "duplicate"
    return "stored" if known.job else "ignored"


def readable(payload: str) -> str:
    """JSON text without escapes that stand for no character of Postgres: NUL and halves of surrogate pairs.

    One of them would fail every query that reads any field of the payload, and so hold up all other events.
    """

    def replaced(escape: re.Match[str]) -> str:
        unit = escape["unit"]
        lost = unit is not None and (int(unit, 16) == 0 or 0xD800 <= int(unit, 16) <= 0xDFFF)
        return r"\ufffd" if lost else escape[0]

    return _ESCAPE.sub(replaced, payload) if r"\u" in payload else payload


def _optional(text: str | None) -> str | None:
    return text if text and _ID.fullmatch(text) else None


def _moment(text: str | None) -> datetime | None:
    """When it happened in the shop; a damaged one is no reason to lose the delivery."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else None

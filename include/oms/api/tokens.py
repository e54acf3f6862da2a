"""Bearer tokens: `oms_<token id>_<secret>`, of which the database knows only a hash."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg import AsyncConnection

from oms.api.errors import Problem, forbidden, unauthenticated
from oms.database import Connection, statements

sql = statements(__file__)

SCOPES = {
    "inventory:write": "change stock (POST /api/service/updateInventoryByIdentification)",
    "docs:read": "read the description of the API, which every token may",
}
_FORM = re.compile(r"oms_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
_CLIENT = re.compile(r"[A-Za-z0-9_.-]{1,40}", re.ASCII)
_LIFE = re.compile(r"(\d{1,4})d", re.ASCII)


@dataclass(frozen=True)
class Token:
    """A token as the list shows it."""

    token_id: str
    client: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    @property
    def state(self) -> str:
        if self.revoked_at:
            return f"revoked {self.revoked_at:%Y-%m-%d %H:%M}"
        if self.expires_at and self.expires_at <= datetime.now(UTC):
            return f"expired {self.expires_at:%Y-%m-%d %H:%M}"
        return f"valid until {self.expires_at:%Y-%m-%d %H:%M}" if self.expires_at else "valid"


def create(conn: Connection, client: str, scopes: list[str], expires: str | None = None) -> str:
    """Store a new token and return it; it cannot be shown again.

    expires: a moment with its zone or a date in UTC (2027-01-31), or days from now (90d). Raises ValueError.
    """
    if not _CLIENT.fullmatch(client):
        raise ValueError(f"client {client!r}: expected up to 40 letters, digits, '_', '.' or '-'")
    for scope in scopes:
        if scope not in SCOPES:
            raise ValueError(f"scope {scope!r}: expected one of {', '.join(SCOPES)}")
    token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    conn.execute(
        sql.add,
        {
            "token_id": token_id,
            "client": client,
            "secret_hash": _hash(secret),
            "scopes": sorted(set(scopes)),
            "expires_at": None if expires is None else _moment(expires),
        },
    )
    return f"oms_{token_id}_{secret}"


def listed(conn: Connection) -> list[Token]:
    """Every token that was ever made."""
    return [Token(*row) for row in conn.execute(sql.all_tokens)]


def revoke(conn: Connection, named: str) -> list[str]:
    """End a token (by its id) or all of a client's; return the ids of those that ended."""
    return [token_id for (token_id,) in conn.execute(sql.revoke, {"named": named})]


@dataclass(frozen=True)
class Bearer:
    """Who holds a token: what never changes of it."""

    token_id: str
    client: str
    secret_hash: bytes
    scopes: frozenset[str]

    def require(self, scope: str) -> None:
        """Raises Problem 403 unless the token has the scope."""
        if scope not in self.scopes:
            raise forbidden(scope)


class Bearers:
    """The tokens that this process has seen.

    What never changes of a token is read once. Whether it is still valid is asked of the database with each
    call, in the same round trip (oms.adjust_inventory), or by `require_valid`.
    """

    def __init__(self, connection: Callable[[], AbstractAsyncContextManager[AsyncConnection]]) -> None:
        self._connection = connection
        self._seen: dict[str, Bearer] = {}

    async def identify(self, authorization: str | None) -> Bearer:
        """Whose token an Authorization header holds, valid or not. Raises Problem 401."""
        kind, _, token = (authorization or "").partition(" ")
        if kind.lower() != "bearer":
            raise unauthenticated("the header Authorization: Bearer <token> is missing")
        parts = _FORM.fullmatch(token.strip())
        if parts is None:
            raise unauthenticated("this is no token of the OMS", "invalid_token")
        bearer = self._seen.get(parts[1]) or await self._read(parts[1])
        known_hash = bearer.secret_hash if bearer else bytes(32)
        if not hmac.compare_digest(_hash(parts[2]), known_hash) or bearer is None:
            raise unauthenticated("the token is not known", "invalid_token")
        return bearer

    async def _read(self, token_id: str) -> Bearer | None:
        async with self._connection() as conn:
            row = await (await conn.execute(sql.find, {"token_id": token_id})).fetchone()
        if row is not None:
            self._seen[token_id] = Bearer(row[0], row[1], row[2], frozenset(row[3]))
        return self._seen.get(token_id)

    async def require_valid(self, bearer: Bearer) -> None:
        """Raises Problem 401 if the token was revoked or has expired by now."""
        async with self._connection() as conn:
            found = await (await conn.execute(sql.is_valid, {"token_id": bearer.token_id})).fetchone()
        if found is None:
            raise ended()


def ended() -> Problem:
    """401 for a token that was valid once."""
    return unauthenticated("the token was revoked or has expired", "invalid_token")


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _moment(text: str) -> datetime:
    now = datetime.now(UTC)
    if life := _LIFE.fullmatch(text):
        moment = now + timedelta(days=int(life[1]))
    else:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"expires {text!r}: expected 90d, 2027-01-31 or 2027-01-31T12:00:00Z") from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment <= now:
        raise ValueError(f"expires {text!r}: expected a moment in the future")
    return moment

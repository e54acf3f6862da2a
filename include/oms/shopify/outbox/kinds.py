"""What kinds of messages there are, how each is told, and how it is proven that it has arrived.

A kind is one `Kind`, registered where its topic stands.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from oms.database import Connection

KEY_LIVES = timedelta(hours=23)
"""How long a key is trusted to keep a second call from being applied; Shopify forgets it after 24 hours."""
QUIET_AFTER = 60.0
"""Seconds after which a call without an answer cannot be under way any more."""


class Proof(Enum):
    """What is done when nobody knows whether a call was executed (orders-addendum.md I)."""

    SET = "send again: the second time changes nothing"
    KEYED = "send again with the same idempotency key; once the shop has forgotten it, read back"
    LOOK = "read back; send again only what is not there"
    NONE = "nothing tells: a person decides (mails)"


@dataclass(frozen=True)
class Message:
    """A message in hand. status: the one in which it was found; `payload` never changes."""

    message_id: uuid.UUID
    number: int
    shop_id: str | None
    order_id: int | None
    kind: str
    subject: str
    lane: str
    payload: Mapping[str, Any]
    status: str
    attempts: int
    failures: int
    first_sent_at: datetime | None
    last_sent_at: datetime | None
    key_expired: bool
    """The first call is so old that the shop may have forgotten its key."""
    is_quiet: bool
    """The last call is so old that it cannot be under way any more."""
    is_superseded: bool
    claimed: tuple[str, ...]
    """What other messages of its lane have made in the shop."""

    @property
    def is_unsure(self) -> bool:
        """Whether an earlier call of it may have been executed."""
        return self.status in ("SENT", "UNKNOWN")


@dataclass(frozen=True)
class Request:
    """A mutation to send: the document and its variables, without the key."""

    document: str
    variables: Mapping[str, Any]


@dataclass(frozen=True)
class Done:
    """It is there already."""

    shopify_id: str | None = None


Ask = Callable[[str, Mapping[str, Any]], dict[str, Any]]
"""Asks the shop a query: document and variables; raises the errors of the client."""


@dataclass(frozen=True)
class Kind:
    """One kind of message.

    about: where in the payload stands the Shopify id whose messages, of all kinds, go one after the other
    (an order); without it those of a subject do. request: the call, from the payload alone (SET, KEYED).
    look: reads the shop and returns the call that is missing, or Done (LOOK before every call; KEYED once
    the key is forgotten); raises Undecided, or Rejected for what can never be told. result: the id of what
    a call's payload says it made or changed, None if it made nothing. is_ours: whether a payload is the
    answer to this message and not to another. ended: told, in the transaction that stores it, how a message
    has ended.
    """

    name: str
    proof: Proof
    about: tuple[str, ...] = ()
    request: Callable[[Message], Request] | None = None
    look: Callable[[Ask, Message], Request | Done] | None = None
    result: Callable[[Mapping[str, Any]], str | None] | None = None
    is_ours: Callable[[Mapping[str, Any], Message], bool] | None = None
    ended: Callable[[Connection, Message, str], None] | None = None

    def __post_init__(self) -> None:
        needed = {
            Proof.SET: ("request", "result"),
            Proof.KEYED: ("request", "look", "result"),
            Proof.LOOK: ("look", "result"),
            Proof.NONE: (),
        }
        missing = [name for name in needed[self.proof] if getattr(self, name) is None]
        if missing:
            raise ValueError(f"the kind {self.name} is proven by {self.proof.name} and needs {missing}")


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Make a kind known by its name, for whoever decides on a message; return it."""
    if kind.name in KINDS:
        raise ValueError(f"the kind {kind.name} is registered twice")
    KINDS[kind.name] = kind
    return kind

"""Calls and proofs of messages in a shop: no database, so that they run in threads."""

from collections.abc import Callable, Mapping
from typing import Any

from oms import crashpoints
from oms.shopify.budget import Deadline
from oms.shopify.client import ShopifyClient
from oms.shopify.errors import (
    Misconfigured,
    NotExecuted,
    OutcomeUnknown,
    Rejected,
    SearchWarning,
    ShopifyError,
)
from oms.shopify.outbox.errors import Undecided
from oms.shopify.outbox.kinds import QUIET_AFTER, Done, Kind, Message, Proof, Request
from oms.shopify.outbox.outcomes import Outcome

ANSWERED = crashpoints.register("outbox.answered", "a message is answered, the answer is not stored")


class ShopCalls:
    """What a sender asks of a shop."""

    def __init__(self, client: ShopifyClient, deadline: Deadline, patience: float = 60.0) -> None:
        """patience: seconds that one call waits for the shop, within the deadline of the run."""
        self._client = client
        self._deadline = deadline
        self._patience = patience

    def call(self, kind: Kind, message: Message) -> Outcome:
        """Send a message; what is proven by a look is looked for first, for somebody may have done it."""
        if kind.proof is Proof.LOOK:
            return self._looking(kind, message, lambda request: self._send(kind, message, request))
        assert kind.request is not None
        return self._send(kind, message, kind.request(message))

    def prove(self, kind: Kind, message: Message) -> Outcome:
        """Find out by reading what became of a call without an answer; nothing is sent."""
        return self._looking(kind, message, lambda _: _not_there(kind, message))

    def _looking(self, kind: Kind, message: Message, missing: Callable[[Request], Outcome]) -> Outcome:
        assert kind.look is not None
        try:
            found = kind.look(self._ask, message)
        except Undecided as error:
            return Outcome("UNKNOWN", code="UNDECIDED", text=str(error), person=True)
        except ShopifyError as error:
            return _not_read(message, error)
        return Outcome("DONE", found.shopify_id) if isinstance(found, Done) else missing(found)

    def _ask(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        return self._client.execute(document, dict(variables), deadline=self._patience_left())

    def _patience_left(self) -> Deadline:
        return Deadline(min(self._patience, self._deadline.left()))

    def _send(self, kind: Kind, message: Message, request: Request) -> Outcome:
        """One call; where a repetition is harmless the client repeats it by itself."""
        key = str(message.message_id)
        keyed = {"key": key} if kind.proof is Proof.KEYED else {}
        try:
            payload = self._client.mutate(
                request.document,
                {**request.variables, **keyed},
                deadline=self._patience_left(),
                key=key,
                repeat=kind.proof is not Proof.LOOK,
                is_ours=_is_ours(kind, message),
            )
        except Rejected as error:
            return self._refused(kind, message, error)
        except ShopifyError as error:
            return _not_answered(message, error)
        crashpoints.point(ANSWERED)
        assert kind.result is not None
        if (made := kind.result(payload)) is None:
            return Outcome("UNKNOWN", code="NO_EFFECT", text="answered without effect", counts=True)
        return Outcome("DONE", made)

    def _refused(self, kind: Kind, message: Message, error: Rejected) -> Outcome:
        """The shop says no. A refusal that may be about the key alone is not believed without a look."""
        if not error.user_errors and message.is_unsure:
            return Outcome("UNKNOWN", code=error.code, text=str(error), counts=True)
        if kind.proof is not Proof.KEYED or not error.user_errors:
            return Outcome("REJECTED", code=error.code, text=str(error))
        if _is_running(error):
            return Outcome("UNKNOWN", code="RUNNING", text=str(error), pause=QUIET_AFTER)
        is_spent = _is_about_the_key(error)
        return self._looking(
            kind,
            message,
            lambda _: Outcome("RENEWED" if is_spent else "REJECTED", code=error.code, text=str(error)),
        )


def _is_ours(kind: Kind, message: Message) -> Callable[[dict[str, Any]], bool] | None:
    if kind.is_ours is None:
        return None
    is_ours = kind.is_ours
    return lambda data: all(is_ours(payload, message) for payload in data.values())


def _is_running(error: Rejected) -> bool:
    """Whether the first call with this key is under way; the user errors of some mutations have no code."""
    return any(
        one.code == "IDEMPOTENCY_CONCURRENT_REQUEST" or "currently in progress" in one.message
        for one in error.user_errors
    )


def _is_about_the_key(error: Rejected) -> bool:
    return any(
        one.code.startswith("IDEMPOTENCY_") or "idempotency key" in one.message for one in error.user_errors
    )


def _not_there(kind: Kind, message: Message) -> Outcome:
    """The shop does not show it: it was not done, if the call cannot be under way any more."""
    if not message.is_quiet:
        return Outcome(
            "UNKNOWN", code="NOT_THERE_YET", text="not there; it may still come", pause=QUIET_AFTER
        )
    status = "RENEWED" if kind.proof is Proof.KEYED else "PLANNED"
    return Outcome(status, code="NOT_DONE", text="the shop does not show it: it was not done")


def _not_read(message: Message, error: ShopifyError) -> Outcome:
    """The look has failed. It changes nothing, so that a message that was never sent stays planned."""
    if message.is_unsure:
        return _after(error, "UNKNOWN", "NOT_READ_BACK")
    if isinstance(error, Rejected) and not isinstance(error, SearchWarning):
        return Outcome("REJECTED", code=error.code, text=str(error))
    return _after(error, "PLANNED", "NOT_READ")


def _not_answered(message: Message, error: ShopifyError) -> Outcome:
    """A call that was throttled or refused as a whole says nothing of one before it."""
    is_unknown = message.is_unsure or isinstance(error, OutcomeUnknown)
    return _after(error, "UNKNOWN" if is_unknown else "PLANNED", getattr(error, "code", type(error).__name__))


def _after(error: ShopifyError, status: str, code: str) -> Outcome:
    """The client has waited for the shop as long as it may: who comes after this message would wait again."""
    return Outcome(
        status,
        code=code,
        text=str(error),
        counts=not isinstance(error, NotExecuted),
        stop=error if isinstance(error, NotExecuted) else None,
        refused=error if isinstance(error, Misconfigured) else None,
    )

"""What can come back from Shopify, by what the caller does next (spec shopify.md 1.9, 3.4-3.7)."""

from datetime import timedelta
from typing import Any, NamedTuple

from oms.errors import ComesBack, NeedsPerson

WHEN_READY = timedelta(seconds=30)
"""A shop that was not ready is asked again after so long; what was done is kept."""


def told(words: Any, longest: int = 300) -> str:
    """Return foreign words as text that every log and database takes."""
    return str(words)[:longest].encode(errors="replace").decode().replace("\0", "?")


class UserError(NamedTuple):
    """One entry of `userErrors`: the code ('OTHER' where there is none) and the path into the input."""

    code: str
    field: tuple[str, ...]
    message: str

    def line(self) -> int | None:
        """Return the number of the element of `input.changes` that is meant; None when none is named."""
        if self.field[:2] == ("input", "changes") and len(self.field) > 2 and self.field[2].isdecimal():
            return int(self.field[2])
        return None


class ShopifyError(Exception):
    """Shopify did not do what was asked (`asked_seconds`: wait that long, the answer says)."""

    asked_seconds: float | None = None


class NotExecuted(ShopifyError, ComesBack):
    """The request had no effect, and the same request works later."""

    retry_after = WHEN_READY


class Throttled(NotExecuted):
    """The shop's request budget is spent until after the deadline."""


class NotSent(NotExecuted):
    """No connection came about, so Shopify never saw the request."""


class OutcomeUnknown(ShopifyError, ComesBack):
    """The request may or may not have been executed: repeat it with the same idempotency key."""

    retry_after = WHEN_READY
    code = "OUTCOME_UNKNOWN"


class ForeignAnswer(OutcomeUnknown):
    """Something else than the shop has answered, or the shop has moved: it says nothing of the request."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class ShopAway(NotExecuted):
    """Several answers were not the shop's own: the client asks nothing more; this request was not sent."""


class Rejected(ShopifyError, NeedsPerson):
    """Shopify read the request and refused it; nothing was executed, the same request fails again."""

    def __init__(self, message: str, code: str = "OTHER", user_errors: tuple[UserError, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.user_errors = user_errors


class SearchWarning(Rejected):
    """Shopify ignored a search filter and returned everything: the answer must not be used."""


class ExportFailed(ShopifyError, ComesBack):
    """The shop could not produce an export; a new one has to be asked for."""


class ExportIncomplete(ShopifyError, ComesBack):
    """The downloaded export is shorter than the shop says; the same file can be downloaded again."""


class ExportDamaged(ShopifyError, ComesBack):
    """A line of a downloaded export is not what was asked for: nothing of the file is taken."""


class Misconfigured(ShopifyError, NeedsPerson):
    """The shop refuses us as a whole (token, scope, frozen shop, setting): stop and call a person."""

    def __init__(self, message: str, code: str = "MISCONFIGURED") -> None:
        super().__init__(message)
        self.code = code


class UnsupportedVersion(Misconfigured):
    """The API version is older than 2026-07, or another version answered than the one asked for."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "UNSUPPORTED_VERSION")

"""Why a push stops or ends failed."""

from typing import Any

from oms.errors import ComesBack, NeedsPerson
from oms.shopify.errors import WHEN_READY, Misconfigured


class SyncMisconfigured(Misconfigured):
    """Facilities, locations or the store are set up so that no figure is right; nothing was written."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "SYNC_MISCONFIGURED")


class TooManyDrops(Misconfigured):
    """More of a location would be emptied than maxDropPct allows; nothing was planned or sent there."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "TOO_MANY_DROPS")


class LinesLeft(ComesBack):
    """Lines are planned but not answered for; the next run goes on with them (what was done is stored).

    report: the `Report` of the push.
    """

    retry_after = WHEN_READY

    def __init__(self, message: str, report: Any) -> None:
        super().__init__(message)
        self.report = report


class ShopBusy(ComesBack):
    """Another run holds the locations of this shop for longer than this one was willing to wait."""

    retry_after = WHEN_READY


class SettleRefused(NeedsPerson):
    """A person's word on a batch is not taken: there is no such batch, or nothing is to be decided of it."""

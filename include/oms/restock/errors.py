"""Why a restock is not prepared, changed or run."""

from oms.errors import NeedsPerson


class RestockRefused(NeedsPerson, ValueError):
    """The request makes no sense as it is; nothing is written. The message says what would be right."""


class RestocksLeft(NeedsPerson):
    """Some restocks are not done; they are tried again by themselves, later and later."""

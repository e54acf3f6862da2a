"""Why a restock is not prepared, changed or run."""


class RestockRefused(ValueError):
    """The request makes no sense as it is; nothing is written. The message says what would be right."""


class RestocksLeft(Exception):
    """Some restocks are not done; they are tried again by themselves, later and later."""

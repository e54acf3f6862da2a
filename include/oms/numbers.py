"""What texts say about numbers of units (inventory.md 3.5)."""

import re

_SEPARATED = re.compile(r"([+-]?[0-9]{1,3})[.,]([0-9]{3})")


def readings(text: str) -> str:
    """What a refusal adds about a text that may be thousands or decimals, such as 1.000; blank for others."""
    found = _SEPARATED.fullmatch(text.strip())
    if found is None:
        return ""
    units, decimals = found.groups()
    fraction = f"{units}.{decimals}".rstrip("0").rstrip(".")
    return f"; it may be {units}{decimals} or {fraction}: write it without a separator"

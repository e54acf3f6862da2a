"""Global ids: gid://shopify/{Type}/{number}, with the exceptions of shopify.md 7.8."""

import re
from typing import NamedTuple

PATTERN = re.compile(r"gid://shopify/([A-Za-z]\w*)/([^/?]+)(?:\?(.*))?\Z")


class Gid(NamedTuple):
    """A parsed global id; ``item`` is set for inventory levels and quantities."""

    type: str
    number: int | str
    item: int | None = None


def gid(type_: str, number: int | str) -> str:
    """Build a global id."""
    return f"gid://shopify/{type_}/{number}"


def level_gid(level_number: int, item: int) -> str:
    """Build the id of an inventory level; the number belongs to the location and is not its id."""
    return f"gid://shopify/InventoryLevel/{level_number}?inventory_item_id={item}"


def parse(text: str) -> Gid | None:
    """Take a global id apart; None when it is malformed."""
    match = PATTERN.match(text)
    if not match:
        return None
    type_, number, parameters = match.groups()
    item = re.search(r"(?:^|&)inventory_item_id=(\d+)", parameters or "")
    return Gid(type_, int(number) if number.isdecimal() else number, int(item[1]) if item else None)


def is_gid(text: str) -> bool:
    """Say whether a text has the form of a global id."""
    return PATTERN.match(text) is not None


def number_of(text: str, type_: str) -> int | None:
    """Return the number of a plain global id of the given type; None for anything else."""
    prefix = f"gid://shopify/{type_}/"
    rest = text[len(prefix) :] if text.startswith(prefix) else ""
    return int(rest) if rest.isdecimal() else None

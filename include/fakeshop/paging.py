"""Connections: pages of at most 250, opaque cursors (shopify.md 7.5, rows 95-97)."""

import base64
import binascii
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from fakeshop.errors import bad_request

PAGE_LIMIT = 250
Key = int | tuple[Any, int]


class Page:
    """One page of a connection; nodes are made when they are asked for."""

    __slots__ = ("has_next", "has_previous", "keys", "make")

    def __init__(
        self, keys: list[Key], make: Callable[[int], Any], *, has_next: bool, has_previous: bool
    ) -> None:
        self.keys = keys
        self.make = make
        self.has_next = has_next
        self.has_previous = has_previous

    def nodes(self) -> list[Any]:
        """Return the nodes of the page."""
        return [self.make(number_in(key)) for key in self.keys]

    def edges(self) -> list[dict[str, Any]]:
        """Return the edges of the page."""
        return [{"cursor": cursor_of(key), "node": self.make(number_in(key))} for key in self.keys]

    def page_info(self) -> dict[str, Any]:
        """Return ``PageInfo``."""
        return {
            "hasNextPage": self.has_next,
            "hasPreviousPage": self.has_previous,
            "startCursor": cursor_of(self.keys[0]) if self.keys else None,
            "endCursor": cursor_of(self.keys[-1]) if self.keys else None,
        }


def number_in(key: Key) -> int:
    """Return the id in a sort key."""
    return key if isinstance(key, int) else key[1]


def cursor_of(key: Key) -> str:
    """Encode a position."""
    value = key if isinstance(key, int) else key[0]
    return base64.b64encode(orjson.dumps({"last_id": number_in(key), "last_value": value})).decode()


def position(cursor: str, by_number: bool) -> Key:
    """Decode a cursor; a foreign one is refused."""
    try:
        body = orjson.loads(base64.b64decode(cursor, validate=True))
        number, value = int(body["last_id"]), body["last_value"]
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise bad_request("Malformed cursor") from None
    return number if by_number else (value, number)


def page_size(args: dict[str, Any]) -> tuple[str, int]:
    """Return which of first and last was given, and its value."""
    first, last = args.get("first"), args.get("last")
    if first is None and last is None:
        raise bad_request("you must provide one of first or last")
    if first is not None and last is not None:
        raise bad_request("providing both first and last is not supported")
    side, size = ("first", first) if first is not None else ("last", last)
    if size > PAGE_LIMIT:
        raise bad_request(f"{side} cannot exceed {PAGE_LIMIT}")
    if size < 0:
        raise bad_request(f"{side} cannot be negative")
    return side, size


def whole(keys: Sequence[Key], args: dict[str, Any], make: Callable[[int], Any]) -> Page:
    """Return everything as one page, for bulk operations."""
    found = list(reversed(keys)) if args.get("reverse") else list(keys)
    return Page(found, make, has_next=False, has_previous=False)


def page(keys: Sequence[Key], args: dict[str, Any], make: Callable[[int], Any]) -> Page:
    """Cut a page out of sort keys in ascending order: ids, or pairs of value and id."""
    side, size = page_size(args)
    low, high = 0, len(keys)
    backwards = bool(args.get("reverse"))
    by_number = not high or isinstance(keys[0], int)
    for name in ("after", "before"):
        if args.get(name) is None:
            continue
        at = position(args[name], by_number)
        try:
            if (name == "after") is not backwards:
                low = max(low, bisect_right(keys, at))
            else:
                high = min(high, bisect_left(keys, at))
        except TypeError:  # a cursor of another sort order
            raise bad_request("Malformed cursor") from None
    high = max(low, high)
    if (side == "first") is not backwards:
        start, end = low, min(high, low + size)
    else:
        start, end = max(low, high - size), high
    found = list(keys[start:end])
    more_above, more_below = end < len(keys), start > 0
    if backwards:
        found.reverse()
        more_above, more_below = more_below, more_above
    return Page(found, make, has_next=more_above, has_previous=more_below)

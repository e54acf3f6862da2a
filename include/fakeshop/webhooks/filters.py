"""Filters of subscriptions: search syntax on the fields of the payload, equality only."""

from typing import Any

from fakeshop.errors import AdminError, not_simulated
from fakeshop.search import Fields, Filter, search, tokens_of


class AnyField(dict[str, Filter]):
    """Knows every field of a payload, ``line_items.sku`` too."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Filter:
        return Filter("exact", lambda body: values_at(body, name.split(".")))


def values_at(value: Any, path: list[str]) -> list[Any]:
    """Return the values at a path, through lists."""
    if isinstance(value, list):
        return [found for one in value for found in values_at(one, path)]
    if not path:
        return [str(value).lower()] if isinstance(value, bool) else [value]
    return values_at(value.get(path[0]), path[1:]) if isinstance(value, dict) else []


def is_valid(text: str) -> bool:
    """Say whether a filter names fields; ranges are valid, but not simulated."""
    try:
        terms = [token for token in tokens_of(text) if token["term"]]
        search(text, Fields(AnyField()))
    except AdminError:
        return False
    if not terms or any(token["field"] is None for token in terms):
        return False
    if any(token["op"] for token in terms):
        raise not_simulated("A webhook filter with a range")
    return True


def accepts(text: str | None, body: dict[str, Any]) -> bool:
    """Say whether a payload passes a filter."""
    return text is None or search(text, Fields(AnyField())).test(body)

"""Reads the lines of a bulk result: one product or one variant each, in any order (spec shopify.md 2.6)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from oms.texts import trimmed

DEAREST = Decimal(10) ** 16
KINDS = {"Product": "PRODUCT", "ProductVariant": "VARIANT"}


@dataclass(frozen=True)
class BadLine:
    """A line that cannot be taken, with its reason."""

    line_number: int
    shopify_id: int | None
    sku: str | None
    message: str


def parse(lines: Iterator[bytes]) -> Iterator[tuple[Any, ...] | BadLine]:
    """Yield the values of a staged line (the columns of copy_staged), or why it cannot be taken.

    Lines are counted from 1.
    """
    for number, line in enumerate(lines, start=1):
        try:
            node = json.loads(line)
            if b"\\u0000" in line and any("\0" in text for text in _texts(node)):
                raise ValueError("a text contains the character NUL")
            yield number, *_values(node)
        except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as error:
            yield _bad_line(number, line, error)


def _values(node: dict[str, Any]) -> tuple[Any, ...]:
    kind, shopify_id = _gid(node["id"])
    return KINDS[kind], shopify_id, *(_of_product(node) if kind == "Product" else _of_variant(node))


def _of_product(node: dict[str, Any]) -> tuple[Any, ...]:
    return (
        None,
        _required_text(node, "title"),
        _text(node, "handle"),
        _text(node, "vendor"),
        _text(node, "productType"),
        _text(node, "descriptionHtml"),
        [str(tag) for tag in node["tags"]],
        _flag(node, "isGiftCard"),
        *[None] * 8,
        datetime.fromisoformat(node["updatedAt"]),
    )


def _of_variant(node: dict[str, Any]) -> tuple[Any, ...]:
    item = node["inventoryItem"]
    options = {option["name"]: option["value"] for option in node["selectedOptions"]}
    if list(options) == ["Title"]:  # what Shopify shows for a product without options
        options = {}
    return (
        _gid(node["__parentId"])[1],
        _required_text(node, "title"),
        *[None] * 6,
        _text(node, "sku"),
        _text(node, "barcode"),
        _price(node["price"]),
        json.dumps(options),
        _gid(item["id"])[1],
        _flag(item, "tracked"),
        _flag(item, "requiresShipping"),
        _flag(node, "requiresComponents"),
        datetime.fromisoformat(max(node["updatedAt"], item["updatedAt"])),
    )


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, names of fields included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _gid(gid: str) -> tuple[str, int]:
    """The kind and number of `gid://shopify/Kind/1`."""
    _, _, _, kind, number = gid.split("/")
    return kind, int(number)


def _text(node: dict[str, Any], key: str) -> str | None:
    value = node[key]
    return trimmed(value) or None if value else None


def _required_text(node: dict[str, Any], key: str) -> str:
    if (value := _text(node, key)) is None:
        raise ValueError(f"{key} is blank")
    return value


def _flag(node: dict[str, Any], key: str) -> bool:
    if not isinstance(node[key], bool):
        raise ValueError(f"{key} is {node[key]!r}, neither true nor false")
    return node[key]


def _price(text: str) -> Decimal:
    price = Decimal(text)
    if not price.is_finite() or abs(price) >= DEAREST:
        raise ValueError(f"the price {text} is out of range")
    return price


def _bad_line(number: int, line: bytes, error: Exception) -> BadLine:
    try:
        node = json.loads(line)
        shopify_id, sku = _gid(node["id"])[1], node.get("sku")
    except (ValueError, KeyError, TypeError, AttributeError):
        shopify_id, sku = None, None
    what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
    return BadLine(number, shopify_id, sku and sku.replace("\0", ""), what.replace("\0", ""))

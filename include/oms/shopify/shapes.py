"""Whether the data of an answer is what the schema promises for its document; else it proves nothing.

The shapes are in documents/shapes.json, which `tools/shapes.py` makes from Shopify's schema.
"""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from oms.errors import ComesBack
from oms.shopify import documents
from oms.shopify.errors import OutcomeUnknown

Check = Callable[[Any], None]
SCALARS = {"string": (str,), "int": (int,), "bool": (bool,), "number": (int, float)}
LARGEST = 2**31 - 1
"""GraphQL's Int has 32 bits, as the columns have."""


class Misshapen(ComesBack):
    """The data is not what was asked for; the message names the field."""


def checked(document_name: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return the data of an answer to a document. Raises OutcomeUnknown where it has another shape."""
    try:
        _check_of(document_name)(data)
    except Misshapen as error:
        raise OutcomeUnknown(f"damaged answer to {document_name}: {error}") from error
    return data


@cache
def _shapes() -> dict[str, Any]:
    return json.loads((documents.FOLDER / "shapes.json").read_text())


@cache
def _check_of(document_name: str) -> Check:
    return _check("object!", _shapes()[document_name], "data")


def _check(kind: str, fields: dict[str, Any] | None, where: str) -> Check:
    """Make the check of one type; built once, since a page of levels has thousands of values."""
    if kind.endswith("!"):
        inner = _unless_null(kind[:-1], fields, where)

        def must_be(value: Any) -> None:
            if value is None:
                raise Misshapen(f"{where} is null")
            inner(value)

        return must_be
    inner = _unless_null(kind, fields, where)
    return lambda value: None if value is None else inner(value)


def _unless_null(kind: str, fields: dict[str, Any] | None, where: str) -> Check:
    if kind.startswith("["):
        return _list(_check(kind[1:-1], fields, where), where)
    return _object(fields or {}, where) if kind == "object" else _scalar(kind, where)


def _list(inner: Check, where: str) -> Check:
    def check(value: Any) -> None:
        if type(value) is not list:
            raise Misshapen(f"{where} is {type(value).__name__}, not a list")
        for one in value:
            inner(one)

    return check


def _object(fields: dict[str, Any], where: str) -> Check:
    checks = [
        (name, _check(*(shape if isinstance(shape, list) else (shape, None)), f"{where}.{name}"))
        for name, shape in fields.items()
    ]

    def check(value: Any) -> None:
        if type(value) is not dict:
            raise Misshapen(f"{where} is {type(value).__name__}, not an object")
        for name, inner in checks:
            if name not in value:
                raise Misshapen(f"{where} has no {name}")
            inner(value[name])

    return check


def _scalar(kind: str, where: str) -> Check:
    types = SCALARS[kind]
    is_int = kind == "int"

    def check(value: Any) -> None:
        if type(value) not in types:
            raise Misshapen(f"{where} is {type(value).__name__}, not {kind}")
        if is_int and not -LARGEST <= value <= LARGEST:
            raise Misshapen(f"{where} is larger than any Int")
        if type(value) is str and not value.isascii():
            _refuse_half_characters(value, where)

    return check


def _refuse_half_characters(value: str, where: str) -> None:
    """JSON can escape half a surrogate pair, which no database takes."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Misshapen(f"{where} is no text: {error.reason}") from error

"""Files in JSON, for the types that take them: read as the CSV file that would say the same."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from oms.filenames import unpacked_name
from oms.imports.contracts import FileContract
from oms.imports.errors import FileRefused
from oms.imports.jobs import Settings

MAX_BYTES = 64 << 20
"""A JSON file is read as a whole, so it must fit into memory."""


def is_json(name: str) -> bool:
    """Whether a file is JSON, by its extension (inventory.md 5.8)."""
    return unpacked_name(name).lower().endswith(".json")


def reject_name(name: str) -> str:
    """The name of a reject file: it is plain CSV, also where the file was packed or JSON."""
    plain = unpacked_name(name)
    return plain[: -len(".json")] + ".csv" if is_json(name) else plain


def as_csv(name: str, pieces: Iterable[bytes], contract: FileContract, settings: Settings) -> Iterable[bytes]:
    """The text of a file as CSV: itself, or its rows under the names of the contract.

    The n-th row of a JSON file has line number n + 1. Raises FileRefused for JSON that the type does not
    take, that is not complete, or that says something else than the type expects.
    """
    return _converted(pieces, contract, settings) if is_json(name) else pieces


def _converted(pieces: Iterable[bytes], contract: FileContract, settings: Settings) -> Iterator[bytes]:
    if contract.from_json is None:
        raise FileRefused("ERR_FORMAT", "this import takes no JSON; the file must be CSV")
    data = _loaded(_whole(pieces), settings.encoding)
    out = io.StringIO()
    writer = csv.DictWriter(
        out, [column.name for column in contract.columns], delimiter=settings.delimiter, lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(contract.from_json(data))
    try:
        yield out.getvalue().encode(settings.encoding)
    except UnicodeEncodeError as error:
        raise FileRefused(
            "ERR_ENCODING", f"{error.object[error.start]!r} is no letter of {settings.encoding}: use utf-8"
        ) from error


def _whole(pieces: Iterable[bytes]) -> bytes:
    whole = b""
    for piece in pieces:
        whole += piece
        if len(whole) > MAX_BYTES:
            raise FileRefused(
                "ERR_TOO_LARGE", f"a JSON file may have {MAX_BYTES} bytes at most; split it, or send CSV"
            )
    return whole


def _loaded(whole: bytes, encoding: str) -> Any:
    try:
        text = whole.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        raise FileRefused(
            "ERR_ENCODING", f"byte 0x{whole[error.start]:02x} at {error.start} is not {encoding}"
        ) from error
    if not text.strip():
        return []
    try:
        return json.loads(text, parse_int=str, parse_float=_written)
    except (json.JSONDecodeError, RecursionError) as error:
        raise FileRefused("ERR_FORMAT", f"the file is not complete JSON: {error}") from error


class _Fraction(str):
    """A number as it is written, with a decimal point or an exponent."""


def _written(number: str) -> str:
    return _Fraction(number)


def units_of(one: Mapping[str, Any], name: str, where: str) -> str:
    """Units as the cell of a CSV file would say them, whatever its decimal separator: decimals of a JSON
    number follow a point. FileRefused like `text_of`.
    """
    said = text_of(one, name, where)
    if not isinstance(said, _Fraction):
        return said
    whole = re.fullmatch(r"(-?[0-9]+)[.]0+", said)
    if whole:
        return whole[1]
    return said if "e" in said.lower() else f"{said}e0"  # with a decimal comma 1.125 would be 1125


def objects(value: Any, where: str) -> list[Mapping[str, Any]]:
    """A list of objects, or one object; FileRefused names the place of anything else."""
    found = [value] if isinstance(value, dict) else [] if value is None else value
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise FileRefused("ERR_FORMAT", f"{where} must be a list of objects")
    return found


def text_of(one: Mapping[str, Any], name: str, where: str) -> str:
    """A text, or a number as it is written; blank where there is none. FileRefused for anything else."""
    value = one.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FileRefused("ERR_FORMAT", f"{name} of {where} must be a text or a number, not {value!r}")
    return value

"""File contracts: the columns of a file type, and how a header is matched with them (inventory.md 3.5)."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oms.imports.errors import FileRefused

MAX_COLUMNS = 300
REJECT_COLUMNS = ("error_line", "error_column", "error_code", "error_message", "error_log")
"""What a reject file has in front of each row; error_log and error_line name the line refused first."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a file as its sender sees it, and the staging field it lands in."""

    name: str
    field: str
    type: str
    meaning: str
    example: str = ""
    required: bool = False
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileContract:
    """What a file of one type must look like."""

    columns: tuple[Column, ...]
    one_of: tuple[tuple[str, ...], ...]
    """Groups of column names of which a header must have at least one."""
    figure: str = ""
    """Field of a whole number that plain lines bring as one; blank: every column is text."""
    identifiers: tuple[str, ...] = ()
    """Fields that are compared without their form of Unicode and the blanks around them."""
    from_json: Callable[[Any], Iterable[Mapping[str, str]]] | None = None
    """Turns the contents of a JSON file into rows by column name; None: only CSV is taken."""
    json_example: Any = None
    """The contents of such a JSON file."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The staging fields, each once."""
        return tuple(dict.fromkeys(column.field for column in self.columns))

    def column_of(self, field: str) -> str:
        """The name by which people know a field."""
        return next(column.name for column in self.columns if column.field == field)


@dataclass(frozen=True)
class Header:
    """The first line of a file: for each of its columns the staging field it lands in."""

    text: str
    names: tuple[str, ...]
    fields: tuple[str, ...]
    contract: FileContract
    repeated: tuple[tuple[str, str], ...]
    """(second field, first field) of columns that stand twice; they must be equal in every row."""

    @property
    def reject_places(self) -> tuple[int, ...]:
        """Where the columns stand that make the file a corrected reject file; empty if it is none.

        Reject files of before error_log have the first four of them.
        """
        return reject_places(self.names)

    @property
    def extra(self) -> tuple[str, ...]:
        """Fields of columns that the contract does not know, kept for the reject file."""
        return tuple(name for name in self.fields if name.startswith("extra_"))

    def field_of(self, name: str) -> str | None:
        """The field of the column of this name, compared like a header; None if the file has none."""
        wanted = match_key(name)
        for own, field in zip(self.names, self.fields, strict=True):
            if match_key(own) == wanted:
                return field
        return None


def reject_places(names: Sequence[str]) -> tuple[int, ...]:
    """Positions of the columns of a reject file, in their order; empty unless all but error_log are there."""
    keys = [match_key(name) for name in names]
    wanted = [match_key(name) for name in REJECT_COLUMNS]
    if not set(wanted[:-1]) <= set(keys):
        return ()
    return tuple(keys.index(key) for key in wanted if key in keys)


def match_key(name: str) -> str:
    """A column name without case, blanks, `_` and `-` (inventory.md 3.5)."""
    return "".join(letter for letter in name.casefold() if letter not in " \t_-\u3000")


_REJECT_KEYS = frozenset(map(match_key, REJECT_COLUMNS))


def read_header(line: str, delimiter: str, contract: FileContract) -> Header:
    """Match the first line of a file with a contract.

    Raises FileRefused (ERR_HEADER) for a missing required column or a line that is no header.
    """
    try:
        names = tuple(name.strip() for name in next(csv.reader([line], delimiter=delimiter), ()))
    except csv.Error as error:
        raise FileRefused("ERR_HEADER", f"line 1 is not a header: {error}") from error
    if len(names) > MAX_COLUMNS:
        raise FileRefused(
            "ERR_HEADER", f"line 1 has {len(names)} columns; at most {MAX_COLUMNS} are accepted"
        )
    known = {
        match_key(name): column.field
        for column in contract.columns
        for name in (column.name, *column.aliases)
    }
    first: dict[str, str] = {}
    fields: list[str] = []
    repeated: list[tuple[str, str]] = []
    for number, name in enumerate(names, 1):
        key = match_key(name)
        identity = known.get(key, key)
        if key in known and identity not in first:
            field = identity
        else:
            field = f"extra_{number}"
            if identity in first and key and key not in _REJECT_KEYS:
                repeated.append((field, first[identity]))
        first.setdefault(identity, field)
        fields.append(field)
    _require(contract, names, set(fields))
    return Header(line, names, tuple(fields), contract, tuple(repeated))


def _require(contract: FileContract, names: Sequence[str], fields: set[str]) -> None:
    by_name = {column.name: column for column in contract.columns}
    groups = [(column.name,) for column in contract.columns if column.required] + list(contract.one_of)
    for group in groups:
        if not any(by_name[name].field in fields for name in group):
            spellings = [one for name in group for one in (name, *by_name[name].aliases)]
            raise FileRefused(
                "ERR_HEADER",
                f"line 1 has no column {' or '.join(spellings)}; "
                f"it has: {', '.join(map(repr, names))[:500]}. "
                "Check the header and the delimiter",
            )

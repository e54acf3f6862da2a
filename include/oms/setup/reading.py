"""Reads the files of a setup, and finds in them what a person should know before anything is written."""

import csv
import io
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oms.filenames import is_junk
from oms.setup.errors import Finding, SetupRefused
from oms.setup.tables import TABLES, Column, Table, Value
from oms.texts import is_blank

Key = tuple[Value, ...]


@dataclass(frozen=True)
class Row:
    """A row of a file: the values of the columns that the file has, blank cells as their default."""

    line: int
    values: dict[str, Value]


@dataclass(frozen=True)
class Content:
    """A file as read: its rows by key, and the columns it has."""

    table: Table
    columns: tuple[str, ...]
    rows: dict[Key, Row]

    def line_of(self, key: Key) -> int | None:
        """The line of a key; None where the file does not name it."""
        return self.rows[key].line if key in self.rows else None


def read_folder(folder: Path) -> dict[str, Content]:
    """Read every file of a setup that is there, by the table's name. Raises SetupRefused with all faults."""
    known = {table.file: table for table in TABLES}
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    paths = [path for path in found if path.suffix.lower() == ".csv" and not is_junk(path.name)]
    if not paths:
        remedy = f"there is no file of a setup here; write at least one of {', '.join(known)}"
        raise SetupRefused([Finding(str(folder), None, None, None, remedy)])
    findings = [
        Finding(path.name, None, None, None, f"no such file in a setup; the files are {', '.join(known)}")
        for path in paths
        if path.name not in known
    ]
    contents = {}
    for table in TABLES:
        path = folder / table.file
        if path in paths:
            contents[table.name] = _read(path, table, findings)
    if findings:
        raise SetupRefused(findings)
    return contents


def _read(path: Path, table: Table, findings: list[Finding]) -> Content:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        findings.append(Finding(table.file, None, None, None, f"save it as UTF-8 (byte {error.start})"))
        return Content(table, (), {})
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: dict[Key, Row] = {}
    header: tuple[str, ...] = ()
    try:
        for cells in reader:
            if all(map(is_blank, cells)):
                continue
            if header:
                _add(table, header, cells, reader.line_num, rows, findings)
            else:
                header = tuple(cell.strip().lower().replace("-", "_").replace(" ", "_") for cell in cells)
                if faults := _faults_of_header(table, header, reader.line_num):
                    findings.extend(faults)
                    return Content(table, (), {})
    except csv.Error as error:
        findings.append(Finding(table.file, reader.line_num, None, None, f"is not CSV: {error}"))
    if not header:
        remedy = f"is empty; its header is {','.join(column.name for column in table.columns)}"
        findings.append(Finding(table.file, None, None, None, remedy))
    return Content(table, header, rows)


def _faults_of_header(table: Table, header: tuple[str, ...], line: int) -> list[Finding]:
    names = [column.name for column in table.columns]
    faults = [
        Finding(table.file, line, None, name, f"is no column of this file; they are {', '.join(names)}")
        for name in header
        if name not in names
    ]
    faults += [
        Finding(table.file, line, None, name, "appears twice in the header")
        for name in sorted(set(header))
        if header.count(name) > 1
    ]
    faults += [
        Finding(table.file, line, column.name, None, f"add this column: {column.meaning}")
        for column in table.columns
        if column.required and column.name not in header
    ]
    return faults


def _add(
    table: Table,
    header: tuple[str, ...],
    cells: list[str],
    line: int,
    rows: dict[Key, Row],
    findings: list[Finding],
) -> None:
    if len(cells) != len(header):
        remedy = f"has {len(cells)} cells, the header {len(header)}"
        findings.append(Finding(table.file, line, None, None, remedy))
        return
    texts = dict(zip(header, cells, strict=True))
    values: dict[str, Value] = {}
    before = len(findings)
    for column in table.columns:
        if column.name in texts:
            values[column.name] = _value(table, column, texts[column.name].strip(), line, findings)
    if len(findings) > before:
        return
    for name, default in table.own_default.items():
        values[name] = values.get(name) or default(values)
    key = tuple(values[name] for name in table.key)
    if key in rows:
        first = rows[key].line
        shown = ", ".join(map(str, key))
        remedy = f"is already named in line {first}; keep one of them"
        findings.append(Finding(table.file, line, ", ".join(table.key), shown, remedy))
        return
    rows[key] = Row(line, values)


def _value(table: Table, column: Column, text: str, line: int, findings: list[Finding]) -> Value:
    if not text:
        if column.required:
            findings.append(Finding(table.file, line, column.name, "", f"is required: {column.meaning}"))
        return column.default
    if remedy := _fault_of_letters(text, column.is_id or column.references or column.name in table.key):
        findings.append(Finding(table.file, line, column.name, text[:LONGEST], remedy))
        return None
    try:
        return column.read(text)
    except ValueError as error:
        findings.append(Finding(table.file, line, column.name, text, str(error)))
        return None


LONGEST = 255
BREAKS = ("Cc", "Zl", "Zp")
UNSEEN = ("Cf", "Co", "Zs")


def _fault_of_letters(text: str, is_id: Any) -> str | None:
    """What to do about letters that split lines or, in an id, cannot be seen; None where all is well."""
    if is_id and len(text) > LONGEST:
        return f"has {len(text):,} letters; an id has {LONGEST} at most"
    for place, letter in enumerate(text, 1):
        category = unicodedata.category(letter)
        if category in BREAKS or (is_id and category in UNSEEN and letter != " "):
            name = unicodedata.name(letter, "a control character").lower()
            return f"holds U+{ord(letter):04X} ({name}) as letter {place}; write it without"
    return None

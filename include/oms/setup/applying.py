"""Makes the master data what the files of a setup say, and tells line by line what that changes.

One transaction of the caller: a dry run does all of it and is rolled back, so that it shows exactly what
would happen, refusals of the database included.
"""

import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql as composed
from psycopg.rows import dict_row

from oms import locks
from oms.database import Connection, statements
from oms.inventory import changes
from oms.setup.errors import Finding, SetupRefused
from oms.setup.reading import Content, Key, Row, read_folder
from oms.setup.tables import TABLES, Gone, Table, Value

sql = statements(__file__)

CHANNEL_LINKS = ("product_store_facilities", "facility_group_members")
MOVES_FIGURES = {
    "product_stores": ("reserve_inventory", "hold_preorder_physical_inventory"),
    "facilities": ("facility_type_id",),
    "facility_groups": ("product_store_id",),
    "shop_locations": ("facility_group_id", "physical_basis"),
}


@dataclass
class Report:
    """What a setup changed: one line for each change and each remark, and the counts."""

    lines: list[str] = field(default_factory=list)
    added: int = 0
    changed: int = 0
    ended: int = 0
    kept: int = 0
    products_marked: int = 0

    @property
    def summary(self) -> str:
        return (
            f"{self.added} added, {self.changed} changed, {self.ended} ended, "
            f"{self.kept} no longer named but kept; "
            f"{self.products_marked} products to be compared with the shops again"
        )


@dataclass
class _Moved:
    """What the changes so far may have moved figures of."""

    facilities: set[Value] = field(default_factory=set)
    groups: set[Value] = field(default_factory=set)
    stores: set[Value] = field(default_factory=set)
    shops: set[Value] = field(default_factory=set)

    def note(self, table: Table, values: dict[str, Value], columns: set[str]) -> None:
        """A row was added, ended (columns: all) or changed in these columns."""
        if table.name in CHANNEL_LINKS:
            self.facilities.add(values["facility_id"])
        elif table.name == "shop_location_facilities":
            self.shops.add(values["shop_id"])
        elif columns & set(MOVES_FIGURES.get(table.name, ())):
            {
                "product_stores": self.stores,
                "facilities": self.facilities,
                "facility_groups": self.groups,
                "shop_locations": self.shops,
            }[table.name].add(values[table.key[0]])


def set_up(conn: Connection, folder: Path, *, prune: bool = False) -> Report:
    """Enter and change master data as the files in `folder` say; a file that is not there changes nothing.

    Rows that a file no longer names are reported; with `prune`, links, memberships and mappings end.
    What moves figures makes its products recent changes; a location that changes to DELTA asks for a
    guarded hard sync (spec inventory.md 6.8). Raises SetupRefused, with every fault, before the caller
    can commit anything.
    """
    contents = read_folder(folder)
    locks.hold(conn, locks.SETUP.of())
    _refuse_unknown_references(conn, contents)
    _wait_for_pushes(conn, contents, prune)
    report, moved = Report(), _Moved()
    faults: list[Finding] = []
    for table in TABLES:
        if table.name in contents:
            _apply(conn, contents[table.name], prune, report, moved, faults)
    if not faults:
        faults = _findings(conn, sql.faults, contents)
    if faults:
        raise SetupRefused(faults)
    notes = _findings(conn, sql.remarks, contents) + _alike(conn, contents)
    report.lines += [f"note: {note}" for note in notes]
    report.products_marked = changes.add(
        conn,
        sql.mark_products,
        {name: sorted(map(str, values)) for name, values in vars(moved).items()},
    )
    return report


def _relation(table: Table) -> composed.Identifier:
    return composed.Identifier(*table.relation.split("."))


def _names(names: tuple[str, ...]) -> composed.Composed:
    return composed.SQL(", ").join(map(composed.Identifier, names))


def _current(conn: Connection, table: Table) -> dict[Key, dict[str, Any]]:
    """The rows of a table by key; ended ones carry a thru_date that has passed."""
    dated = composed.SQL(", coalesce(thru_date <= now(), false) as is_over" if table.gone is Gone.END else "")
    query = composed.SQL("select {}{} from {}").format(
        _names(tuple(column.name for column in table.columns)), dated, _relation(table)
    )
    rows = conn.cursor(row_factory=dict_row).execute(query).fetchall()
    return {tuple(row[name] for name in table.key): row for row in rows}


def _refuse_unknown_references(conn: Connection, contents: dict[str, Content]) -> None:
    known: dict[str, set[Key]] = {}
    for table in TABLES:
        known[table.name] = set(_current(conn, table))
        if table.name in contents:
            known[table.name] |= set(contents[table.name].rows)
    findings = []
    for content in contents.values():
        for row in content.rows.values():
            for column in content.table.columns:
                value = row.values.get(column.name)
                if column.references and value is not None and (value,) not in known[column.references]:
                    remedy = f"is not known; add it to {column.references}.csv or correct it"
                    findings.append(Finding(content.table.file, row.line, column.name, str(value), remedy))
    if "shop_location_facilities" in contents:
        findings += _unknown_locations(contents["shop_location_facilities"], known["shop_locations"])
    if findings:
        raise SetupRefused(findings)


def _unknown_locations(mappings: Content, known: set[Key]) -> list[Finding]:
    findings = []
    for row in mappings.rows.values():
        shop, location = row.values["shop_id"], row.values["shopify_location_id"]
        if (shop, location) not in known:
            remedy = f"is no location of shop {shop}; add it to shop_locations.csv or correct it"
            findings.append(
                Finding(mappings.table.file, row.line, "shopify_location_id", str(location), remedy)
            )
    return findings


def _apply(
    conn: Connection, content: Content, prune: bool, report: Report, moved: _Moved, faults: list[Finding]
) -> None:
    table = content.table
    current = _current(conn, table)
    for key, row in content.rows.items():
        before = current.get(key)
        difference = _difference(table, before, row)
        if difference is None:
            continue
        try:
            with conn.transaction():
                _write(conn, table, row, before)
        except psycopg.IntegrityError as error:
            faults.append(_refusal(table, row, error))
            continue
        columns = {column.name for column in table.columns}
        is_new = before is None or before.get("is_over", False)
        if is_new:
            report.added += 1
        else:
            report.changed += 1
            columns = {name for name in row.values if before[name] != row.values[name]}
        verb = "add   " if is_new else "change"
        report.lines.append(f"{verb} {_title(table, key)}{difference} ({table.file} line {row.line})")
        moved.note(table, row.values, columns)
        if not is_new and table.name == "shop_location_facilities":
            moved.note(table, before, columns)
    for key in current.keys() - content.rows.keys():
        _no_longer_named(conn, table, key, current[key], prune, report, moved)


def _wait_for_pushes(conn: Connection, contents: dict[str, Content], prune: bool) -> None:
    """Keep pushes away from locations that change, and from those whose facilities do.

    One under way would store what it found before, and its mark would have seen the change.
    """
    changing: set[tuple[str, int]] = set()
    names = contents.keys() & {"shop_locations", "shop_location_facilities"}
    for content in (contents[name] for name in names):
        current = _current(conn, content.table)
        for key, row in content.rows.items():
            if _difference(content.table, current.get(key), row) is not None:
                changing |= {_place(one) for one in (current.get(key), row.values) if one is not None}
        if prune and content.table.gone is not Gone.KEEP:
            changing |= {_place(current[key]) for key in current.keys() - content.rows.keys()}
    locks.hold(conn, *(locks.LOCATION.of(*place) for place in changing))


def _place(values: dict[str, Any]) -> tuple[str, int]:
    return values["shop_id"], values["shopify_location_id"]


def _title(table: Table, key: Key) -> str:
    noun = table.label or table.relation.removeprefix("oms.").replace("_", " ")
    return f"{noun} {' / '.join(map(str, key))}"


def _difference(table: Table, before: dict[str, Any] | None, row: Row) -> str | None:
    """The change in words; None if there is none."""
    if before is None:
        rest = {name: value for name, value in row.values.items() if name not in table.key}
        return ": " + ", ".join(f"{name} {_shown(value)}" for name, value in rest.items()) if rest else ""
    if before.get("is_over"):
        return " again"
    changed = [
        f"{name} {_shown(before[name])} -> {_shown(value)}"
        for name, value in row.values.items()
        if before[name] != value
    ]
    if not changed:
        return None
    hint = "; asks for a guarded hard sync" if _turns_to_delta(table, before, row) else ""
    return ": " + ", ".join(changed) + hint


def _shown(value: Value) -> str:
    if value is None or value == []:
        return "(blank)"
    if isinstance(value, bool):
        return "Y" if value else "N"
    return "|".join(value) if isinstance(value, list) else str(value)


def _turns_to_delta(table: Table, before: dict[str, Any] | None, row: Row) -> bool:
    return (
        table.name == "shop_locations"
        and before is not None
        and row.values.get("sync_mode") == "DELTA"
        and before["sync_mode"] != "DELTA"
    )


def _write(conn: Connection, table: Table, row: Row, before: dict[str, Any] | None) -> None:
    names = tuple(row.values)
    settings = [
        composed.SQL("{name} = excluded.{name}").format(name=composed.Identifier(name))
        for name in names
        if name not in table.key
    ]
    if table.gone is Gone.END:
        settings.append(composed.SQL("from_date = now(), thru_date = null"))
    if _turns_to_delta(table, before, row):
        settings.append(composed.SQL("compared = null, compared_at = null"))
    change = composed.SQL("update set {}").format(composed.SQL(", ").join(settings))
    statement = composed.SQL("insert into {} ({}) values ({}) on conflict ({}) do {}").format(
        _relation(table),
        _names(names),
        composed.SQL(", ").join(composed.Placeholder() * len(names)),
        _names(table.key),
        change if settings else composed.SQL("nothing"),  # the file has the columns of the key alone
    )
    conn.execute(statement, tuple(row.values.values()))


def _refusal(table: Table, row: Row, error: psycopg.IntegrityError) -> Finding:
    if error.diag.constraint_name == "facility_external_id_key":
        shown = str(row.values["external_id"])
        return Finding(table.file, row.line, "external_id", shown, "already belongs to another facility")
    return Finding(table.file, row.line, None, None, f"the database refuses it: {error.diag.message_primary}")


def _no_longer_named(
    conn: Connection,
    table: Table,
    key: Key,
    before: dict[str, Any],
    prune: bool,
    report: Report,
    moved: _Moved,
) -> None:
    if before.get("is_over") or _is_built_in(table, before):
        return
    if table.gone is Gone.KEEP or not prune:
        hint = "" if table.gone is Gone.KEEP else "; --prune ends it"
        report.kept += 1
        report.lines.append(f"keep   {_title(table, key)}: {table.file} does not name it{hint}")
        return
    action = "update {} set thru_date = now()" if table.gone is Gone.END else "delete from {}"
    conn.execute(
        composed.SQL(action + " where ({}) = ({})").format(
            _relation(table), _names(table.key), composed.SQL(", ").join(composed.Placeholder() * len(key))
        ),
        key,
    )
    report.ended += 1
    report.lines.append(
        f"end    {_title(table, key)}: {table.file} does not name it, so it {table.gone.value}"
    )
    moved.note(table, before, {column.name for column in table.columns})


def _is_built_in(table: Table, before: dict[str, Any]) -> bool:
    """Queues and the like exist in every database, whether a file names them or not."""
    return table.name == "facilities" and before["facility_type_id"] in ("VIRTUAL_FACILITY", "CONFIGURATION")


def _findings(conn: Connection, query: str, contents: dict[str, Content]) -> list[Finding]:
    """Rows (table, key, column, value, remedy) of a check, as findings with the line that names the key."""
    findings = []
    for name, key, column, value, remedy in conn.execute(query).fetchall():
        content = contents.get(name)
        line = content.line_of(_typed(content.table, key)) if content else None
        findings.append(Finding(f"{name}.csv", line, column, value, remedy))
    return findings


def _alike(conn: Connection, contents: dict[str, Content]) -> list[Finding]:
    """Ids that people take for the same: files that mean one of them may name the other.

    The id of a table is the last column of its key, unless it is that of another table; it is compared among
    the rows that have the columns before it in common.
    """
    findings = []
    for table in TABLES:
        *_, last = (column for column in table.columns if column.name in table.key)
        if last.references:
            continue
        first: dict[tuple[Any, ...], tuple[Key, str]] = {}
        names = [last.name, *(["external_id"] if table.name == "facilities" else [])]
        rows = _current(conn, table)
        for column, key in ((column, key) for column in names for key in sorted(rows, key=str)):
            value = rows[key][column]
            if not isinstance(value, str):
                continue
            of, seen = first.setdefault((*key[:-1], _as_people_read(value)), (key, value))
            if of != key and seen != value:
                content = contents.get(table.name)
                remedy = f"looks like {seen!r}: files that mean one of them may name the other"
                line = content.line_of(key) if content else None
                findings.append(Finding(table.file, line, column, value, remedy))
    return findings


def _as_people_read(text: str) -> str:
    """Return a text without case, forms of a letter, blanks and letters that cannot be seen."""
    letters = unicodedata.normalize("NFKC", text).casefold()
    return "".join(one for one in letters if unicodedata.category(one) not in ("Cf", "Zs"))


def _typed(table: Table, key: list[str]) -> Key:
    columns = {column.name: column for column in table.columns}
    return tuple(columns[name].read(part) for name, part in zip(table.key, key, strict=True))

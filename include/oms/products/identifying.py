"""Identifiers by which other systems know products, from a CSV file (inventory.md 3.5).

SKU, barcode and Shopify's own ids come with the products; what an ERP calls them does not.
"""

import csv
from collections.abc import Iterable

from oms import locks
from oms.database import Connection, copy_rows, statements
from oms.errors import NeedsPerson
from oms.texts import is_blank, trimmed

sql = statements(__file__)

COLUMNS = ("sku", "id_type", "id_value")

Row = tuple[int, str, str, str]
"""Line of the file, SKU, type and value of the identifier."""


class BadIdentifiers(NeedsPerson, ValueError):
    """A file of identifiers cannot be taken: every fault with its line; nothing was changed."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


def read(text: Iterable[str]) -> list[Row]:
    """The rows of a CSV file with the columns sku, id_type, id_value. Raises BadIdentifiers."""
    reader = csv.DictReader(text)
    if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
        raise BadIdentifiers(
            [f"line 1: no column {', '.join(missing)}; the columns are {', '.join(COLUMNS)}"]
        )
    rows = [
        (reader.line_num, *(trimmed(row[name] or "") for name in COLUMNS))
        for row in reader
        if not all(is_blank(row[name]) for name in COLUMNS)
    ]
    unstorable = [line for line, *cells in rows if "\0" in "".join(cells)]
    if unstorable:
        raise BadIdentifiers([f"line {line}: a cell holds the letter NUL" for line in unstorable])
    return rows


def identify(conn: Connection, rows: Iterable[Row]) -> tuple[int, int]:
    """Make the identifiers of the products and types named what the rows say, all or nothing.

    Returns how many were added and how many ended: of a product and a type that rows name, an identifier that
    they do not name ends. In the caller's transaction. Raises BadIdentifiers with every fault.
    """
    locks.hold(conn, locks.IDENTIFICATION.of())  # two could give one value to two products
    conn.execute(sql.make_given)
    copy_rows(conn, "pg_temp.identifier_given", ("line_number", *COLUMNS), rows)
    conn.execute(sql.resolve)
    conn.execute(sql.freshen)
    if faults := [f"line {line}: {fault}" for line, fault in conn.execute(sql.faults)]:
        raise BadIdentifiers(faults)
    ended = conn.execute(sql.end_others).rowcount
    return conn.execute(sql.add_missing).rowcount, ended

"""Each table has one owner: the room of include/oms that writes it and answers for it (architecture.md 2).

Whoever needs a row written elsewhere calls a function of the owner. What stands below as a debt is known and
has a reason; a new table needs an owner, and a debt that is paid leaves the list.
"""

import ast
import re
from pathlib import Path

import pytest

from oms.setup.tables import TABLES
from tests import rooms
from tests.rooms import PAGE

OMS = Path(__file__).parent.parent / "include/oms"
WRITES = re.compile(
    r"(?:insert\s+into|update|delete\s+from|merge\s+into|truncate|copy|copy_rows\(\s*\w+(?:\.\w+)*,)"
    r"\s+(?:only\s+)?[\"']?oms\.(\w+)",
    re.IGNORECASE,
)

WHOLE_FILES = {
    "upkeep/backup.sql": "a restored database starts over in one transaction, all tables under one lock",
    "upkeep/house_keeping.sql": "retention takes what is old from any table, in batches",
}
"""Files that may write any table, and why."""

DEBTS = {
    ("feed", "setup"): "settings of a person, from feeds.csv",
    ("import_log", "stock_pulls"): "marks the file of a pull, in its transaction",
    ("import_reject", "inventory"): "a file type sets its bad rows aside in the statement that judges them",
    ("import_repair", "inventory"): "an undone file opens what it had repaired, in its transaction",
    ("import_row_note", "inventory"): "a file type notes a row in the statement that applies it",
    ("import_reject", "stock_pulls"): "a file of levels rejects as other file types do",
    ("import_row_note", "stock_pulls"): "a file of levels notes as other file types do",
    ("inventory_item", "stock_pulls"): "adds positions of a pull in its one statement",
    ("job_watermark", "stock_pulls"): "webhooks of levels keep a watermark of their own, without a window",
    ("product", "inventory"): "the type of a product follows from its being a kit",
    ("search_preference", "setup"): "settings of a person, from search_preferences.csv",
    ("shipment", "fulfillment"): "one table for what comes and goes: sales shipments are begun when packed",
    ("shipment", "orders"): "states owns the status of sales shipments",
    ("shipment", "restock"): "one table for what comes and goes: a restock is an incoming shipment",
    ("shipment_item", "fulfillment"): "as shipment",
    ("shipment_item", "restock"): "as shipment",
    ("shop_location", "sync"): "keeps when a location was compared as a whole",
    ("upload_product", "inventory"): "a file of a warehouse asks for its upload when it is applied",
    (
        "webhook_inbox",
        "stock_pulls",
    ): "settles the webhooks it worked off, in the transaction of their effects",
}
"""(table, room that is not its owner): why it writes it all the same."""


def owners() -> dict[str, set[str]]:
    """Return the rooms of the line on which the page names a table."""
    return {
        name: set(re.findall(r"`(\w+)`", room))
        for room, _, owned in rooms.rows()
        for name in re.findall(r"`(\w+)\*?`", owned)
    }


def writers(text: str, suffix: str) -> set[str]:
    """Return the tables that the statements of a file write; comments and prose of Python do not count."""
    if suffix == ".py":
        docstrings = {
            ast.get_docstring(node, clean=False)
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
        }
        for words in docstrings - {None}:
            text = text.replace(words, "")
    return set(WRITES.findall(re.sub(r"(?m)^\s*(?:--|#).*$", "", text)))


def written() -> set[tuple[str, str]]:
    """Return each table with each room that writes it, apart from the files that may write any."""
    found = {(table.relation.removeprefix("oms."), "setup") for table in TABLES}
    for path in OMS.rglob("*"):
        room = path.relative_to(OMS).parts[0].partition(".")[0]
        name = path.relative_to(OMS).as_posix()
        if (
            path.suffix in (".py", ".sql")
            and room not in ("migrations", "schema")
            and name not in WHOLE_FILES
        ):
            found |= {(table, room) for table in writers(path.read_text(), path.suffix)}
    return found


def test_a_table_is_written_by_its_owner_or_it_is_a_known_debt():
    owner_of = owners()
    others = {(table, room) for table, room in written() if room not in owner_of.get(table, ())}

    assert {table for table, _ in others} <= set(owner_of), (
        f"a table without an owner: say on {PAGE.name} whose"
    )
    assert others - set(DEBTS) == set(), "use the functions of the table's owner"
    assert set(DEBTS) - others == set(), "a debt that is paid leaves the list"


def test_the_page_marks_the_tables_that_others_write():
    marked = {name for _, _, owned in rooms.rows() for name in re.findall(r"`(\w+)\*`", owned)}

    assert marked == {table for table, _ in DEBTS}


def test_files_that_may_write_any_table_are_there():
    assert [name for name in WHOLE_FILES if not (OMS / name).is_file()] == []


@pytest.mark.parametrize(
    ("text", "suffix", "tables"),
    [
        (
            "insert into oms.one (a)\nupdate oms.two as t\ndelete from oms.three",
            ".sql",
            {"one", "two", "three"},
        ),
        ("merge into oms.one\ncopy oms.two from stdin\ntruncate oms.three", ".sql", {"one", "two", "three"}),
        ("-- update oms.one\nselect from oms.two for update", ".sql", set()),
        ('"""We update oms.one."""\ncopy_rows(conn, "oms.two", COLUMNS, rows)', ".py", {"two"}),
    ],
)
def test_what_a_statement_writes_is_found(text, suffix, tables):
    assert writers(text, suffix) == tables

"""Stock moves through one door."""

import re
from pathlib import Path

import psycopg
import pytest

from oms import inventory
from oms.inventory import entries
from tests.oms.test_migrations import position

OMS = Path(inventory.__file__).parents[1]
INSERT = re.compile(r"(insert into|merge into|copy)\s+(oms\.)?inventory_ledger", re.IGNORECASE)
DIRECT = {
    "inventory/entries.sql": "the door",
    "schema/functions/adjust_position.sql": "a call of the API is one round trip and many share a commit "
    "(tests/benchmarks/api.py): it is worked off within the database",
}


def test_the_ledger_is_written_in_one_place():
    found = {
        str(path.relative_to(OMS))
        for path in OMS.rglob("*")
        if path.suffix in (".py", ".sql") and INSERT.search(path.read_text())
    }
    assert found == set(DIRECT)


def test_rows_that_a_statement_selects_become_entries(oms_db: psycopg.Connection):
    item = position(oms_db)
    rows = """with counted as (select %(item)s::bigint as item, 5 as units)
              select item, units, units, 'VAR_FOUND', 'k' || number
                from counted, generate_series(1, 2) as number"""

    assert entries.write(oms_db, rows, ("reason_id", "source_key"), {"item": item}) == 2

    assert oms_db.execute("select qoh, atp from oms.inventory_item").fetchall() == [(10, 10)]


def test_entries_without_a_cause_are_refused(oms_db: psycopg.Connection):
    rows = "select %(item)s::bigint, 5, 5, 'VAR_FOUND'"

    with pytest.raises(psycopg.errors.CheckViolation):
        entries.write(oms_db, rows, ("reason_id",), {"item": position(oms_db)})

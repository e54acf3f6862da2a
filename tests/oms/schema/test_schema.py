"""A new database and one of a release before become the same, and both serve the code of that release."""

import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from oms import database, locks, schema
from tests.oms.schema.databases import RELEASED, offered, restore_installation, rows_of, schema_of

FILES = sorted(path for kind in schema.KINDS for path in (schema.FOLDER / kind).glob("*.sql"))


@pytest.fixture
def empty_dsn(postgres_server) -> Iterator[str]:
    name = postgres_server.create()
    yield postgres_server.dsn(name)
    postgres_server.drop(name)


@pytest.fixture
def installation(empty_dsn: str) -> str:
    """A database of before, with data."""
    restore_installation(empty_dsn)
    return empty_dsn


def test_all_migrations_lead_to_the_schema_of_the_files(installation: str, oms_dsn: str):
    database.migrate(installation)

    assert schema_of(installation) == schema_of(oms_dsn)


def test_an_installation_comes_over_with_its_data(installation: str, oms_db: psycopg.Connection):
    with psycopg.connect(installation) as conn:
        before = rows_of(conn)
    database.migrate(installation)

    with psycopg.connect(installation) as conn:
        after = rows_of(conn)
        for table, rows in before.items():
            assert [{name: row[name] for name in rows[0]} for row in after[table]] == rows, table
        assert before["inventory_ledger"]
        assert before["order_item"]
        for table, rows in rows_of(oms_db).items():
            assert [row for row in rows if row not in after[table]] == [], f"rows that {table} always has"
        position = before["inventory_item"][0]
        conn.execute(
            """insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, source_key)
               values (%s, 5, 5, 'after')""",
            (position["inventory_item_id"],),
        )
        moved = "select qoh from oms.inventory_item where inventory_item_id = %s"
        assert conn.execute(moved, (position["inventory_item_id"],)).fetchone() == (position["qoh"] + 5,)


def test_a_migration_that_is_repeated_changes_nothing(oms_dsn: str):
    before = schema_of(oms_dsn)
    database.migrate(oms_dsn)

    assert schema_of(oms_dsn) == before
    with psycopg.connect(oms_dsn) as conn:
        assert schema.bring_up_to_date(conn) == 0


def test_two_migrations_at_once_wait_for_each_other(empty_dsn: str, oms_dsn: str):
    waiting = "select from pg_locks where locktype = 'advisory' and not granted"
    with ThreadPoolExecutor(1) as pool, database.connect(empty_dsn, autocommit=True) as other:
        with locks.held(other, locks.SCHEMA.of()):
            migration = pool.submit(database.migrate, empty_dsn)
            while not other.execute(waiting).fetchall():
                assert not migration.done()
            assert other.execute("select to_regnamespace('oms') is null").fetchone() == (True,)
        migration.result()

    assert schema_of(empty_dsn) == schema_of(oms_dsn)


@pytest.mark.parametrize(
    ("revision", "remedy"),
    [("0041", "first migrate with a release that leads to 0076"), ("9999", "use that one's code")],
)
def test_a_database_of_an_unknown_revision_is_left_alone(oms_dsn: str, revision: str, remedy: str):
    before = schema_of(oms_dsn)
    with psycopg.connect(oms_dsn) as conn:
        conn.execute("update oms.alembic_version set version_num = %s", (revision,))

    with pytest.raises(schema.SchemaUnknown, match=remedy):
        database.migrate(oms_dsn)
    assert schema_of(oms_dsn) == before


@pytest.fixture
def changed(tmp_path: Path, oms_db: psycopg.Connection) -> Callable[[str, str, str], int]:
    """Change a text of a function's or view's file in a copy of the files, and create what has changed."""
    for kind in schema.KINDS:
        shutil.copytree(schema.FOLDER / kind, tmp_path / kind)

    def change(name: str, old: str, new: str) -> int:
        file = tmp_path / name
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))
        return schema.bring_up_to_date(oms_db, tmp_path)

    return change


def test_a_function_whose_file_has_changed_is_created_anew(changed, oms_db: psycopg.Connection):
    assert (
        changed(
            "functions/truth.sql",
            "comment on function oms.truth is '",
            "comment on function oms.truth is 'New: ",
        )
        == 1
    )
    (now,) = oms_db.execute("select obj_description('oms.truth'::regproc)").fetchone()
    assert now.startswith("New: ")


def test_a_view_that_gets_other_columns_takes_along_what_depends_on_it(changed, oms_db: psycopg.Connection):
    before = offered(oms_db)

    assert changed("views/open_order_line.sql", "select ", "select 1 as first_of_all, ") > 1

    assert offered(oms_db) - before == {"column oms.open_order_line.first_of_all integer"}
    assert before <= offered(oms_db)


def test_a_file_creates_what_its_name_says():
    made = re.compile(r"^create or replace (?:function|procedure|aggregate|view)\s+oms\.(\w+)", re.MULTILINE)
    assert {path.stem: set(made.findall(path.read_text())) for path in FILES} == {
        path.stem: {path.stem} for path in FILES
    }


def test_every_function_and_view_has_a_file(oms_db: psycopg.Connection):
    there = oms_db.execute(
        """select proname from pg_proc where pronamespace = 'oms'::regnamespace
            union
           select relname from pg_class where relnamespace = 'oms'::regnamespace and relkind = 'v'"""
    )
    assert {name for (name,) in there} == {path.stem for path in FILES}
    assert sorted(schema.TABLES) == sorted(path.stem for path in (schema.FOLDER / "tables").glob("*.sql"))


def test_numbered_migrations_hold_tables_and_data_only():
    objects = re.compile(
        r"^\s*create (or replace )?(constraint )?(function|procedure|aggregate|view|trigger)", re.M
    )
    found = [path.name for path in database.MIGRATIONS.glob("*.sql") if objects.search(path.read_text())]
    assert found == [], "they stand in include/oms/schema, and are created anew when their file changes"


def test_code_of_the_release_before_finds_its_functions_and_columns(oms_db: psycopg.Connection):
    gone = set(RELEASED.read_text().splitlines()) - offered(oms_db)
    assert gone == set(), "give what changes a new name; the old one stays for one release"

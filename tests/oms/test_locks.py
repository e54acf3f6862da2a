"""Named locks: one place says which there are, and processes of the release before take the same."""

import re
from pathlib import Path

import psycopg
import pytest

from oms import database, locks
from oms.locks import Kind, Lock

INCLUDE = Path(locks.__file__).parents[1]
PLUGINS = INCLUDE.parent / "plugins"

WITHIN_FUNCTIONS = {"adjust_position"}
"""Functions of the schema that take a lock of their own: a call of the API under one key comes once."""


def test_no_other_module_takes_a_named_lock():
    found = {
        path.name
        for root in (INCLUDE / "oms", PLUGINS)
        for path in root.rglob("*")
        if path.suffix in (".py", ".sql")
        and "schema" not in path.relative_to(root).parts
        and re.search(r"pg_(try_)?advisory_", path.read_text())
    }
    assert found == {"locks.sql"}


def test_functions_of_the_schema_take_none_but_those_named_here(oms_db):
    found = oms_db.execute(
        """select proname from pg_proc
            where pronamespace = 'oms'::regnamespace and prosrc ~ 'pg_(try_)?advisory_'"""
    )
    assert {name for (name,) in found} == WITHIN_FUNCTIONS


def test_every_kind_stands_in_the_order_once():
    kinds = [value for value in vars(locks).values() if isinstance(value, Kind)]
    assert list(locks.ALL) == kinds
    assert len({kind.name for kind in kinds}) == len(kinds)


@pytest.mark.parametrize(
    ("lock", "expression"),
    [
        (locks.SCHEMA.of(), "hashtextextended('oms.schema', 0)"),
        (locks.HOUSE_KEEPING.of(), "hashtextextended('oms.house_keeping', 0)"),
        (locks.FEEDS.of(), "hashtextextended('oms.check_feeds', 0)"),
        (locks.EXPORT.of("job"), "hashtextextended('oms.export:job', 0)"),
        (locks.SUBSCRIPTIONS.of("demo"), "hashtextextended('oms.webhook_subscription demo', 0)"),
        (locks.PRODUCTS.of(), "hashtextextended('oms.products', 0)"),
        (locks.PRODUCTS_OF_SHOP.of("demo"), "hashtextextended('oms.products:demo', 0)"),
        (locks.PRODUCTS_MERGE.of(), "hashtextextended('oms.products:merge', 0)"),
        (locks.RESTOCK.of(7), "hashtextextended('oms.scheduled_restock', 7)"),
        (locks.RESTOCK_FILE.of("ab"), "hashtextextended('oms.restock:ab', 0)"),
        (locks.SETUP.of(), "hashtextextended('oms.setup', 0)"),
        (locks.LOCATION.of("demo", 7001), "hashtextextended('oms.sync:demo:7001', 0)"),
        (locks.LEVELS_OF_SHOP.of("demo"), "hashtextextended('oms.from_shop:demo', 0)"),
        (locks.PULL.of("job", "demo"), "hashtextextended('oms.pull:job:demo', 0)"),
        (locks.OUTBOX_LANE.of("x"), "hashtextextended('oms.outbox:x', 0)"),
        (locks.IMPORT_LOG.of(7), "hashtextextended('oms.import_log', 7)"),
        (locks.IMPORT_CONTENT.of("f"), "hashtextextended('oms.import_log.content:f', 0)"),
        (locks.DOCUMENT_LINES.of("orders"), "hashtextextended('oms.import_document_line:orders', 0)"),
        (locks.IMPORT_REPAIR.of(7), "hashtextextended('oms.import_repair', 7)"),
        (locks.LEVELS.of("MAIN"), "hashtextextended('oms.levels:MAIN', 0)"),
        (locks.KITS.of(), "hashtextextended('oms.kits', 0)"),
        (locks.PACK.of("k"), "hashtextextended('oms.pack:k', 0)"),
        (locks.IDENTIFICATION.of(), "hashtextextended('oms.product_identification', 0)"),
        (locks.SFTP_SERVER.of("sftp"), "hashtextextended('oms.sftp_server:sftp', 0)"),
        (
            locks.waiting_push("demo", "RECENT", ["RECENT"], {"b": 1, "a": None}),
            """hashtextextended('["push", "demo", "RECENT", ["RECENT"], {"a": null, "b": 1}]', 0)""",
        ),
    ],
)
def test_a_process_of_the_release_before_takes_the_same_lock(oms_db, lock: Lock, expression: str):
    text, seed = lock.key
    same = f"select hashtextextended(%s, %s) = {expression}"
    assert oms_db.execute(same, (text, seed)).fetchone() == (True,)


def test_locks_are_taken_in_the_order_of_their_kinds_and_parts():
    one, two, ten = (locks.LOCATION.of("demo", number) for number in (1, 2, 10))
    setup = locks.SETUP.of()
    assert sorted([ten, two, setup, one]) == [setup, one, two, ten]


def test_a_lock_that_is_held_is_waited_for_and_given_back(oms_dsn):
    lock = locks.LOCATION.of("demo", 1)
    with (
        database.connect(oms_dsn, autocommit=True) as one,
        database.connect(oms_dsn, autocommit=True) as two,
    ):
        with locks.held(one, lock, locks.KITS.of()):
            with locks.held_if_free(two, lock) as is_ours:
                assert not is_ours
            with locks.waiting_at_most(two, 0.1), pytest.raises(psycopg.errors.LockNotAvailable):
                locks.take(two, locks.KITS.of())
            assert not locks.take_within(two, lock, 0.1)
            two.execute("begin")
            locks.wait_at_most(two, 0.1)
            with pytest.raises(psycopg.errors.LockNotAvailable):
                locks.hold(two, lock)
            two.rollback()
        assert locks.take_within(two, lock, 0.1)
        locks.give_back(two, lock)
        with locks.held_if_free(two, lock) as is_ours:
            assert is_ours
            with locks.held_if_free(one, lock) as also:
                assert not also
        assert one.execute("select count(*) from pg_locks where locktype = 'advisory'").fetchone() == (0,)


def test_what_a_block_took_is_given_back_when_it_fails(oms_dsn):
    with database.connect(oms_dsn, autocommit=True) as conn:
        with pytest.raises(psycopg.errors.DivisionByZero):
            _fail_with_a_lock(conn)
        assert conn.execute("select count(*) from pg_locks where locktype = 'advisory'").fetchone() == (0,)


def _fail_with_a_lock(conn: database.Connection) -> None:
    with locks.given_back(conn) as own:
        own.append(locks.KITS.of())
        locks.take(conn, *own)
        conn.execute("select 1 / 0")

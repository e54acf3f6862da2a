"""What the planner has to know, and may do."""

import psycopg

from oms import database
from tests.oms.world import World


def known_rows(db: psycopg.Connection, table: str) -> float:
    return db.execute("select reltuples from pg_class where oid = %s::regclass", (table,)).fetchone()[0]


def test_a_table_that_was_just_filled_is_known_to_the_planner(oms_dsn: str):
    with database.connect(oms_dsn, autocommit=True) as db:
        World(db)
        db.execute(
            """insert into oms.product (internal_name, product_name)
               select n::text, n::text from generate_series(1, 2000) as n"""
        )
        db.execute("select pg_stat_force_next_flush()")
        of_others = known_rows(db, "oms.facility")

        database.freshen_statistics(db, "product")

        assert known_rows(db, "oms.product") == 2000
        assert known_rows(db, "oms.facility") == of_others


def test_a_table_with_few_rows_is_known_to_the_planner_and_not_analyzed_again(oms_dsn: str):
    with database.connect(oms_dsn, autocommit=True) as db:
        world = World(db)
        for sku in ("A", "B"):
            world.product(sku)
            db.execute("select pg_stat_force_next_flush()")

            database.freshen_statistics(db, "product", "product_assoc")

        assert known_rows(db, "oms.product") == 1
        assert known_rows(db, "oms.product_assoc") == 0


def test_the_pattern_of_moments_is_inlined_where_it_is_used(oms_db: psycopg.Connection):
    """A call for each of millions of rows would cost seconds, one that is not safe every parallel plan."""
    plan = oms_db.execute(
        "explain (verbose, costs off) select oms.moment_of(internal_name) from oms.product"
    ).fetchall()

    assert "internal_name" in str(plan)
    assert "moment_of" not in str(plan)
    safety = oms_db.execute("select proparallel from pg_proc where proname = 'moment_of'").fetchone()
    assert safety == ("s",)

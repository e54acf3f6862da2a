"""The database fixtures: copies of one template, on whatever server TEST_PG_DSN names."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.conftest import DatabaseServer


@pytest.mark.parametrize(
    "admin",
    ["postgresql://me:p%40ss@db:5433/postgres?sslmode=disable", "host=db port=5433 user=me password=p@ss"],
)
def test_the_address_of_another_database_on_the_same_server(admin):
    parts = conninfo_to_dict(DatabaseServer(admin).dsn("oms_test_1"))

    assert {key: str(parts[key]) for key in ("host", "port", "user", "password", "dbname")} == {
        "host": "db",
        "port": "5433",
        "user": "me",
        "password": "p@ss",
        "dbname": "oms_test_1",
    }


@pytest.mark.parametrize("attempt", [1, 2])
def test_each_test_has_a_database_of_its_own(oms_db, attempt):
    assert oms_db.execute("select to_regclass('public.left_behind')").fetchone() == (None,)

    oms_db.execute("create table public.left_behind (attempt integer)")
    oms_db.commit()

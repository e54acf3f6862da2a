"""Connections, transactions, named statements and migrations of the OMS database (psycopg 3).

Every task imports this anew: what only a migration needs is imported by the migration.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import aiosql
import psycopg
from psycopg import sql as composed

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.engine import URL

Connection = psycopg.Connection

MIGRATIONS = Path(__file__).parent / "migrations"


def connect(dsn: str, *, autocommit: bool = False, **options: Any) -> Connection:
    """Open a connection whose session works in UTC."""
    connection = psycopg.connect(dsn, autocommit=autocommit, **options)
    connection.execute("set time zone 'UTC'")
    if not autocommit:
        connection.commit()
    return connection


@contextmanager
def transaction(dsn: str) -> Iterator[Connection]:
    """One transaction on a connection of its own: committed at the end, rolled back on an error."""
    with connect(dsn) as connection:
        yield connection


@cache
def statements(module_file: str) -> SimpleNamespace:
    """The texts of the .sql file beside a module, one attribute for each `-- name:`.

    The texts carry `%(name)s` parameters and are run with `connection.execute(sql.some_name, {...})`.
    """
    logging.getLogger("aiosql").setLevel(logging.ERROR)  # its guess at the kind of a statement is not used
    loaded = aiosql.from_path(Path(module_file).with_suffix(".sql"), "psycopg", mandatory_parameters=False)
    names = [name for name in loaded.available_queries if not name.endswith("_cursor")]
    return SimpleNamespace(**{name: getattr(loaded, name).sql for name in names})


def freshen_statistics(connection: Connection, *tables: str) -> None:
    """Analyze those of the schema's tables that have outgrown what the planner knows of them.

    Autovacuum comes a minute later; until then a table that was just filled counts as nearly empty, and a
    join that should take milliseconds takes half a minute. To one with few rows or none it never comes, and
    the planner takes it for one with hundreds. Needs an autocommit connection.
    """
    outgrown = connection.execute(
        """select pg_class.relname from pg_stat_user_tables join pg_class on pg_class.oid = relid
            where schemaname = 'oms' and pg_class.relname = any(%s)
              and (reltuples < 0 or n_mod_since_analyze > greatest(500, reltuples))""",
        (list(tables),),
    ).fetchall()
    for (table,) in outgrown:
        target = composed.Identifier("oms", table)
        connection.execute(composed.SQL("analyze (skip_locked) {}").format(target))


def copy_rows(
    connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> int:
    """COPY rows into `schema.table` inside the caller's transaction; return how many."""
    target = composed.SQL("copy {} ({}) from stdin").format(
        composed.Identifier(*table.split(".")),
        composed.SQL(", ").join(composed.Identifier(column) for column in columns),
    )
    count = 0
    with connection.cursor().copy(target) as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def alembic_config(dsn: str) -> "Config":
    """Alembic's settings for the OMS database, without an ini file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["dsn"] = dsn
    return config


def migrate(dsn: str, revision: str = "head") -> None:
    """Bring the OMS database to a revision; repeating it changes nothing."""
    from alembic import command

    command.upgrade(alembic_config(dsn), revision)


def sqlalchemy_url(dsn: str) -> "URL":
    """The same server for SQLAlchemy, whichever form the connection string has."""
    from sqlalchemy.engine import URL

    return URL.create("postgresql+psycopg", query=dict(psycopg.conninfo.conninfo_to_dict(dsn)))

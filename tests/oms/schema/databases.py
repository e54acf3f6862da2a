"""What a database consists of, as pg_dump and the catalogues say it."""

import gzip
import re
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from sandbox import postgres

INSTALLATION = Path(__file__).with_name("installation_0076.sql.gz")
"""A dump of an installation from before the migrations were squashed, with data; made by
`pg_dump --inserts --no-owner --no-privileges`."""
RELEASED = Path(__file__).with_name("released.txt")
"""Functions and views of the release before. With a release, write it anew:
`PYTHONPATH=include python -m tests.oms.schema.databases DSN` for a database of that release."""


def schema_of(dsn: str) -> list[str]:
    """The statements that make the schema, sorted."""
    command = [postgres.binary_dir() / "pg_dump", "--schema-only", "--no-owner", dsn]
    dump = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    statements = re.sub(r"^(--|\\).*$", "", dump, flags=re.MULTILINE).split(";\n\n")
    return sorted(one.strip() for one in statements if one.strip())


def restore_installation(dsn: str) -> None:
    """Fill an empty database with the installation of before."""
    with psycopg.connect(dsn) as conn:
        conn.execute(gzip.decompress(INSTALLATION.read_bytes()).decode())


def rows_of(conn: psycopg.Connection) -> dict[str, list[str]]:
    """The rows of every table, as texts of their values by column name."""
    tables = conn.execute(
        """select relname from pg_class
            where relnamespace = 'oms'::regnamespace and relkind = 'r'
              and relname not in ('alembic_version', 'schema_file')"""
    ).fetchall()
    query = "select to_jsonb(one) from {} as one"
    return {
        name: [row for (row,) in conn.execute(sql.SQL(query).format(sql.Identifier("oms", name)))]
        for (name,) in tables
    }


def offered(conn: psycopg.Connection) -> set[str]:
    """Functions with arguments and result, and views with their columns: what code of a release relies on."""
    with conn.transaction():
        conn.execute("set local search_path = ''")
        found = conn.execute(
            """select format('%s %s -> %s', case prokind when 'p' then 'procedure' else 'function' end,
                             pg_proc.oid::regprocedure, coalesce(pg_get_function_result(pg_proc.oid), ''))
                 from pg_proc
                where pronamespace = 'oms'::regnamespace
                  and prorettype <> 'trigger'::regtype
                union all
               select format('column %s.%s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod))
                 from pg_attribute
                 join pg_class on pg_class.oid = attrelid
                where relnamespace = 'oms'::regnamespace
                  and relkind = 'v'
                  and attnum > 0"""
        )
        return {one for (one,) in found}


def main(dsn: str) -> None:
    """Note what the release of this database offers."""
    with psycopg.connect(dsn) as conn:
        RELEASED.write_text("".join(f"{one}\n" for one in sorted(offered(conn))))


if __name__ == "__main__":
    import sys

    main(sys.argv[1])

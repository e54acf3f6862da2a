"""Runs the SQL file of a migration on Alembic's connection."""

from pathlib import Path

from alembic import op


def run_sql_file(name: str) -> None:
    """Execute one file of this folder, statements, functions and percent signs as they stand."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    op.get_bind().connection.dbapi_connection.execute(text)

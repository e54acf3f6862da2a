"""Cells of our exports as they were written, full-width signs and semicolons included."""

from oms.migrations.run_sql import run_sql_file

revision = "0062"
down_revision = "0065"


def upgrade() -> None:
    run_sql_file("0062_harmless_cells.sql")

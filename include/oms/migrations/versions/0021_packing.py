"""Packed orders deplete their store at once, and the POS is told once."""

from oms.migrations.run_sql import run_sql_file

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    run_sql_file("0021_packing.sql")

"""Levels are compared alone, and taken off where their location has lost its last facility."""

from oms.migrations.run_sql import run_sql_file

revision = "0045"
down_revision = "0051"


def upgrade() -> None:
    run_sql_file("0045_levels_alone.sql")

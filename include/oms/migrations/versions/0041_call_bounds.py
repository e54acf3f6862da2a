"""Calls keep positions within the range of figures."""

from oms.migrations.run_sql import run_sql_file

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    run_sql_file("0041_call_bounds.sql")

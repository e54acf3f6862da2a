"""Figures of a past instant from the index alone."""

from oms.migrations.run_sql import run_sql_file

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    run_sql_file("0012_past_figures.sql")

"""Kits and foreign queues in the figures."""

from oms.migrations.run_sql import run_sql_file

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    run_sql_file("0024_kit_figures.sql")

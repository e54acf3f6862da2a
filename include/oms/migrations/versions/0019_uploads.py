"""Shops are told at once of what a warehouse upload moved."""

from oms.migrations.run_sql import run_sql_file

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    run_sql_file("0019_uploads.sql")

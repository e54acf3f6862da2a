"""Refused lines that were said again are no longer open."""

from oms.migrations.run_sql import run_sql_file

revision = "0061"
down_revision = "0060"


def upgrade() -> None:
    run_sql_file("0061_said_again.sql")

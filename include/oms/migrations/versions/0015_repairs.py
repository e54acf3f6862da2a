"""A refused line is repaired once, and the repair names it."""

from oms.migrations.run_sql import run_sql_file

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    run_sql_file("0015_repairs.sql")

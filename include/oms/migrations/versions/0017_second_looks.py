"""Imports of orders, what was learned beside them, units that nobody takes in; books of on_hand."""

from oms.migrations.run_sql import run_sql_file

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    run_sql_file("0017_second_looks.sql")

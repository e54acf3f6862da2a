"""A count can be undone with its moment."""

from oms.migrations.run_sql import run_sql_file

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    run_sql_file("0034_count_moments.sql")

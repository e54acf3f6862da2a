"""Which facility's stock has moved goes with the bell of the push jobs."""

from oms.migrations.run_sql import run_sql_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql_file("0004_bells.sql")

"""Files that land together share tables and the lock of their lander."""

from oms.migrations.run_sql import run_sql_file

revision = "0053"
down_revision = "0061"


def upgrade() -> None:
    run_sql_file("0053_small_files.sql")

"""Due looks by index."""

from oms.migrations.run_sql import run_sql_file

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    run_sql_file("0030_due_looks.sql")

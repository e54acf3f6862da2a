"""A person may give up a recorded file."""

from oms.migrations.run_sql import run_sql_file

revision = "0064"
down_revision = "0056"


def upgrade() -> None:
    run_sql_file("0064_discarded_exports.sql")

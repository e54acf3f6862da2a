"""One pattern for moments, in files and elsewhere."""

from oms.migrations.run_sql import run_sql_file

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    run_sql_file("0033_moment_of.sql")

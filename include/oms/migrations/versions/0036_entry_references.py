"""What ledger entries name is checked by statement, not by row."""

from oms.migrations.run_sql import run_sql_file

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    run_sql_file("0036_entry_references.sql")

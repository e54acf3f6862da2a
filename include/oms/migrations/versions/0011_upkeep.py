"""House-keeping, and the recognition of a restored database."""

from oms.migrations.run_sql import run_sql_file

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run_sql_file("0011_upkeep.sql")

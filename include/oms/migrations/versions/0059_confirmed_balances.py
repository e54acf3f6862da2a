"""What balances without a moment have found right."""

from oms.migrations.run_sql import run_sql_file

revision = "0059"
down_revision = "0066"


def upgrade() -> None:
    run_sql_file("0059_confirmed_balances.sql")

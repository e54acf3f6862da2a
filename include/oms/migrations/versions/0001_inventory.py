"""Master data, ledger, imports, orders as far as stock needs them, and the books."""

from oms.migrations.run_sql import run_sql_file

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql_file("0001_inventory.sql")

"""The inventory item from which a line of an order was sold."""

from oms.migrations.run_sql import run_sql_file

revision = "0073"
down_revision = "0057"


def upgrade() -> None:
    run_sql_file("0073_sold_items.sql")

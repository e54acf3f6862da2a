"""States of orders with a history."""

from oms.migrations.run_sql import run_sql_file

revision = "0086"
down_revision = "0085"


def upgrade() -> None:
    run_sql_file("0086_order_events.sql")

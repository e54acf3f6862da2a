"""Open messages are found in the order of their planning."""

from oms.migrations.run_sql import run_sql_file

revision = "0085"
down_revision = "0093"


def upgrade() -> None:
    run_sql_file("0085_outbox_order.sql")

"""Shipments, their items and what was received of them."""

from oms.migrations.run_sql import run_sql_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql_file("0007_shipments.sql")

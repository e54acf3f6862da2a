"""Deliveries of topics that no job works off."""

from oms.migrations.run_sql import run_sql_file

revision = "0066"
down_revision = "0062"


def upgrade() -> None:
    run_sql_file("0066_unread_webhooks.sql")

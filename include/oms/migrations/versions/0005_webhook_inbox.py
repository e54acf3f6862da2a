"""Webhooks wait in an inbox until a job takes them in."""

from oms.migrations.run_sql import run_sql_file

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_sql_file("0005_webhook_inbox.sql")

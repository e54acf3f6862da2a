"""One outbox for all that Shopify or a person is told."""

from oms.migrations.run_sql import run_sql_file

revision = "0082"
down_revision = "0076"


def upgrade() -> None:
    run_sql_file("0082_outbox.sql")

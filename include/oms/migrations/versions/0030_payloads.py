"""The frozen text of a call to Shopify is made where its lines are."""

from oms.migrations.run_sql import run_sql_file

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    run_sql_file("0030_payloads.sql")

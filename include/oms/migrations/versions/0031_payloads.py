"""The frozen text of a call to Shopify is made where its lines are."""

from oms.migrations.run_sql import run_sql_file

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    run_sql_file("0031_payloads.sql")

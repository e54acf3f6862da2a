"""What Shopify tells of its own stock: how far it was taken in, and how it differs from ours."""

from oms.migrations.run_sql import run_sql_file

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_sql_file("0010_levels_from_shop.sql")

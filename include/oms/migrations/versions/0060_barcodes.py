"""Kinds of barcodes find each other."""

from oms.migrations.run_sql import run_sql_file

revision = "0060"
down_revision = "0046"


def upgrade() -> None:
    run_sql_file("0060_barcodes.sql")

"""Restocks that are received and shown in the shop at a set time."""

from oms.migrations.run_sql import run_sql_file

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    run_sql_file("0027_restock.sql")

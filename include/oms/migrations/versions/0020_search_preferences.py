"""Stored choices of products, and files on their way out."""

from oms.migrations.run_sql import run_sql_file

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    run_sql_file("0020_search_preferences.sql")

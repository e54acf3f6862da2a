"""Feeds: files that are expected at a time."""

from oms.migrations.run_sql import run_sql_file

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    run_sql_file("0023_feeds.sql")

"""Minutes of a feed are bounded."""

from oms.migrations.run_sql import run_sql_file

revision = "0063"
down_revision = "0041"


def upgrade() -> None:
    run_sql_file("0063_feed_minutes.sql")

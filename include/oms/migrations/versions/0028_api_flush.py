"""A call of the API asks about its token in its one round trip, and waits for the disk only once."""

from oms.migrations.run_sql import run_sql_file

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    run_sql_file("0028_api_flush.sql")

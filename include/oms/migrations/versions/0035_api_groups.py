"""Single calls of the API that come together go to the database together."""

from oms.migrations.run_sql import run_sql_file

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    run_sql_file("0035_api_groups.sql")

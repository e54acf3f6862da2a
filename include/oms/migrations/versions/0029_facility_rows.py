"""Files that have set a facility are found by the facility."""

from oms.migrations.run_sql import run_sql_file

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    run_sql_file("0029_facility_rows.sql")

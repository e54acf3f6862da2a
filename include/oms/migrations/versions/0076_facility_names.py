"""Facilities are found whatever the Unicode form of their ids."""

from oms.migrations.run_sql import run_sql_file

revision = "0076"
down_revision = "0073"


def upgrade() -> None:
    run_sql_file("0076_facility_names.sql")

"""Drift reports list the active locations that receive no figures of ours."""

from oms.migrations.run_sql import run_sql_file

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    run_sql_file("0046_unserved_locations.sql")

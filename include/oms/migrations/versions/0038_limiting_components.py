"""A component that nobody counts limits no kit."""

from oms.migrations.run_sql import run_sql_file

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    run_sql_file("0038_limiting_components.sql")

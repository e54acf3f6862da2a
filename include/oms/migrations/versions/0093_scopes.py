"""An urgent file waits for older ones about the same, whatever its rows are about."""

from oms.migrations.run_sql import run_sql_file

revision = "0093"
down_revision = "0084"


def upgrade() -> None:
    run_sql_file("0093_scopes.sql")

"""What `why` needs: the history of a position from one index, and when entries became visible."""

from oms.migrations.run_sql import run_sql_file

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_sql_file("0006_why.sql")

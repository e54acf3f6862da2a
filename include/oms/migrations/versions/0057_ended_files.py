"""Lines of a file that was refused as a whole are not open."""

from oms.migrations.run_sql import run_sql_file

revision = "0057"
down_revision = "0053"


def upgrade() -> None:
    run_sql_file("0057_ended_files.sql")

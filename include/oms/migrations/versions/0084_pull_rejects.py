"""Records of a shop that a pull could not take in."""

from oms.migrations.run_sql import run_sql_file

revision = "0084"
down_revision = "0083"


def upgrade() -> None:
    run_sql_file("0084_pull_rejects.sql")

"""Which server a connection leads to, and which one a file came from."""

from oms.migrations.run_sql import run_sql_file

revision = "0048"
down_revision = "0059"


def upgrade() -> None:
    run_sql_file("0048_sftp_servers.sql")

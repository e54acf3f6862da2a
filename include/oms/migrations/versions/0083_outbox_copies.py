"""A restored or copied database sends no message."""

from oms.migrations.run_sql import run_sql_file

revision = "0083"
down_revision = "0082"


def upgrade() -> None:
    run_sql_file("0083_outbox_copies.sql")

"""Lines of ERP documents are booked once, in whatever file they come."""

from oms.migrations.run_sql import run_sql_file

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_sql_file("0009_documents.sql")

"""A restock knows its file as long as that lies in the folder."""

from oms.migrations.run_sql import run_sql_file

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    run_sql_file("0037_restock_files.sql")

"""What the import of a shop's catalogue needs."""

from oms.migrations.run_sql import run_sql_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql_file("0003_catalogue.sql")

"""Three digits behind a separator may be thousands or decimals."""

from oms.migrations.run_sql import run_sql_file

revision = "0056"
down_revision = "0063"


def upgrade() -> None:
    run_sql_file("0056_decimal_separators.sql")

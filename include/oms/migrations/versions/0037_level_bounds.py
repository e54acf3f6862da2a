"""Files that state changes keep positions within the range of figures."""

from oms.migrations.run_sql import run_sql_file

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    run_sql_file("0037_level_bounds.sql")

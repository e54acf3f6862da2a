"""Files that state changes keep positions within the range of figures."""

from oms.migrations.run_sql import run_sql_file

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    run_sql_file("0039_level_bounds.sql")

"""When the files that no job takes were named last."""

from oms.migrations.run_sql import run_sql_file

revision = "0051"
down_revision = "0048"


def upgrade() -> None:
    run_sql_file("0051_strays_named.sql")

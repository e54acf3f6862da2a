"""What a packed kit was made of."""

from oms.migrations.run_sql import run_sql_file

revision = "0065"
down_revision = "0064"


def upgrade() -> None:
    run_sql_file("0065_packed_parts.sql")

"""The mark of the kits keeps changes of products until it has seen them."""

from oms.migrations.run_sql import run_sql_file

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    run_sql_file("0032_oldest_mark.sql")

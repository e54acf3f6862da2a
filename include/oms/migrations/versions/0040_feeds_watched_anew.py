"""A feed that is described anew is watched from then on."""

from oms.migrations.run_sql import run_sql_file

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    run_sql_file("0040_feeds_watched_anew.sql")

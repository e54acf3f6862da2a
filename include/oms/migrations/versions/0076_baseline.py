"""Where numbered migrations begin: databases of an older revision migrate with an earlier release first."""

revision = "0076"
down_revision = None


def upgrade() -> None:
    """Nothing: a new database is made from the files of `oms.schema`."""

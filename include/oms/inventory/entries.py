"""The one way into the ledger: whoever moves stock says which rows, and they are written here."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql as composed

from oms.database import Connection, statements

sql = statements(__file__)

POSITION = ("inventory_item_id", "qoh_diff", "atp_diff")
"""Every entry names a position and says how many units join or leave it, on the shelf and for promises."""


def write(conn: Connection, rows: str, cause: Sequence[str], values: Mapping[str, Any] | None = None) -> int:
    """Write the rows that a statement selects, in the caller's transaction; return how many.

    It selects the columns of POSITION and then those of `cause`: why, from what and when.
    """
    columns = composed.SQL(", ").join(composed.Identifier(name) for name in (*POSITION, *cause))
    statement = composed.SQL(sql.write).format(columns=columns, rows=composed.SQL(rows))
    return conn.execute(statement, values).rowcount

"""The way into the book of a level: entries, append-only, unique by their cause (spec inventory.md 6.7)."""

from collections.abc import Mapping
from typing import Any

from psycopg import sql as composed

from oms.database import Connection, statements

sql = statements(__file__)

DOOR = "{into_book}"


def add(conn: Connection, statement: str, values: Mapping[str, Any]) -> int:
    """Run a statement that says {into_book} where it enters rows; return how many it entered.

    After the words come rows of shop, location, inventory item, kind, amount and the key of the cause.
    """
    if DOOR not in statement:
        raise ValueError(f"a statement that enters into the book says {DOOR}: {statement}")
    whole = composed.SQL(statement).format(into_book=composed.SQL(sql.into_book))
    return conn.execute(whole, values).rowcount

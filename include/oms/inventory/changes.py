"""Products whose figures may have moved without a ledger entry; pushes take them as recent changes."""

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import sql as composed

from oms.database import Connection, statements

sql = statements(__file__)

DOOR = "{into_changes}"


def note(conn: Connection, products: Iterable[int], cause: str) -> None:
    """Note products as changed, each once."""
    add(conn, sql.note, {"products": sorted(set(products)), "cause": cause})


def add(conn: Connection, statement: str, values: Mapping[str, Any]) -> int:
    """Run a statement that says {into_changes} where it notes rows of product and cause; return how many."""
    if DOOR not in statement:
        raise ValueError(f"a statement that notes changed products says {DOOR}: {statement}")
    whole = composed.SQL(statement).format(into_changes=composed.SQL(sql.into_changes))
    return conn.execute(whole, values).rowcount

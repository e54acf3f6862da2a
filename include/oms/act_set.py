"""The order items that one act is about, as a set in a temporary table of the session.

Who conducts (oms.orders) puts them there under lock, refuses what cannot be and decides what each item moves;
the instruments below (reservations, books) read from the table and know no order. One item is a set of one.
"""

from dataclasses import dataclass

from oms.database import Connection, statements

sql = statements(__file__)

ALREADY = "ALREADY"
"""The verdict on an item for which it is so already: nothing happens to it, and it is not refused."""
MANY = 500
"""From so many items on the planner is told how many there are."""


@dataclass(frozen=True)
class Refused:
    """An item that an act left as it was, and why: a code for programs, a sentence for people."""

    order_id: int
    order_item_seq: int
    code: str
    message: str


def empty(conn: Connection) -> None:
    """Have an empty set in this transaction."""
    conn.execute(sql.make)
    conn.execute(sql.empty)


def filled(conn: Connection, count: int) -> None:
    """Tell the planner of a large set."""
    if count >= MANY:
        conn.execute("analyze pg_temp.act_item")


def refused(conn: Connection) -> list[Refused]:
    """Return the items refused so far, in order."""
    return [Refused(*row) for row in conn.execute(sql.refused)]


def units(conn: Connection) -> int:
    """Return the units of all items that the act was about."""
    return conn.execute(sql.units).fetchone()[0]

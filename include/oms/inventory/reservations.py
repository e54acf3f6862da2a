"""Reservations of order items, and ledger entries of units that orders hold, release, take or bring back.

Every function is about the order items of the act set (oms.act_set). A kit reserves its components beside
itself (spec inventory.md 2.5, 5.12). Positions are locked by facility, product and location.
"""

from oms import act_set
from oms.database import Connection, statements
from oms.inventory import changes, entries

sql = statements(__file__)

ORDER_ITEM = ("order_id", "order_item_seq", "source_key")


def refuse_virtual(conn: Connection) -> None:
    """Refuse items for which a facility is asked that does not exist or holds no stock."""
    conn.execute(sql.refuse_virtual)


def hold(conn: Connection) -> None:
    """Reserve `reserved` units of each item at the facility asked for; `enter` follows."""
    add_positions(conn)
    _find(conn, sql.find_places)
    conn.execute(sql.hold)


def hold_again(conn: Connection) -> None:
    """Reserve units again that were issued, where they had been reserved; `enter` follows."""
    _find(conn, sql.find_issued)
    conn.execute(sql.hold)


def find(conn: Connection) -> None:
    """Find the positions at which the items are reserved; `enter` follows."""
    _find(conn, sql.find_reserved)


def enter(conn: Connection, event: str) -> None:
    """Enter what the act moves, `qoh` and `atp`, at each position that was found or reserved."""
    conn.execute(sql.lock_positions)
    entries.write(conn, sql.enter, ORDER_ITEM, {"event": event})


def _find(conn: Connection, statement: str) -> None:
    conn.execute(sql.make_parts)
    conn.execute(sql.empty_parts)
    if conn.execute(statement).rowcount >= act_set.MANY:
        conn.execute("analyze pg_temp.act_part")


def shrink(conn: Connection) -> None:
    """Reserve `units` less of each item, of a kit's components in their proportion."""
    conn.execute(sql.shrink)
    conn.execute(sql.drop, {"whole": False})


def drop(conn: Connection) -> None:
    """Give the reservations of the items up."""
    conn.execute(sql.drop, {"whole": True})


def hand_over(conn: Connection) -> None:
    """Take units that were never reserved from the facility asked for: they were sold at a till."""
    add_positions(conn)
    entries.write(conn, sql.hand_over, ("reason_id", *ORDER_ITEM))


def receive_returns(conn: Connection) -> None:
    """Put `units` back at the facility asked for, once by the key asked; what is known is ALREADY so."""
    conn.execute(sql.leave_known_returns)
    add_positions(conn)
    entries.write(conn, sql.receive_returns, ("reason_id", *ORDER_ITEM))


def add_positions(conn: Connection) -> None:
    """Create the positions that the items need at the facility asked for."""
    conn.execute(sql.add_positions)


def note(conn: Connection, cause: str) -> None:
    """Note each product of the act set as changed, whatever the net effect."""
    changes.add(conn, sql.note, {"cause": cause})

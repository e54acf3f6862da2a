"""Which states orders, items and sales shipments have, and what has happened to an order (orders.md 1.2).

Nobody else sets a status. The moves allowed are the rows of oms.state_move; each move leaves an event, and so
do changes of the units of an item and of the facility where it stands. An event of a move that is not allowed
is refused by the database, with all that was done with it.
"""

from oms.database import Connection, statements

sql = statements(__file__)


def in_run(conn: Connection, run_id: str) -> None:
    """Let the events of this transaction name the run that causes them."""
    conn.execute(sql.in_run, {"run_id": run_id})


def complete(conn: Connection, cause: str) -> None:
    """The items of the act set are handed over."""
    conn.execute(sql.complete_items, {"cause": cause})


def cancel(conn: Connection, cause: str) -> None:
    """Items of the act set of which nothing is left are cancelled; what was shipped cannot be taken back."""
    conn.execute(sql.cancel_items, {"cause": cause})


def finish_orders(conn: Connection, cause: str) -> None:
    """Orders of the act set of which no item is open any more are completed or cancelled (T-CAN-05, 06)."""
    conn.execute(sql.finish_orders, {"cause": cause})


def move_shipment(conn: Connection, shipment_id: int, state: str, cause: str) -> None:
    """A sales shipment is shipped, or unpacked again."""
    conn.execute(sql.move_shipment, {"shipment_id": shipment_id, "state": state, "cause": cause})


def note_quantities(conn: Connection, cause: str) -> None:
    """Note how many units of the items of the act set are left."""
    conn.execute(sql.note_quantities, {"cause": cause})


def stand_at(conn: Connection, cause: str) -> None:
    """The items of the act set stand in the ship group of the facility asked for."""
    conn.execute(sql.stand_at)
    conn.execute(sql.note_facilities, {"cause": cause})

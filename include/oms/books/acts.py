"""Acts of Shopify that were taken in, and facts learned of a level (spec inventory.md 6.7).

Both are about the order items of the act set. An act is booked at the location where Shopify holds the
units, also for a level that was never compared. Events that change what Shopify shows and holds by unlike
amounts are facts learned: a drift that was seen before one of them is not acted on.
"""

from oms.database import Connection, statements

sql = statements(__file__)


def book(conn: Connection, event: str) -> None:
    """Book what an event does to available and, where the book counts that, to on_hand."""
    conn.execute(sql.book, {"event": event})


def book_sales(conn: Connection) -> None:
    """Book what Shopify took from the levels when it sold the items; once for an item."""
    conn.execute(sql.book_sales)


def book_refunds(conn: Connection) -> None:
    """Book what came back with a refund, once by its key; who is known or has no level is ALREADY so."""
    conn.execute(sql.book_refunds)


def learn(conn: Connection) -> None:
    """Note what was learned of the items' levels, at the location asked for or where Shopify holds them."""
    conn.execute(sql.learn)

"""Checks the sums that must hold at every commit: positions, books and reservations (architecture.md 8)."""

from dataclasses import dataclass

from oms.database import Connection, statements

sql = statements(__file__)

RULES = {
    "position = sum of its ledger": sql.positions_off,
    "book = sum of its entries": sql.books_off,
    "reservations are of open items and not more than they have open": sql.reservations_off,
    "rejected lines of finished files are kept": sql.rejects_off,
    "accepted units of receipts are in the ledger": sql.receipts_off,
}


@dataclass(frozen=True)
class Breach:
    """One place where a rule does not hold: what it is, what stands there and what should."""

    rule: str
    what: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.what} is {self.found}, should be {self.expected}"


def breaches(conn: Connection) -> list[Breach]:
    """Every breach of the rules, in one snapshot per rule; empty if all is well."""
    return [Breach(rule, *row) for rule, query in RULES.items() for row in conn.execute(query).fetchall()]

"""What balances without asOf have found right: a count from before them is STALE (inventory.md 6.8).

A balance that changes something leaves an entry with its moment. One that changes nothing leaves a bit for
each position that it names, so that a daily file of a million rows takes some kilobytes.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from psycopg import sql as composed

from oms.database import Connection, copy_rows, statements

sql = statements(__file__)

BLOCK = 1 << 15
"""Products of one row."""
COLUMNS = ("log_id", "facility_id", "location_seq_id", "block", "products")
ARRAY_HEAD = 20
"""Bytes before the elements of an array of one dimension in Postgres' binary form."""

Block = tuple[str, str, int, bytes]
"""Facility, location, number of the block, and a bit for each product."""


def keep_named(
    conn: Connection, log_id: int | None, rows: composed.Composable, condition: composed.Composable
) -> None:
    """Keep which positions these rows name."""
    query = composed.SQL(sql.named).format(rows=rows, condition=condition)
    found = conn.cursor(binary=True).execute(query).fetchall()
    keep(conn, log_id, ((*place, _bits(elements(array, 4))) for *place, array in found))


def blocks(facility_id: str, location_seq_id: str, product_ids: np.ndarray) -> Iterator[Block]:
    """The blocks of products, given in ascending order, at one place."""
    numbers, starts = np.unique(product_ids // BLOCK, return_index=True)
    for number, own in zip(numbers.tolist(), np.split(product_ids, starts[1:]), strict=True):
        yield facility_id, location_seq_id, number, _bits(own % BLOCK)


def keep(conn: Connection, log_id: int | None, named: Iterable[Block]) -> None:
    """Keep blocks of positions that a balance of now has named."""
    copy_rows(conn, "oms.confirmed_balance", COLUMNS, ((log_id, *block) for block in named))


def elements(array: bytes, width: int) -> np.ndarray:
    """The elements of an array of integers of so many bytes, without nulls, as Postgres sends it."""
    kind = np.dtype([("length", ">i4"), ("value", f">i{width}")])
    return np.frombuffer(array, kind, offset=ARRAY_HEAD)["value"]


def _bits(places: np.ndarray) -> bytes:
    flags = np.zeros(BLOCK, np.uint8)
    flags[places] = 1
    return np.packbits(flags, bitorder="little").tobytes().rstrip(b"\0")

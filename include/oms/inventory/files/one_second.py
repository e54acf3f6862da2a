"""Warns of resets of one second that set the same position: only their names tell which came last."""

import logging

import psycopg

from oms.database import Connection, statements
from oms.imports.staging import filled, resolved_table

log = logging.getLogger(__name__)
sql = statements(__file__)


def warn(conn: Connection, log_ids: list[int]) -> None:
    """Say which of these files, all landed, share their second and a position with another one.

    `conn` is in autocommit mode.
    """
    for (of_one_second,) in conn.execute(sql.seconds, {"log_ids": log_ids}).fetchall():
        conn.execute(sql.begin)
        for log_id in of_one_second:
            _note_positions(conn, log_id)
        if collision := conn.execute(sql.collisions).fetchone():
            product, facility, positions, names = collision
            log.warning(
                "%s were written in the same second and set the same %s, such as %s at %s: they are applied "
                "in this order, the last figure stays; check it, and let the sender write them seconds apart",
                " and ".join(names),
                "position" if positions == 1 else f"{positions:,} positions",
                product,
                facility,
            )
        conn.execute(sql.end)


def _note_positions(conn: Connection, log_id: int) -> None:
    try:
        filled(conn, sql.note_staged, {"log_id": log_id}, rows=resolved_table(log_id))
    except psycopg.errors.UndefinedTable:
        conn.execute(sql.note_applied, {"log_id": log_id})

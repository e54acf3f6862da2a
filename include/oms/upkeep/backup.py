"""Backup and restore with PostgreSQL's own tools, and the first steps of a restored database.

Numbers of transactions mean nothing in another cluster, and what was pushed after the backup is not in its
books. So a restored or copied database is recognised (oms.is_restored) and pushes nothing until
`after_restore` has let marks and books start over: the next hard sync opens them from what the shop shows.
"""

import logging
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import conninfo
from psycopg import sql as composed

from oms import crashpoints
from oms.database import Connection, connect, statements
from oms.errors import NeedsPerson

sql = statements(__file__)
log = logging.getLogger(__name__)

STARTED_OVER = crashpoints.register("restore.started_over", "all is rewritten, nothing is committed yet")

KEYWORDS = {"dbname": "PGDATABASE", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"}


class ToolMissing(NeedsPerson, ValueError):
    """pg_dump or pg_restore is not installed, or refused; the message says what to do."""


class NotEmpty(NeedsPerson, ValueError):
    """The database to restore into has our schema already: nothing is overwritten."""


@dataclass(frozen=True)
class StartedOver:
    """What after_restore did."""

    entries: int
    """Rows, mostly ledger and book entries, whose transaction is now older than all marks."""
    levels: int
    """Books that the next comparison opens again."""
    batches: int
    """Calls without an answer that are given up: the next comparison sees what became of them."""
    messages: int
    """Messages of the outbox that may have been sent after the backup: their end is proven first."""


def backup(dsn: str, file: Path) -> None:
    """Write the whole OMS database as of one instant into a file that `restore` reads.

    The file appears under its name when it is complete. Raises ToolMissing.
    """
    part = file.with_name(f"{file.name}.part")
    _run("pg_dump", dsn, "--format=custom", "--no-owner", "--no-privileges", f"--file={part}")
    part.replace(file)


def restore(dsn: str, file: Path) -> None:
    """Restore a backup into an empty database, all or nothing. Raises NotEmpty, ToolMissing."""
    with connect(dsn) as conn:
        if conn.execute("select to_regnamespace('oms')").fetchone()[0] is not None:
            raise NotEmpty(f"{conn.info.dbname} has a schema oms: give an empty database")
    _run("pg_restore", dsn, "--exit-on-error", "--single-transaction", "--no-owner", "--dbname=", str(file))


def _run(tool: str, dsn: str, *arguments: str) -> None:
    path = shutil.which(tool)
    if path is None:
        raise ToolMissing(f"{tool} is not on the PATH: install the client programs of PostgreSQL")
    given = {name: str(value) for name, value in conninfo.conninfo_to_dict(dsn).items()}
    database = given.pop("dbname")
    settings = {KEYWORDS.get(name, f"PG{name.upper()}"): value for name, value in given.items()}
    told = [f"--dbname={database}" if one == "--dbname=" else one for one in arguments]
    done = subprocess.run(
        [path, *told],
        env=os.environ | settings | {"PGDATABASE": database},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ToolMissing(f"{tool} failed ({done.returncode}): {done.stderr.strip()[-2000:]}")


def is_restored(conn: Connection) -> bool:
    """Whether this is a restored or copied database that has not started over."""
    return conn.execute(sql.is_restored).fetchone()[0]


def after_restore(conn: Connection) -> StartedOver | None:
    """Let marks and books of a restored database start over; None if it is not one.

    One transaction, in autocommit mode; repeating it changes nothing. The history stays: each book gets an
    entry that empties it, and entries lose only the number of their transaction (their time is kept as
    recorded_at). Pushes work again afterwards; a DELTA location first asks for a hard sync.
    """
    with conn.transaction():
        conn.execute(sql.lock_out_others)
        if not is_restored(conn):
            return None
        entries = _forget_transactions(conn)
        conn.execute(sql.forget_commits)
        batches = conn.execute(sql.give_up_batches).rowcount
        conn.execute(sql.give_up_lines)
        doubted = conn.execute(sql.doubt_messages).rowcount
        levels = conn.execute(sql.empty_books).rowcount
        for statement in (
            sql.close_books,
            sql.forget_marks,
            sql.forget_kits,
            sql.forget_looks,
            sql.forget_comparisons,
        ):
            conn.execute(statement)
        crashpoints.point(STARTED_OVER)
    done = StartedOver(entries, levels, batches, doubted)
    log.info("%s", done)
    return done


def _forget_transactions(conn: Connection) -> int:
    """Make every transaction number of our tables older than all marks; return how many rows that were.

    The guards of append-only tables are off meanwhile, for nobody else and for nothing else.
    """
    special = {"inventory_ledger": sql.forget_transactions, "sync_book": sql.forget_book_transactions}
    generic = composed.SQL("update {} set {} = '3'")
    rows = 0
    for table, column, is_guarded in conn.execute(sql.columns_of_transactions).fetchall():
        if is_guarded:
            _guard(conn, table, "disable")
        update = generic.format(composed.Identifier("oms", table), composed.Identifier(column))
        rows += conn.execute(special.get(table, update)).rowcount
        if is_guarded:
            _guard(conn, table, "enable")
    return rows


def _guard(conn: Connection, table: str, verb: str) -> None:
    statement = "alter table {} " + verb + " trigger append_only"
    try:
        conn.execute(composed.SQL(statement).format(composed.Identifier("oms", table)))
    except psycopg.errors.InsufficientPrivilege as error:
        refusal = error.diag.message_primary
        raise ToolMissing(f"after-restore needs the owner of oms.{table}: {refusal}") from error

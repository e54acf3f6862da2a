"""The schema as it is: tables by topic, functions with their triggers, views; one file each.

A new database is made from these files. An older one gets its tables and data from the numbered
migrations; its functions and views are created anew wherever their file has changed. A test compares the two.

A function whose arguments, result or meaning change gets a new name, and the old one stays for one release,
so that processes of the release before go on working while the new one is rolled out.
"""

import hashlib
from pathlib import Path

import psycopg
from psycopg import sql as composed

from oms.database import Connection, statements
from oms.errors import NeedsPerson

sql = statements(str(Path(__file__).with_name("applying.sql")))

FOLDER = Path(__file__).parent
TABLES = (
    "facilities",
    "products",
    "reasons",
    "shops",
    "orders",
    "imports",
    "shipments",
    "inventory",
    "sync",
    "outbox",
)
"""In the order of their foreign keys."""

KINDS = ("functions", "views")
NOT_YET = (psycopg.errors.UndefinedFunction, psycopg.errors.UndefinedTable, psycopg.errors.UndefinedObject)


class SchemaUnknown(NeedsPerson, ValueError):
    """The database stands at a revision that this release does not know."""

    def __init__(self, revision: str, known: list[str]) -> None:
        remedy = (
            f"first migrate with a release that leads to {min(known)}"
            if revision < min(known)
            else "it is of a later release: use that one's code, or restore a backup of before"
        )
        super().__init__(
            f"the database stands at revision {revision}, this release knows {min(known)} to {max(known)}: "
            + remedy
        )


def create_tables(conn: Connection) -> None:
    """Fill an empty database: every table, with the rows that are always there."""
    conn.execute(sql.create_schemas)
    for topic in TABLES:
        conn.execute((FOLDER / "tables" / f"{topic}.sql").read_text(encoding="utf-8"))


def bring_up_to_date(conn: Connection, folder: Path = FOLDER) -> int:
    """Create anew every function and view whose file has changed; return how many.

    In the caller's transaction. A view whose columns change is dropped with what depends on it, and all that
    is created again. What another file must create first is tried again after it.
    """
    conn.execute(sql.keep_files)
    conn.execute(sql.check_no_bodies)
    files = {path.stem: path for kind in KINDS for path in sorted((folder / kind).glob("*.sql"))}
    done = 0
    while waiting := _changed(conn, files):
        left = [name for name in waiting if not _create(conn, name, files[name])]
        if len(left) == len(waiting):
            conn.execute(files[left[0]].read_text(encoding="utf-8"))  # raises what is wrong with it
        done += len(waiting) - len(left)
    return done


def _changed(conn: Connection, files: dict[str, Path]) -> list[str]:
    """Files that are not what was created last, or whose function or view is gone."""
    known = dict(conn.execute(sql.created).fetchall())
    return [name for name, path in files.items() if known.get(name) != _digest(path)]


def _create(conn: Connection, name: str, path: Path) -> bool:
    """Create what a file describes; False if something that it needs is not there yet."""
    text = path.read_text(encoding="utf-8")
    try:
        with conn.transaction():
            conn.execute(text)
    except psycopg.errors.InvalidTableDefinition:  # other columns
        view = composed.Identifier("oms", name)
        conn.execute(composed.SQL("drop view {} cascade").format(view))
        conn.execute(text)
    except NOT_YET:
        return False
    conn.execute(sql.note, {"name": name, "digest": _digest(path)})
    return True


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

"""The command for files that could not be written: `python -m oms exports --help`."""

import argparse
import getpass
import sys

from oms import database, exports
from oms.exports import sql
from oms.fulfillment import depletion
from oms.inventory import thresholds

FORGET = {
    depletion.DAG_ID: depletion.forget,
    thresholds.DAG_ID: thresholds.forget,
}
"""How each job takes back that a file of it has told something, so that the next run tells it."""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add `exports` to the commands of the OMS."""
    parser = commands.add_parser(
        "exports",
        help="files for others that wait to be written: list them, give one up",
        description="Without a decision: lists the files that are recorded and not on their server yet. A "
        "file that is given up is never written; what it was to tell stands in the next file of its job.",
    )
    parser.add_argument("--discard", type=int, metavar="ID", help="give up this file")
    parser.add_argument("--reason", metavar="TEXT", help="why, for the record")
    parser.add_argument("--dry-run", action="store_true", help="show what would be given up, write nothing")
    parser.set_defaults(run=_exports)


def _exports(dsn: str, given: argparse.Namespace) -> int:
    with database.connect(dsn, autocommit=True) as conn:
        if given.discard is None:
            return _list(conn)
        return _discard(conn, given)


def _list(conn: database.Connection) -> int:
    waiting = conn.execute(sql.all_waiting).fetchall()
    for export_id, dag_id, resource, path, rows, recorded_at in waiting:
        print(f"{export_id:>6}  {recorded_at:%Y-%m-%d %H:%M} UTC  {dag_id}  {rows} rows  {resource}:{path}")
    print("1 file waits" if len(waiting) == 1 else f"{len(waiting)} files wait")
    return 1 if waiting else 0


def _discard(conn: database.Connection, given: argparse.Namespace) -> int:
    waiting = {row[0]: row for row in conn.execute(sql.all_waiting)}
    if given.discard not in waiting:
        print(f"no file {given.discard} waits: it is written, given up, or there is none", file=sys.stderr)
        return 1
    _, dag_id, resource, path, rows, _ = waiting[given.discard]
    with exports.one_at_a_time(conn, dag_id), conn.transaction(force_rollback=given.dry_run):
        done = exports.discard(conn, given.discard, by=getpass.getuser(), reason=given.reason)
        if done is None:
            print(f"file {given.discard} was written just now", file=sys.stderr)
            return 1
        FORGET[dag_id](conn, given.discard)
    would = "would give up" if given.dry_run else "gave up"
    print(f"{would} {resource}:{path}; the next run of {dag_id} tells its {rows} rows")
    return 0

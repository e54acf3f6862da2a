"""The commands of the OMS: `python -m oms --help`."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from oms import database, export_commands, outbox_commands, servers, shops
from oms.addresses import dsn_of_connection
from oms.api import commands as api
from oms.imports import rejects
from oms.imports.errors import UndoRefused
from oms.inventory import checking, figures, kits, receiving, undoing, why
from oms.products import identifying
from oms.restock import commands as restock
from oms.setup import applying
from oms.setup.errors import SetupRefused
from oms.setup.tables import column_tables
from oms.sync import commands as sync
from oms.upkeep import backup

VARIABLE = "AIRFLOW_CONN_OMS_DB"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code: 0 done, 1 the answer is no, 2 it could not be done."""
    parser = argparse.ArgumentParser(
        prog="python -m oms", description="Commands of the order management system."
    )
    parser.add_argument(
        "--dsn", help=f"address of the OMS database (default: {VARIABLE}, as an Airflow connection)"
    )
    commands = parser.add_subparsers(title="commands", required=True)
    _add_setup(commands)
    _add_migrate(commands)
    _add_online_atp(commands)
    _add_check(commands)
    _add_why(commands)
    _add_rejects(commands)
    _add_undo(commands)
    _add_receive(commands)
    _add_kits(commands)
    _add_identify(commands)
    _add_backup(commands)
    api.add_to(commands)
    restock.add_to(commands)
    sync.add_to(commands)
    export_commands.add_to(commands)
    outbox_commands.add_to(commands)
    servers.add_to(commands)
    given = parser.parse_args(arguments)
    run: Callable[[str, argparse.Namespace], int] = given.run
    try:
        dsn = given.dsn or dsn_of_connection(os.environ.get(VARIABLE, ""), VARIABLE)
        return run(dsn, given)
    except UnicodeDecodeError as error:
        print(f"the file is not UTF-8 (byte {error.start}): save it as CSV in UTF-8", file=sys.stderr)
    except (SetupRefused, ValueError, psycopg.OperationalError) as error:
        print(error, file=sys.stderr)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction) as error:
        print(f"{error.diag.message_primary}: run `python -m oms migrate` first", file=sys.stderr)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}" if error.filename else error, file=sys.stderr)
    return 2


def _add_setup(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "setup",
        help="enter and change stores, facilities, channels, shops and their locations from CSV files",
        description="Makes the master data what the CSV files of a folder say. All or nothing.",
        epilog="The files, all of them optional (a blank cell means the default):\n\n" + column_tables(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--dry-run", action="store_true", help="show what would change, write nothing")
    parser.add_argument(
        "--prune",
        action="store_true",
        help="end links, memberships and mappings that the files no longer name",
    )
    parser.set_defaults(run=_setup)


def _setup(dsn: str, given: argparse.Namespace) -> int:
    with database.transaction(dsn) as conn:
        report = applying.set_up(conn, given.folder, prune=given.prune)
        if given.dry_run:
            conn.rollback()
    for line in report.lines:
        print(line)
    print(("would be: " if given.dry_run else "") + report.summary)
    if given.dry_run:
        print("nothing is written (dry run)")
    return 0


def _add_migrate(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("migrate", help="bring the database to the newest schema")
    parser.set_defaults(run=_migrate)


def _migrate(dsn: str, given: argparse.Namespace) -> int:
    database.migrate(dsn)
    return 0


def _add_online_atp(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("online-atp", help="what a channel may promise of products, and why")
    parser.add_argument("skus", nargs="+", metavar="SKU")
    parser.add_argument("--group", default="FAC_GRP", help="the channel (default FAC_GRP)")
    parser.set_defaults(run=_online_atp)


def _online_atp(dsn: str, given: argparse.Namespace) -> int:
    with database.transaction(dsn) as conn:
        rows = figures.online_atp(conn, given.group, given.skus)
    print(f"{'SKU':<24} {'online':>8} {'facilities':>11} {'threshold':>10} {'queue':>6}  rule")
    for row in rows:
        print(
            f"{row.sku:<24} {row.online_atp:>8} {row.facility_sum:>11} {row.threshold:>10} {row.queue:>6}"
            f"  {row.reason or ''}"
        )
    unknown = [sku for sku in given.skus if sku not in {row.sku for row in rows}]
    for sku in unknown:
        print(f"{sku}: no product has this SKU", file=sys.stderr)
    return 1 if unknown else 0


def _add_check(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("check", help="check that positions, books and accounts add up")
    parser.set_defaults(run=_check)


def _check(dsn: str, given: argparse.Namespace) -> int:
    with database.transaction(dsn) as conn:
        found = checking.breaches(conn)
    for breach in found:
        print(breach, file=sys.stderr)
    print(f"{len(found)} breaches of {len(checking.RULES)} rules")
    return 1 if found else 0


def _add_why(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "why",
        help="the chain of entries behind the stock of a product at a facility, and what Shopify was told",
        description="Prints every entry with its cause; the exit code is 1 if the entries do not add up.",
    )
    parser.add_argument("identifier", metavar="SKU")
    parser.add_argument("facility", metavar="FACILITY", help="our id, or its id in the ERP or POS")
    parser.add_argument(
        "--at",
        type=moment,
        metavar="TIME",
        help="what anybody saw at this instant, such as 2026-01-31T06:00+09:00 (without a zone: UTC)",
    )
    parser.add_argument("--id-type", default="SKU", help="SKU, UPCA, ERP_ID, … or PRODUCT_ID (default SKU)")
    parser.add_argument("--storage", metavar="LOCATION", help="only this storage location of the facility")
    parser.add_argument("--shop", help="only what was pushed to this shop")
    parser.add_argument("--location", type=int, help="only what was pushed to this Shopify location (number)")
    parser.add_argument(
        "--last", type=int, default=why.SHOWN, metavar="N", help=f"entries to show (default {why.SHOWN})"
    )
    parser.set_defaults(run=_why)


def moment(text: str) -> datetime:
    """Read an ISO 8601 time; without a zone it is UTC. Raises ValueError."""
    given = datetime.fromisoformat(text)
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def _why(dsn: str, given: argparse.Namespace) -> int:
    with database.transaction(dsn) as conn:
        found = why.why(
            conn,
            given.identifier,
            given.facility,
            id_type=given.id_type,
            at=given.at,
            storage=given.storage,
            shop_id=given.shop,
            location=given.location,
            last=given.last,
        )
    print("\n".join(why.told(found)))
    return 0 if found.adds_up else 1


def _add_rejects(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "rejects",
        help="print the refused lines of a file, also so that a spreadsheet runs none of their cells",
        description="Prints the reject file of an import: its bytes, or a copy to look at in a spreadsheet.",
    )
    parser.add_argument("log_id", type=int, metavar="LOG_ID")
    parser.add_argument(
        "--for-spreadsheet",
        action="store_true",
        help="an apostrophe before each cell that a spreadsheet would run; correct the reject file itself",
    )
    parser.set_defaults(run=_rejects)


def _rejects(dsn: str, given: argparse.Namespace) -> int:
    with database.connect(dsn) as conn:
        for piece in rejects.printed(conn, given.log_id, for_spreadsheet=given.for_spreadsheet):
            sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    return 0


def _add_undo(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "undo",
        help="take back what a file has booked",
        description="Books for every entry of a file one that moves as much the other way. All or nothing.",
    )
    parser.add_argument("log_id", type=int, metavar="LOG_ID")
    parser.add_argument("--reason", help="why, for the record")
    parser.add_argument("--dry-run", action="store_true", help="show what would be taken back, write nothing")
    parser.set_defaults(run=_undo)


def _undo(dsn: str, given: argparse.Namespace) -> int:
    run_name = f"by hand {datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"
    with database.connect(dsn, autocommit=True) as conn:
        try:
            done = undoing.undo(
                conn, given.log_id, run_name=run_name, reason=given.reason, dry_run=given.dry_run
            )
        except UndoRefused as refused:
            print(refused, file=sys.stderr)
            return 1
        told_later = done.held_back_at and shops.to_serve(conn, None, ["DELTA"], done.held_back_at)
    print(done)
    if told_later:
        print(f"in DELTA mode the hard sync (upload_inventory) tells it to: {', '.join(told_later)}")
    return 0


def _add_backup(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("backup", help="write the whole OMS database into a file (pg_dump)")
    parser.add_argument("file", type=Path)
    parser.set_defaults(run=_backup)
    parser = commands.add_parser("restore", help="read a backup into an empty database (pg_restore)")
    parser.add_argument("file", type=Path)
    parser.set_defaults(run=_restore)
    parser = commands.add_parser(
        "after-restore",
        help="let marks and books of a restored database start over; until then nothing is pushed",
    )
    parser.set_defaults(run=_after_restore)


def _backup(dsn: str, given: argparse.Namespace) -> int:
    backup.backup(dsn, given.file)
    print(f"{given.file}: {given.file.stat().st_size:,} bytes")
    return 0


def _restore(dsn: str, given: argparse.Namespace) -> int:
    backup.restore(dsn, given.file)
    print("restored; nothing is pushed until `python -m oms after-restore` has run")
    return 0


def _after_restore(dsn: str, given: argparse.Namespace) -> int:
    with database.connect(dsn, autocommit=True) as conn:
        done = backup.after_restore(conn)
    if done is None:
        print("this database is not a restored one, or has started over already: nothing to do")
        return 0
    print(
        f"{done.levels:,} books start over, {done.batches:,} unanswered calls are given up, "
        f"{done.messages:,} messages may have been sent (`python -m oms outbox`); now drop again "
        "the files that were closed after the backup (archive/), run the order imports, then upload_inventory"
    )
    return 0


def _add_receive(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "receive",
        help="receive an incoming shipment: accepted units join the stock of its destination",
        description="Takes in one receipt, all or nothing. The same receipt again changes nothing.",
    )
    parser.add_argument("shipment", metavar="SHIPMENT", help="our id, or its id in the ERP")
    parser.add_argument("--type", help="IN_TRANSFER, PURCHASE_SHIPMENT, … where several have that id")
    parser.add_argument(
        "--receipt", type=int, default=1, metavar="N", help="number of the receipt (default 1)"
    )
    parser.add_argument(
        "--item",
        type=item_units,
        action="append",
        metavar="SEQ=ACCEPTED[/REJECTED]",
        help="units of one item; without any: all that is outstanding is accepted",
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be received, write nothing")
    parser.set_defaults(run=_receive)


def item_units(text: str) -> tuple[int, receiving.Units]:
    """Read an item of a receipt, such as 2=10/1. Raises ValueError."""
    seq, _, units = text.partition("=")
    accepted, _, rejected = units.partition("/")
    return int(seq), receiving.Units(int(accepted), int(rejected or 0))


def _receive(dsn: str, given: argparse.Namespace) -> int:
    with database.transaction(dsn) as conn:
        received = receiving.receive_shipment(
            conn,
            receiving.find_shipment(conn, given.shipment, given.type),
            receipt_no=given.receipt,
            items=dict(given.item) if given.item else None,
            received_by="python -m oms receive",
        )
        if given.dry_run:
            conn.rollback()
    for item in received.items:
        print(
            f"{item.shipment_item_seq:>4}  {item.sku:<24} {item.accepted:>6} accepted "
            f"{item.rejected:>6} rejected {item.outstanding:>6} outstanding of {item.quantity}"
        )
    what = f"receipt {received.receipt_no} of shipment {received.shipment_id} at {received.facility_id}"
    if not received.is_new:
        print(f"{what} was taken in before; nothing is written")
    elif given.dry_run:
        print(f"would take in {what}; nothing is written (dry run)")
    else:
        print(f"took in {what}")
    return 0


def _add_kits(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "kits",
        help="say what is in kits, from a CSV file",
        description="Makes the components of each kit named what the file says, all or nothing. Columns: "
        "kit_sku, component_sku, quantity (blank: 1).",
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--dry-run", action="store_true", help="check the file, write nothing")
    parser.set_defaults(run=_kits)


def _kits(dsn: str, given: argparse.Namespace) -> int:
    with given.file.open(encoding="utf-8-sig", newline="") as file:
        rows = kits.read_definitions(file)
    with database.transaction(dsn) as conn:
        changed = kits.define(conn, rows)
        if given.dry_run:
            conn.rollback()
    print(f"{changed} links between kits and components {'would change' if given.dry_run else 'changed'}")
    return 0


def _add_identify(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "identify",
        help="say by which ids an ERP knows products, from a CSV file",
        description="Makes the identifiers of the products and types named what the file says, all or "
        "nothing. Columns: sku, id_type (NETSUITE_PRODUCT_ID, ERP_ID, EAN, GTIN, ISBN, MODEL_NO), id_value.",
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--dry-run", action="store_true", help="check the file, write nothing")
    parser.set_defaults(run=_identify)


def _identify(dsn: str, given: argparse.Namespace) -> int:
    with given.file.open(encoding="utf-8-sig", newline="") as file:
        rows = identifying.read(file)
    with database.transaction(dsn) as conn:
        added, ended = identifying.identify(conn, rows)
        if given.dry_run:
            conn.rollback()
    would = "would be " if given.dry_run else ""
    print(f"{added:,} identifiers {would}added, {ended:,} {would}ended")
    return 0


if __name__ == "__main__":
    sys.exit(main())

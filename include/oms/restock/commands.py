"""The commands for scheduled restocks: `python -m oms restock --help`."""

import argparse
import getpass
import sys
from datetime import date
from pathlib import Path

from oms import database
from oms.restock import preparing
from oms.restock.errors import RestockRefused
from oms.restock.preparing import CHOICES, QUANTITY, SKU, Chosen


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add `restock` to the commands of the OMS."""
    parser = commands.add_parser(
        "restock", help="scheduled restocks: prepare, list, reschedule, items, cancel"
    )
    actions = parser.add_subparsers(title="actions", required=True)
    prepare = actions.add_parser(
        "prepare",
        help="make restocks of a CSV file",
        description=f"Columns: {', '.join((SKU, QUANTITY, *CHOICES.values()))}. An option counts instead of "
        "its column. Times are those of the product store.",
    )
    prepare.add_argument("file", type=Path, metavar="FILE")
    prepare.add_argument("--run-time", metavar="TIME", help="09:00 or '2026-12-01 09:00'")
    prepare.add_argument("--date", type=date.fromisoformat, metavar="DAY", help="day of times without one")
    prepare.add_argument("--facility", metavar="ID_OR_NAME")
    prepare.add_argument("--product-store", metavar="ID_OR_NAME")
    prepare.add_argument("--shop", metavar="ID_OR_NAME")
    prepare.add_argument("--name", metavar="NAME", help="what people call the restock")
    prepare.add_argument("--dry-run", action="store_true", help="show what would be prepared, write nothing")
    prepare.set_defaults(run=_prepare)
    listing = actions.add_parser("list", help="restocks that wait, or all of them")
    listing.add_argument("--all", action="store_true", help="those that are done or cancelled, too")
    listing.set_defaults(run=_list)
    reschedule = actions.add_parser("reschedule", help="give a restock that waits another time")
    reschedule.add_argument("shipment", type=int)
    reschedule.add_argument("run_time", metavar="TIME", help="09:00 or '2026-12-01 09:00'")
    reschedule.set_defaults(run=_reschedule)
    items = actions.add_parser("items", help="set units of products of a restock that waits")
    items.add_argument("shipment", type=int)
    items.add_argument("items", nargs="+", metavar="SKU=UNITS", help="0 takes a product out")
    items.set_defaults(run=_items)
    cancel = actions.add_parser("cancel", help="give up a restock that waits")
    cancel.add_argument("shipment", type=int)
    cancel.set_defaults(run=_cancel)


def _prepare(dsn: str, given: argparse.Namespace) -> int:
    chosen = Chosen(given.run_time, given.date, given.facility, given.product_store, given.shop, given.name)
    with database.transaction(dsn) as conn:
        content = given.file.read_bytes()
        prepared = preparing.prepare(conn, content, given.file.name, chosen, getpass.getuser())
        if given.dry_run:
            conn.rollback()
    for line in prepared.dropped:
        print(f"dropped: {line}", file=sys.stderr)
    for one in prepared.restocks:
        print(one if one.is_new else f"{one} (was there before)")
    if given.dry_run:
        print("nothing is written (dry run)")
    return 0


def _list(dsn: str, given: argparse.Namespace) -> int:
    with database.transaction(dsn) as conn:
        for one in preparing.listed(conn, None if given.all else ("PENDING", "RECEIVED")):
            print(one)
    return 0


def _reschedule(dsn: str, given: argparse.Namespace) -> int:
    with database.transaction(dsn) as conn:
        print(preparing.reschedule(conn, given.shipment, given.run_time))
    return 0


def _items(dsn: str, given: argparse.Namespace) -> int:
    wanted: dict[str, str] = {}
    for one in given.items:
        sku, equals, units = one.rpartition("=")
        if not equals:
            raise RestockRefused(f"{one!r} is not SKU=UNITS")
        wanted[sku] = units
    with database.transaction(dsn) as conn:
        print(preparing.change_items(conn, given.shipment, wanted))
    return 0


def _cancel(dsn: str, given: argparse.Namespace) -> int:
    with database.transaction(dsn) as conn:
        print(preparing.cancel(conn, given.shipment))
    return 0

"""The command for calls to a shop that nobody knows the end of: `python -m oms settle --help`."""

import argparse
import getpass
import sys
import uuid
from collections import Counter

from oms import database, shops
from oms.database import Connection
from oms.shopify.client import ShopifyClient
from oms.shopify.connections import client_for, login_of_environment, variable_of
from oms.shopify.errors import ShopifyError
from oms.sync import settling
from oms.sync.errors import SettleRefused, ShopBusy
from oms.sync.settling import Look, OpenBatch

SHOWN = 10
"""Lines of each batch in a list of several; a batch that is named shows all."""
SAYS = {True: "landed", False: "not landed", None: "neither"}


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add `settle` to the commands of the OMS."""
    parser = commands.add_parser(
        "settle",
        help="calls to a shop that nobody knows the end of: what to look at, and what a person decides",
        description="Without a decision: lists the calls without an answer, with what each level shows now. "
        "The exit code is 1 if a person has to decide. A location is left alone by all pushes until then.",
    )
    parser.add_argument("batch", nargs="?", type=uuid.UUID, metavar="BATCH", help="only this batch")
    parser.add_argument("--shop", metavar="SHOP", help="only batches of this shop")
    decision = parser.add_mutually_exclusive_group()
    decision.add_argument(
        "--landed",
        dest="landed",
        action="store_const",
        const=True,
        help="Shopify has applied the batch: its lines stay in the books, nothing is sent",
    )
    decision.add_argument(
        "--not-landed",
        dest="landed",
        action="store_const",
        const=False,
        help="Shopify has not: its lines leave the books, the next push sends what is missing then",
    )
    parser.add_argument("--reason", metavar="TEXT", help="why, for the record")
    parser.add_argument("--dry-run", action="store_true", help="show what would be decided, write nothing")
    parser.set_defaults(run=_settle)


def _settle(dsn: str, given: argparse.Namespace) -> int:
    if given.landed is not None and given.batch is None:
        raise ValueError("name the BATCH that --landed or --not-landed is said of")
    with database.connect(dsn, autocommit=True) as conn:
        try:
            if given.landed is None or given.dry_run:
                return _show(conn, given)
            _decide(conn, given)
        except (SettleRefused, ShopBusy) as refused:
            print(refused, file=sys.stderr)
            return 1
    return 0


def _decide(conn: Connection, given: argparse.Namespace) -> None:
    lines = settling.settle(conn, given.batch, landed=given.landed, by=getpass.getuser(), reason=given.reason)
    print(f"batch {given.batch}: {_consequence(given.landed, lines)}")


def _show(conn: Connection, given: argparse.Namespace) -> int:
    found = settling.open_batches(conn, given.shop, given.batch)
    if given.batch and not found:
        raise SettleRefused(f"batch {given.batch} has its answer, or there is none of this number")
    clients: dict[str, ShopifyClient | None] = {}
    for batch in found:
        if batch.shop_id not in clients:
            clients[batch.shop_id] = _client(conn, batch.shop_id)
        looks, landed = _look(conn, batch, clients[batch.shop_id])
        print("\n".join(_told(batch, looks, landed, len(looks) if given.batch else SHOWN)))
        if given.landed is not None:
            if not batch.is_old:
                raise SettleRefused("its key is still trusted: there is nothing to decide yet")
            print(f"would be decided: {_consequence(given.landed, len(looks))}; nothing is written (dry run)")
    waiting = Counter(batch.is_old for batch in found)
    print(f"{waiting[True]} batches wait for a person, {waiting[False]} for the next push")
    return 1 if waiting[True] and given.landed is None else 0


def _client(conn: Connection, shop_id: str) -> ShopifyClient | None:
    shop = shops.read(conn, shop_id)
    try:
        return client_for(shop, login_of_environment)
    except KeyError:
        missing = variable_of(shop.connection_id)
        print(f"shop {shop_id}: its figures of now are not read, {missing} is not set", file=sys.stderr)
        return None


def _look(conn: Connection, batch: OpenBatch, client: ShopifyClient | None) -> tuple[list[Look], bool | None]:
    try:
        return settling.look(conn, batch.batch_id, client)
    except ShopifyError as error:
        print(f"shop {batch.shop_id} cannot be read: {error}", file=sys.stderr)
        return settling.look(conn, batch.batch_id, None)


def _told(batch: OpenBatch, looks: list[Look], landed: bool | None, shown: int) -> list[str]:
    """Say of a batch what a person needs to decide."""
    when = f"{batch.first_sent_at:%Y-%m-%d %H:%M} to {batch.last_sent_at:%Y-%m-%d %H:%M} UTC"
    text = [
        f"shop {batch.shop_id}, batch {batch.batch_id}: {batch.status}, {batch.mode}, {len(looks)} lines, "
        f"{batch.attempts} calls from {when}, run {batch.run_id}"
    ]
    text += [f"  {batch.error_code}: {batch.error_message}"] if batch.error_code else []
    text.append(
        f"  {'location':<28} {'SKU':<24} {'delta':>6} {'shows':>7} {'landed':>7} {'not':>7}  the level says"
    )
    for look in looks[:shown]:
        place = f"{look.line.location_name} ({look.line.shopify_location_id})"
        figures = [look.shown, look.if_applied, None]
        if look.if_applied is not None:
            figures[2] = look.if_applied - look.line.delta
        columns = " ".join(f"{'?' if figure is None else figure:>7}" for figure in figures)
        says = "?" if look.shown is None else SAYS[look.verdict]
        text.append(f"  {place:<28} {look.line.sku:<24} {look.line.delta:>+6} {columns}  {says}")
    if len(looks) > shown:
        text.append(f"  and {len(looks) - shown} more: python -m oms settle {batch.batch_id}")
    if not batch.is_old:
        text.append(
            f"  Its key is trusted until {batch.key_until:%Y-%m-%d %H:%M} UTC: the next push asks Shopify."
        )
    elif landed is not None:
        text.append(f"  The levels tell that it has {SAYS[landed]}: the next push of the shop settles it.")
    else:
        text += [
            "  A batch is applied as a whole or not at all, so one product is enough. In the shop's admin",
            "  open its inventory, then the adjustment history at the location; look for the delta above,",
            f"  changed by our app from {when},",
            f"  with the reference {batch.reference}.",
            f"  It is there:  python -m oms settle {batch.batch_id} --landed",
            f"  It is not:    python -m oms settle {batch.batch_id} --not-landed",
        ]
    return text


def _consequence(landed: bool, lines: int) -> str:
    if landed:
        return f"landed; {lines} lines are APPLIED and stay in the books"
    return f"not landed; {lines} lines leave the books, the next push sends what is missing then"

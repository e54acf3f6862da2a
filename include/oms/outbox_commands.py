"""The command for messages to Shopify and to people: `python -m oms outbox --help`."""

import argparse
import getpass
import sys

from oms import database
from oms.shopify.outbox import deciding, mails, notes, refunds, tags  # noqa: F401 - registers the kinds
from oms.shopify.outbox.deciding import Listed
from oms.shopify.outbox.errors import DecisionRefused


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add `outbox` to the commands of the OMS."""
    parser = commands.add_parser(
        "outbox",
        help="messages to shops and people that are open or were refused: list, send again, give up",
        description="Without an action: lists what is open or was refused. The exit code is 1 if a person "
        "has to decide.",
    )
    parser.add_argument("--shop", metavar="SHOP", help="only messages to this shop")
    parser.set_defaults(run=_list)
    actions = parser.add_subparsers(title="actions")
    listing = actions.add_parser("list", help="the same as without an action")
    listing.add_argument(
        "--shop", metavar="SHOP", default=argparse.SUPPRESS, help="only messages to this shop"
    )
    resend = actions.add_parser(
        "resend",
        help="send a message again: by its proof where there is one, else as a copy",
        description="A message whose end can be proven is tried at once and never arrives twice. Of a mail, "
        "and of what was refused, a copy is sent: look first whether the old one has arrived.",
    )
    discard = actions.add_parser(
        "discard",
        help="give a message up, or say that it has arrived",
        description="Nothing is sent; what waited behind the message goes on.",
    )
    discard.add_argument("--landed", action="store_true", help="it has arrived: its end is DONE")
    for action, run in ((resend, _resend), (discard, _discard)):
        action.add_argument("number", type=int, metavar="NUMBER")
        action.add_argument("--reason", metavar="TEXT", help="why, for the record")
        action.set_defaults(run=run)


def _list(dsn: str, given: argparse.Namespace) -> int:
    with database.transaction(dsn) as conn:
        found = deciding.listed(conn, shop_id=given.shop)
    for message in found:
        print("\n".join(_told(message)))
    persons = sum(message.is_persons for message in found)
    print(f"{persons} messages wait for a person, {len(found) - persons} for the next run")
    return 1 if persons else 0


def _told(message: Listed) -> list[str]:
    """Say of a message what a person needs to decide."""
    to = "mail" if message.shop_id is None else f"shop {message.shop_id}"
    called = (
        f", {message.attempts} calls, the last {message.last_sent_at:%Y-%m-%d %H:%M} UTC"
        if message.last_sent_at
        else ""
    )
    text = [
        f"{message.number:>6}  {message.status:<8}  {to}  {message.kind}  {message.subject}"
        f"  (planned {message.planned_at:%Y-%m-%d %H:%M} UTC{called})"
    ]
    if message.error_code:
        text.append(f"        {message.error_code}: {message.error_message}")
    if message.behind:
        text.append(f"        {message.behind} messages wait behind it")
    if message.is_persons:
        text += [f"        {line}" for line in _advice(message)]
    return text


def _advice(message: Listed) -> list[str]:
    command = "python -m oms outbox"
    if not message.may_have_arrived:
        return [
            f"Correct the cause, then:  {command} resend {message.number}",
            f"Or give it up:            {command} discard {message.number}",
        ]
    return [
        f"It may have arrived ({message.message_id}). Look there:",
        f"It has:      {command} discard {message.number} --landed",
        f"It has not:  {command} resend {message.number}",
        f"Never mind:  {command} discard {message.number}",
    ]


def _resend(dsn: str, given: argparse.Namespace) -> int:
    try:
        with database.connect(dsn, autocommit=True) as conn:
            going = deciding.resend(
                conn, given.number, by=getpass.getuser(), run_id="by hand", reason=given.reason
            )
    except DecisionRefused as refused:
        print(refused, file=sys.stderr)
        return 1
    under = "" if going == given.number else f" as message {going}"
    print(f"message {given.number} is sent again{under} by the next run of its job")
    return 0


def _discard(dsn: str, given: argparse.Namespace) -> int:
    try:
        with database.connect(dsn, autocommit=True) as conn:
            deciding.discard(
                conn, given.number, by=getpass.getuser(), landed=given.landed, reason=given.reason
            )
    except DecisionRefused as refused:
        print(refused, file=sys.stderr)
        return 1
    print(f"message {given.number} {'has arrived' if given.landed else 'is given up'}; nothing is sent")
    return 0

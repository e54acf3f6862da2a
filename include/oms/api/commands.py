"""The commands for tokens: `python -m oms token --help`."""

import argparse
import sys

from oms import database
from oms.api import tokens


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add `token` to the commands of the OMS."""
    parser = commands.add_parser("token", help="bearer tokens of the HTTP API: create, list, revoke")
    actions = parser.add_subparsers(title="actions", required=True)
    create = actions.add_parser("create", help="make a token and print it, once")
    create.add_argument("client", metavar="NAME", help="the system that calls, such as pos-middleware")
    create.add_argument(
        "--scope",
        action="append",
        required=True,
        choices=tokens.SCOPES,
        help="what it may do; may be given several times",
    )
    create.add_argument("--expires", metavar="WHEN", help="90d, 2027-01-31 or a moment; default: never")
    create.set_defaults(run=_create_token)
    listing = actions.add_parser("list", help="all tokens, without their secrets")
    listing.set_defaults(run=_list_tokens)
    revoke = actions.add_parser("revoke", help="end a token at once")
    revoke.add_argument("named", metavar="ID_OR_NAME", help="one token, or all tokens of a client")
    revoke.set_defaults(run=_revoke_token)


def _create_token(dsn: str, given: argparse.Namespace) -> int:
    with database.transaction(dsn) as conn:
        token = tokens.create(conn, given.client, given.scope, given.expires)
    print("Keep it now, it cannot be shown again:", file=sys.stderr)
    print(token)
    return 0


def _list_tokens(dsn: str, given: argparse.Namespace) -> int:
    with database.transaction(dsn) as conn:
        found = tokens.listed(conn)
    print(f"{'id':<14} {'name':<24} {'made':<17} {'scopes':<24} state")
    for one in found:
        made = f"{one.created_at:%Y-%m-%d %H:%M}"
        print(f"{one.token_id:<14} {one.client:<24} {made:<17} {','.join(one.scopes):<24} {one.state}")
    return 0


def _revoke_token(dsn: str, given: argparse.Namespace) -> int:
    with database.transaction(dsn) as conn:
        ended = tokens.revoke(conn, given.named)
    if not ended:
        print(f"{given.named}: no valid token has this id or name", file=sys.stderr)
        return 1
    print(f"revoked: {', '.join(ended)}")
    return 0

"""Which SFTP server a connection leads to, by its host key; another one is refused until a person accepts it.

Two installations on one OMS database, each with a server of its own under the same connection, would close
each other's files: what one has applied, the other finds nowhere, and the first takes it once more.
"""

import argparse
import base64
import getpass
import hashlib
import re
from typing import Any

from oms import database, locks
from oms.database import Connection, statements
from oms.errors import NeedsPerson

sql = statements(__file__)


class OtherServer(NeedsPerson):
    """The connection leads to another server than before: nothing is done until a person says which it is."""


def fingerprint(sftp: Any) -> str:
    """The host key of a session's server, as `ssh-keygen -l` prints it."""
    key = sftp.get_channel().get_transport().get_remote_server_key()
    return "SHA256:" + base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")


def recognise(conn: Connection, connection_id: str, sftp: Any) -> list[str]:
    """The keys of the session's server, its own first; the first server of a connection is remembered.

    Raises OtherServer.
    """
    values = {"connection_id": connection_id.lower(), "fingerprint": fingerprint(sftp)}
    with conn.transaction():
        if not (known := conn.execute(sql.keys, values).fetchall()):
            locks.hold(conn, locks.SFTP_SERVER.of(values["connection_id"]))
            conn.execute(sql.meet, values)
            known = conn.execute(sql.keys, values).fetchall()
    present = [key for key, is_replaced in known if not is_replaced]
    if values["fingerprint"] not in present:
        raise OtherServer(
            "connection {connection_id} leads to a server with the host key {fingerprint}; until now it was "
            "{known}. Nothing was done. If the server has moved or has a new key, say so: `python -m oms "
            "servers accept {connection_id} {fingerprint}`. If this is another installation, give it an OMS "
            "database of its own".format(**values, known=" or ".join(present))
        )
    return [values["fingerprint"], *(key for key, _ in known if key != values["fingerprint"])]


def accept(conn: Connection, connection_id: str, key: str, person: str, *, also: bool = False) -> None:
    """Let a key stand for the server of a connection: in place of those before, or beside them."""
    if not re.fullmatch("SHA256:[A-Za-z0-9+/]{43}", key):
        raise ValueError(f"{key!r} is no fingerprint: SHA256: and 43 letters, as `ssh-keygen -l` prints it")
    values = {"connection_id": connection_id.lower(), "fingerprint": key, "person": person}
    with conn.transaction():
        locks.hold(conn, locks.SFTP_SERVER.of(values["connection_id"]))
        if not also:
            conn.execute(sql.replace, values)
        conn.execute(sql.accept, values)


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add `servers` to the commands of the OMS."""
    parser = commands.add_parser("servers", help="the SFTP servers of connections, told by their host keys")
    parser.set_defaults(run=_list)
    actions = parser.add_subparsers(title="actions")
    accepting = actions.add_parser(
        "accept",
        help="accept another host key: the server has moved or has a new key",
        description="The key counts in place of those before; files that are still open go on under it.",
    )
    accepting.add_argument("connection", metavar="CONNECTION", help="such as ftp_config")
    accepting.add_argument("fingerprint", metavar="SHA256:…", help="as the refusal names it")
    accepting.add_argument(
        "--also", action="store_true", help="beside those before: several machines answer for one server"
    )
    accepting.set_defaults(run=_accept)


def _list(dsn: str, given: argparse.Namespace) -> int:
    with database.transaction(dsn) as conn:
        for connection_id, key, at, person, replaced in conn.execute(sql.all_keys):
            state = f"replaced {replaced:%F %R}" if replaced else f"accepted {at:%F %R}"
            print(f"{connection_id:<20} {key}  {state} by {person or 'the first run'}")
    return 0


def _accept(dsn: str, given: argparse.Namespace) -> int:
    with database.transaction(dsn) as conn:
        accept(conn, given.connection, given.fingerprint, getpass.getuser(), also=given.also)
    print(f"{given.connection.lower()}: {given.fingerprint} is accepted")
    return 0

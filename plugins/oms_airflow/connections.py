"""Airflow connections as the OMS functions want them; what is missing is said with how to set it."""

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException
from psycopg import pq
from psycopg.conninfo import make_conninfo

from oms import database
from oms.errors import NeedsPerson

if TYPE_CHECKING:
    from paramiko import SFTPClient, SSHClient

log = logging.getLogger(__name__)

OMS_DB = "oms_db"
ANSWER_TIMEOUT = 60.0
"""Seconds that an SFTP server has for each answer, where its connection says nothing else."""
LONGEST_ANSWER_TIMEOUT = 86_400

for library in ("paramiko", "asyncssh"):  # at INFO they report every handshake in the log of every task
    logging.getLogger(library).setLevel(logging.WARNING)


class MissingConnection(NeedsPerson, LookupError):
    """An Airflow connection is not set: no retry helps until somebody sets it."""

    def __init__(self, connection_id: str) -> None:
        super().__init__(
            f"the connection {connection_id} is not set: give all of Airflow's processes the environment "
            f"variable AIRFLOW_CONN_{connection_id.upper()}, or add it in Airflow under Admin, Connections"
        )


class WrongConnection(NeedsPerson, ValueError):
    """A field of an Airflow connection makes no sense: no retry helps until somebody corrects it."""


def connection(connection_id: str) -> Connection:
    """The Airflow connection of this id. Raises MissingConnection."""
    try:
        return BaseHook.get_connection(connection_id)
    except AirflowNotFoundException as error:
        raise MissingConnection(connection_id) from error


async def connection_from_triggerer(connection_id: str) -> Connection:
    """The same for a trigger, which must not block the loop it shares with others."""
    try:
        return await BaseHook.aget_connection(connection_id)
    except AirflowNotFoundException as error:
        raise MissingConnection(connection_id) from error


def dsn_of(found: Connection) -> str:
    """The libpq address of a Postgres connection; extras that libpq knows (sslmode and the like) go along."""
    libpq_options = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    extras = {name: value for name, value in found.extra_dejson.items() if name in libpq_options}
    parts: dict[str, Any] = {
        "host": found.host,
        "port": found.port,
        "user": found.login,
        "password": found.password,
        "dbname": found.schema,
    }
    return make_conninfo("", **{k: v for k, v in (parts | extras).items() if v not in (None, "")})


def open_oms_db() -> database.Connection:
    """A connection to the OMS database in autocommit mode: the caller opens its own transactions."""
    return database.connect(dsn_of(connection(OMS_DB)), autocommit=True)


@contextmanager
def oms_db() -> Iterator[database.Connection]:
    """The same, closed at the end."""
    with open_oms_db() as conn:
        yield conn


def answer_timeout(found: Connection) -> float:
    """Seconds that an SFTP server has for each answer: the field of that name in the connection's extra."""
    given = found.extra_dejson.get("answer_timeout", ANSWER_TIMEOUT)
    try:
        seconds = float(given)
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0 < seconds <= LONGEST_ANSWER_TIMEOUT:
        raise WrongConnection(
            f"the connection {found.conn_id} has the extra answer_timeout {given!r}: give seconds, more than "
            f"0 and at most {LONGEST_ANSWER_TIMEOUT}"
        )
    return seconds


@contextmanager
def sftp_client(connection_id: str) -> Iterator["SFTPClient"]:
    """One SFTP session; the server's host key is checked, and none of its answers is waited for without end.

    Raises TimeoutError where an answer does not come in time; the session is of no use then. Raises
    MissingConnection, WrongConnection.
    """
    from airflow.providers.ssh.hooks.ssh import SSHHook

    seconds = answer_timeout(connection(connection_id))
    try:
        hook = SSHHook(ssh_conn_id=connection_id, banner_timeout=seconds, auth_timeout=max(1, int(seconds)))
    except (AirflowException, ValueError) as error:
        raise WrongConnection(f"the connection {connection_id} makes no sense: {error}") from error
    with hook.get_conn() as ssh:
        try:
            with _open_sftp(ssh, connection_id, seconds) as sftp:
                yield sftp
        except TimeoutError as error:
            raise TimeoutError(
                f"the server of {connection_id} has not answered for {seconds:g} s (answer_timeout in the "
                f"connection's extra){f': {error}' if str(error) else ''}"
            ) from error


def _open_sftp(ssh: "SSHClient", connection_id: str, seconds: float) -> "SFTPClient":
    """A session whose reads and writes end after these seconds, and the opening of it, too."""
    from paramiko import SFTPClient

    def give_up() -> None:
        log.error("the server of %s has opened no SFTP session in %g s", connection_id, seconds)
        ssh.close()

    transport = ssh.get_transport()
    assert transport is not None
    if isinstance(transport.sock, socket.socket) and hasattr(socket, "TCP_USER_TIMEOUT"):
        # a peer whose process is stopped takes no more bytes, and the client would try for ever
        transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
    watch = threading.Timer(seconds, give_up)
    watch.start()
    try:
        channel = transport.open_session(timeout=seconds)
        channel.settimeout(seconds)
        channel.invoke_subsystem("sftp")
        return SFTPClient(channel)
    finally:
        watch.cancel()


def shop_login(connection_id: str) -> tuple[str, str, dict[str, Any]]:
    """Address, access token and extras of a shop's connection."""
    found = connection(connection_id)
    return found.host or "", found.password or "", json.loads(found.extra or "{}")

"""Airflow connections as the OMS functions want them; what is missing is said with how to set it."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from psycopg import pq
from psycopg.conninfo import make_conninfo

from oms import database

if TYPE_CHECKING:
    from paramiko import SFTPClient

OMS_DB = "oms_db"

for library in ("paramiko", "asyncssh"):  # at INFO they report every handshake in the log of every task
    logging.getLogger(library).setLevel(logging.WARNING)


class MissingConnection(LookupError):
    """An Airflow connection is not set: no retry helps until somebody sets it."""

    def __init__(self, connection_id: str) -> None:
        super().__init__(
            f"the connection {connection_id} is not set: give all of Airflow's processes the environment "
            f"variable AIRFLOW_CONN_{connection_id.upper()}, or add it in Airflow under Admin, Connections"
        )


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


@contextmanager
def sftp_client(connection_id: str) -> Iterator["SFTPClient"]:
    """One SFTP session; the server's host key is checked."""
    from airflow.providers.sftp.hooks.sftp import SFTPHook

    connection(connection_id)
    with SFTPHook(ssh_conn_id=connection_id).get_managed_conn() as sftp:
        yield sftp


def shop_login(connection_id: str) -> tuple[str, str, dict[str, Any]]:
    """Address, access token and extras of a shop's connection."""
    found = connection(connection_id)
    return found.host or "", found.password or "", json.loads(found.extra or "{}")

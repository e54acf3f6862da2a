"""Addresses of databases, as Airflow connections write them, without Airflow."""

import json
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from psycopg.conninfo import make_conninfo

PARTS = ("host", "port", "login", "password", "schema")
LIBPQ_OPTIONS = (
    "sslmode",
    "sslcert",
    "sslkey",
    "sslrootcert",
    "connect_timeout",
    "options",
    "application_name",
)


def dsn_of_connection(connection: str, variable: str) -> str:
    """The libpq address of an Airflow connection, given as JSON or as a URI, with its libpq options.

    variable: where it comes from, for the message. Raises ValueError if it is no Postgres connection.
    """
    if not connection.strip():
        raise ValueError(f"no database: set {variable} (an Airflow connection) or give --dsn")
    parts = parts_of(connection)
    if parts["conn_type"] not in ("postgres", "postgresql"):
        raise ValueError(f"{variable}: {parts['conn_type'] or 'it'} is no Postgres connection")
    given = {
        "host": parts["host"],
        "port": parts["port"],
        "user": parts["login"],
        "password": parts["password"],
        "dbname": parts["schema"],
    } | {name: value for name, value in parts["extra"].items() if name in LIBPQ_OPTIONS}
    return make_conninfo(**{name: str(value) for name, value in given.items() if value})


def parts_of(connection: str) -> dict[str, Any]:
    """conn_type, host, port, login, password, schema and extra of an Airflow connection, JSON or URI."""
    if connection.lstrip().startswith("{"):
        parts = json.loads(connection)
        extra = parts.get("extra") or {}
        known = {name: parts.get(name) for name in ("conn_type", *PARTS)}
        return known | {"extra": json.loads(extra) if isinstance(extra, str) else extra}
    uri = urlsplit(connection)
    extra = dict(parse_qsl(uri.query))
    return {
        "conn_type": uri.scheme,
        "host": unquote(uri.hostname or ""),
        "port": uri.port,
        "login": unquote(uri.username or ""),
        "password": unquote(uri.password or ""),
        "schema": unquote(uri.path.lstrip("/")),
        "extra": json.loads(extra["__extra__"]) if "__extra__" in extra else extra,
    }

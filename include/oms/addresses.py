"""Addresses of databases, as Airflow connections write them, without Airflow."""

import json
from urllib.parse import parse_qsl, unquote, urlsplit

from psycopg.conninfo import make_conninfo

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
    if connection.lstrip().startswith("{"):
        parts = json.loads(connection)
        extra = parts.get("extra") or {}
        options = json.loads(extra) if isinstance(extra, str) else extra
        login, host, port = (parts.get("login"), parts.get("password")), parts.get("host"), parts.get("port")
        database_name = parts.get("schema")
    else:
        uri = urlsplit(connection)
        if uri.scheme not in ("postgres", "postgresql"):
            raise ValueError(f"{variable}: {uri.scheme or 'it'} is no Postgres connection")
        options = dict(parse_qsl(uri.query))
        login, port = (unquote(uri.username or ""), unquote(uri.password or "")), uri.port
        host, database_name = unquote(uri.hostname or ""), unquote(uri.path.lstrip("/"))
    given = {
        "host": host,
        "port": port,
        "user": login[0],
        "password": login[1],
        "dbname": database_name,
    } | {name: value for name, value in options.items() if name in LIBPQ_OPTIONS}
    return make_conninfo(**{name: str(value) for name, value in given.items() if value})

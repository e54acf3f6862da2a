"""Airflow connections in the environment: the sandbox's own, or those that the user has set already."""

import base64
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import paramiko

from oms.addresses import parts_of

OMS_DB = "AIRFLOW_CONN_OMS_DB"
FTP_CONFIG = "AIRFLOW_CONN_FTP_CONFIG"
FTP_EXP_CONFIG = "AIRFLOW_CONN_FTP_EXP_CONFIG"
SHOPIFY_PREFIX = "AIRFLOW_CONN_SHOPIFY_"
METADATA_DB = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def given(previous: Mapping[str, str]) -> dict[str, str]:
    """The connections and Airflow settings that the user has set.

    A shell that has sourced env.sh carries the values of the last `up` (`previous`); those are ours.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("AIRFLOW_CONN_", "AIRFLOW__")) and previous.get(name) != value
    }


def postgres(host: str, port: int, user: str, password: str, database: str) -> str:
    """The JSON form of a Postgres connection."""
    return json.dumps(
        {
            "conn_type": "postgres",
            "host": host,
            "port": port,
            "login": user,
            "password": password,
            "schema": database,
        }
    )


def shopify(url: str, token: str, api_version: str, *, client_secret: str, domain: str) -> str:
    """The JSON form of a shop's connection: where its API is, the token, how its webhooks are signed."""
    extra = {"api_version": api_version, "client_secret": client_secret, "shop_domain": domain}
    return json.dumps({"conn_type": "http", "host": url, "password": token, "extra": extra})


KEY_TYPES = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


@contextmanager
def sftp_client(connection: str) -> Iterator[paramiko.SFTPClient]:
    """A session on the server of an SFTP connection, by key or by password as Airflow's hook would log in.

    The host key is checked, unless the connection says that it is not.
    """
    given = parts_of(connection)
    extra, host, port = given["extra"], given["host"], int(given["port"] or 22)
    with paramiko.SSHClient() as ssh:
        if host_key := extra.get("host_key"):
            key = _public_key(host_key)
            ssh.get_host_keys().add(host if port == 22 else f"[{host}]:{port}", key.get_name(), key)
        elif str(extra.get("no_host_key_check", "")).lower() == "true":
            ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        passphrase = extra.get("private_key_passphrase")
        ssh.connect(
            host,
            port,
            given["login"],
            given["password"] or None,
            pkey=_private_key(extra["private_key"], passphrase) if "private_key" in extra else None,
            key_filename=extra.get("key_file"),
            passphrase=passphrase,
            look_for_keys=False,
            allow_agent=False,
            timeout=30,
        )
        with ssh.open_sftp() as client:
            yield client


def _public_key(text: str) -> paramiko.PKey:
    """The key of `ssh-ed25519 AAAA…`, or of its second word alone."""
    blob = base64.b64decode(text.split()[1] if " " in text else text)
    return paramiko.PKey.from_type_string(paramiko.Message(blob).get_text(), blob)


def _private_key(text: str, passphrase: str | None) -> paramiko.PKey:
    for kind in KEY_TYPES:
        try:
            return kind.from_private_key(io.StringIO(text), passphrase)
        except paramiko.SSHException:
            continue
    raise ValueError(
        "private_key of the SFTP connection is no Ed25519, ECDSA or RSA key, or its passphrase is wrong"
    )

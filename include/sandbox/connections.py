"""Airflow connections in the environment: the sandbox's own, or those that the user has set already."""

import json
import os
from collections.abc import Mapping

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

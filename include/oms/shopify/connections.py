"""Clients from connections: the edge looks a connection up, we make a client of it."""

import json
import os
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from oms.shopify.client import LATEST_VERSION, ShopifyClient
from oms.shopify.errors import Misconfigured


class ShopRow(Protocol):
    """What is needed of a shop."""

    shop_id: str
    connection_id: str


def client_for(shop: ShopRow, login: Callable[[str], tuple[str, str, dict[str, Any]]]) -> ShopifyClient:
    """Return a client of a shop.

    login: returns address, access token and extras of a connection; the extra `api_version` chooses
    another version than the newest. An address without a scheme is taken as https. Raises Misconfigured
    where address or token is missing.
    """
    host, token, extra = login(shop.connection_id)
    if not host or not token:
        raise Misconfigured(
            f"the connection {shop.connection_id} of shop {shop.shop_id} needs a host and a password (token)"
        )
    base_url = host if "://" in host else f"https://{host}"
    return ShopifyClient(base_url, token, extra.get("api_version", LATEST_VERSION))


def variable_of(connection_id: str) -> str:
    """Return the environment variable that an Airflow connection is read from."""
    return f"AIRFLOW_CONN_{connection_id.upper()}"


def login_of_environment(connection_id: str) -> tuple[str, str, dict[str, Any]]:
    """Return address, access token and extras of an Airflow connection in the environment, JSON or URI.

    Raises KeyError where its variable is not set: it may be one of those that only Airflow knows.
    """
    given = os.environ[variable_of(connection_id)].strip()
    if given.startswith("{"):
        parts = json.loads(given)
        extra = parts.get("extra") or {}
        extra = json.loads(extra) if isinstance(extra, str) else extra
        return parts.get("host") or "", parts.get("password") or "", extra
    uri = urlsplit(given)
    return unquote(uri.hostname or ""), unquote(uri.password or ""), dict(parse_qsl(uri.query))

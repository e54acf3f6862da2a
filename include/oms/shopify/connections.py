"""Clients from connections: the edge looks a connection up, we make a client of it."""

from collections.abc import Callable
from typing import Any, Protocol

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

"""A local shop over HTTP and a database of the test's own."""

from collections.abc import Iterator

import pytest

from fakeshop.testing import TOKEN, ShopServer
from oms.shopify.client import ShopifyClient
from tests.oms.proxy import Proxy, running_proxy
from tests.oms.sync.bench import Bench, bench


@pytest.fixture
def oms(shop_server: ShopServer, oms_dsn: str) -> Iterator[Bench]:
    with bench(shop_server, oms_dsn) as made:
        yield made


@pytest.fixture
def proxy(oms: Bench) -> Iterator[Proxy]:
    with running_proxy(oms.server.port) as made:
        yield made


@pytest.fixture
def behind(proxy: Proxy) -> Iterator[ShopifyClient]:
    """A client whose requests go through the proxy."""
    client = ShopifyClient(f"{proxy.url}/demo", TOKEN, timeout=(2.0, 5.0), patience=5.0)
    yield client
    client.close()

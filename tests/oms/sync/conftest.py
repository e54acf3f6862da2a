"""A local shop over HTTP and a database of the test's own."""

from collections.abc import Iterator

import pytest

from fakeshop.testing import ShopServer
from tests.oms.sync.bench import Bench, bench


@pytest.fixture
def oms(shop_server: ShopServer, oms_dsn: str) -> Iterator[Bench]:
    with bench(shop_server, oms_dsn) as made:
        yield made

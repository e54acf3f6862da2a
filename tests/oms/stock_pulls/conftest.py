"""A local shop over HTTP, a database of the test's own, and shops that own their stock."""

from collections.abc import Iterator

import pytest

from fakeshop.testing import ShopServer
from tests.oms.stock_pulls.side import Side
from tests.oms.sync.bench import bench


@pytest.fixture
def side(shop_server: ShopServer, oms_dsn: str) -> Iterator[Side]:
    """Warehouse WH and stores S1, S2; no shop yet."""
    with bench(shop_server, oms_dsn) as oms:
        oms.world.facility("S1")
        oms.world.facility("S2")
        yield Side(oms)

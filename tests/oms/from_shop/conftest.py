"""A local shop over HTTP, a database of the test's own, and shops that own their stock."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakeshop.testing import ShopServer, running_shop
from tests.oms.from_shop.side import Side
from tests.oms.sync.bench import bench


@pytest.fixture(scope="session")
def shop_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopServer]:
    data: Path = tmp_path_factory.mktemp("fakeshop")
    with running_shop(data) as server:
        yield server


@pytest.fixture
def side(shop_server: ShopServer, oms_dsn: str) -> Iterator[Side]:
    """Warehouse WH and stores S1, S2; no shop yet."""
    with bench(shop_server, oms_dsn) as oms:
        oms.world.facility("S1")
        oms.world.facility("S2")
        yield Side(oms)

"""A local shop over HTTP and a database of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakeshop.testing import ShopServer, running_shop
from tests.oms.sync.bench import Bench, bench


@pytest.fixture(scope="session")
def shop_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopServer]:
    data: Path = tmp_path_factory.mktemp("fakeshop")
    with running_shop(data) as server:
        yield server


@pytest.fixture
def oms(shop_server: ShopServer, oms_dsn: str) -> Iterator[Bench]:
    with bench(shop_server, oms_dsn) as made:
        yield made

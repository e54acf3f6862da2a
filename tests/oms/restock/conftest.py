"""A local shop over HTTP with a warehouse behind it, and restocks for both."""

from collections.abc import Iterator

import pytest

from fakeshop.testing import ShopServer
from tests.oms.restock.yard import Yard
from tests.oms.sync.bench import bench


@pytest.fixture
def yard(shop_server: ShopServer, oms_dsn: str) -> Iterator[Yard]:
    """The shop `demo` sells X, Y and Z of the warehouse WH, 10 of each, in DELTA mode."""
    with bench(shop_server, oms_dsn) as oms:
        yield Yard(oms)

"""kill -9 at every point of a pull: the next run takes in the same, and no look ends too early."""

import pytest

from fakeshop.testing import TOKEN, ShopServer
from oms import crashpoints, database
from oms.shopify import windows
from oms.shopify.client import ShopifyClient
from tests.faults.killing import killed_at
from tests.faults.locks import until_locks_are_given_up
from tests.oms.shopify.test_windows import PARAMS, STAMPS, Puller, puller, work_of  # noqa: F401 - a fixture

POINTS = [name for name in crashpoints.POINTS if name.startswith("pull.")]


def run(dsn: str, base_url: str) -> None:
    with database.connect(dsn, autocommit=True) as conn:
        windows.pull(work_of(conn, ShopifyClient(base_url, TOKEN), PARAMS), "demo", STAMPS)


@pytest.mark.parametrize("point", POINTS)
def test_a_pull(puller: Puller, shop_server: ShopServer, point: str):
    order = puller.place()

    killed_at(point, run, puller.oms.dsn, shop_server.base("demo"))
    until_locks_are_given_up(puller.db)
    assert (puller.mark() is not None) == (point in (windows.MOVED, windows.ENDED))
    assert [ended for _, ended in puller.imports()] == [point == windows.ENDED]

    puller.run()

    assert puller.taken() == [order]
    assert puller.imports()[-1][1]

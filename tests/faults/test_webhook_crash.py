"""kill -9 of the receiver of webhooks while a shop delivers, and of the job that subscribes."""

import time

import psycopg
import pytest

from fakeshop.testing import ShopServer
from oms import crashpoints
from oms.webhooks import receiving, subscriptions  # noqa: F401 - registers the points
from tests.faults.jobs import run_job
from tests.faults.killing import killed_at
from tests.faults.test_api_crash import Server, server  # noqa: F401 - fixture
from tests.web.conftest import Postman, shops, world  # noqa: F401 - fixtures
from tests.web.test_subscriptions import LEVELS, Manager

POINTS = [name for name in crashpoints.POINTS if name.split(".")[0] in ("webhook", "subscribe")]
WISHED = {"action": "subscribe", "shopId": "demo", "category": "inventory"}


@pytest.fixture
def manager(
    shop_server: ShopServer,
    server: Server,
    oms_dsn: str,
    oms_db: psycopg.Connection,
    shops,
) -> Manager:
    return Manager(shop_server, oms_dsn, Postman(f"http://127.0.0.1:{server.port}", oms_db))


def crash(manager: Manager, point: str, params: dict) -> None:
    """A run of the job that is killed at the point; it must get there."""
    params = params | {"publicUrl": manager.postman.url}
    base_url = manager.server.base("demo")
    killed_at(point, run_job, manager.dsn, base_url, "manage_webhook_subscriptions", params)


@pytest.mark.parametrize("point", [one for one in POINTS if one.startswith("webhook.")])
def test_a_delivery_that_was_not_answered_is_stored_once(manager: Manager, server: Server, point):
    server.start(crash_at=point)
    manager.run("subscribe", topics=[LEVELS])
    manager.server.switch("demo", webhook_retry_seconds=[0.5] * 60)
    manager.server.door("POST", "shops/demo/adjust", {"sku": "CAP", "location": "Store", "delta": -2})
    assert server.killed_itself(), f"{point} was not reached"
    assert len(manager.postman.inbox()) == 1

    server.start()
    manager.server.door("POST", "shops/demo/adjust", {"sku": "CAP", "location": "Store", "delta": -1})

    deadline = time.monotonic() + 60
    while len(manager.postman.inbox()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(1)
    told = manager.postman.inbox("payload ->> 'available'")
    assert sorted(told) == [("2",), ("3",)]


@pytest.mark.parametrize("point", [one for one in POINTS if one.startswith("subscribe.")])
def test_a_subscribing_run_that_was_killed_is_made_good_by_the_daily_one(manager: Manager, point: str):
    crash(manager, point, WISHED)

    manager.run("repair", shop=None)

    assert [topic for topic, _ in manager.subscriptions()] == [LEVELS]
    assert manager.run("subscribe", category="inventory") == {}


@pytest.mark.parametrize("point", [one for one in POINTS if one.startswith("subscribe.")])
def test_an_unsubscribing_run_that_was_killed_is_not_undone_by_the_daily_one(manager: Manager, point: str):
    manager.run("subscribe", category="inventory")
    crash(manager, point, WISHED | {"action": "unsubscribe"})

    manager.run("repair", shop=None)

    assert manager.subscriptions() == []
    assert manager.recorded() == []

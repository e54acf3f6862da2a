"""The job that looks after webhook subscriptions, as a run of its DAG."""

import json
from collections.abc import Callable

import pytest

from oms.shopify.client import ShopifyClient
from oms.webhooks.subscriptions import in_shop
from tests.oms.sync.bench import Bench


@pytest.fixture
def subscribed(oms: Bench) -> Callable[[], list[tuple[str, str]]]:
    """Topics and addresses that the shop `demo` has."""
    connection = json.loads(oms.server.connection_uri("demo"))
    client = ShopifyClient(connection["host"], connection["password"])
    return lambda: sorted((one.topic, one.uri) for one in in_shop(client))


def test_subscribing_goes_to_the_address_in_the_connection_and_is_repaired_daily(
    oms: Bench, run: Callable, connections: Callable, subscribed: Callable
):
    oms.open_shop("demo", {"A": 1})
    connection = json.loads(oms.server.connection_uri("demo"))
    connection["extra"]["public_url"] = "https://oms.example.com"
    connections("shopify_demo", json.dumps(connection))
    wanted = [("inventory_levels/update", "https://oms.example.com/webhooks/shopify/demo")]

    given = {"action": "subscribe", "shopId": "demo", "category": "inventory"}
    assert run("manage_webhook_subscriptions", given).state == "success"
    assert subscribed() == wanted

    client = oms.client("demo")
    for one in in_shop(client):
        client.mutate("delete_webhook_subscription", {"id": one.id})
    assert run("manage_webhook_subscriptions").state == "success"
    assert subscribed() == wanted


def test_without_an_address_nothing_is_subscribed(oms: Bench, run: Callable, subscribed: Callable):
    oms.open_shop("demo", {"A": 1})

    given = {"action": "subscribe", "shopId": "demo", "category": "inventory"}
    assert run("manage_webhook_subscriptions", given).state == "failed"

    assert subscribed() == []
    assert oms.db.execute("select count(*) from oms.webhook_subscription").fetchone() == (0,)

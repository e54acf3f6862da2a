"""Subscriptions in a real local shop, and deliveries from it to our receiver (orders.md 10)."""

import logging
import time
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from fakeshop.testing import TOKEN, ShopServer
from oms import catalog, database
from oms.parameters import BadParameter, resolve
from oms.shopify.client import ShopifyClient
from oms.shopify.errors import ShopifyError
from oms.webhooks import subscriptions
from oms.webhooks.errors import SubscriptionsLeft
from oms.work import Work
from tests.oms.proxy import running_proxy
from tests.web.conftest import Postman

LEVELS = "inventory_levels/update"
SHOP = {
    "access_token": TOKEN,
    "client_secret": "current-secret",
    "locations": [{"name": "Store", "id": 501}],
    "products": [{"title": "Cap", "variants": [{"sku": "CAP", "levels": {"Store": 5}}]}],
}


class Manager:
    """Runs of the job, and what the shop has afterwards."""

    def __init__(self, server: ShopServer, dsn: str, postman: Postman) -> None:
        self.server = server
        self.dsn = dsn
        self.postman = postman
        self.extra: dict[str, Any] = {}
        server.reset()
        server.seed({"shops": [{"shop": name, **SHOP} for name in ("demo", "other")]})

    def run(self, action: str, shop: str | None = "demo", **params: Any) -> dict[str, int]:
        given = {"action": action, "shopId": shop, **params}
        with database.connect(self.dsn, autocommit=True) as conn:
            work = Work(
                conn=conn,
                params=resolve(catalog.MANAGE_WEBHOOK_SUBSCRIPTIONS, given),
                run_name="test/1",
                open_oms_db=lambda: database.connect(self.dsn, autocommit=True),
                open_sftp=lambda _: pytest.fail("no SFTP here"),
                open_shop=lambda shop_id: ShopifyClient(self.server.base(shop_id), TOKEN, patience=2),
                shop_extra=lambda _: self.extra,
                base_url=self.postman.url,
            )
            return subscriptions.manage(work)

    def subscriptions(self, shop: str = "demo") -> list[tuple[str, str]]:
        """Topic and address of each, as the shop has them."""
        client = ShopifyClient(self.server.base(shop), TOKEN)
        return sorted((one.topic, one.uri) for one in subscriptions.in_shop(client))

    def remove_in_shop(self, shop: str = "demo") -> None:
        client = ShopifyClient(self.server.base(shop), TOKEN)
        for one in subscriptions.in_shop(client):
            client.mutate("delete_webhook_subscription", {"id": one.id})

    def recorded(self) -> list[tuple]:
        with psycopg.connect(self.dsn) as conn:
            return conn.execute(
                "select shop_id, topic, is_wanted from oms.webhook_subscription order by 1, 2"
            ).fetchall()

    def uri(self, shop: str = "demo") -> str:
        return f"{self.postman.url}/webhooks/shopify/{shop}"


@pytest.fixture
def manager(shop_server: ShopServer, oms_dsn: str, postman: Postman) -> Manager:
    return Manager(shop_server, oms_dsn, postman)


@pytest.fixture
def all_worked_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a job worked off each topic."""
    for header, topic in subscriptions.TOPICS.items():
        monkeypatch.setitem(subscriptions.TOPICS, header, replace(topic, job="some_job"))


def until(condition: Any, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_category_is_subscribed_once_however_often_it_is_asked_for(manager: Manager):
    assert manager.run("subscribe", category="inventory") == {"create": 1}

    assert manager.run("subscribe", category="inventory") == {}
    assert manager.subscriptions() == [(LEVELS, manager.uri())]


@pytest.mark.usefixtures("all_worked_off")
def test_all_topics_of_all_categories(manager: Manager):
    assert manager.run("subscribe") == {"create": 8}
    assert [topic for topic, _ in manager.subscriptions()] == sorted(subscriptions.TOPICS)


def test_only_what_a_job_works_off_is_subscribed_to(manager: Manager):
    assert manager.run("subscribe") == {"create": 1}

    for params in (
        {"topics": ["orders/create"]},
        {"topics": [LEVELS, "orders/create"]},
        {"category": "orders"},
    ):
        with pytest.raises(BadParameter, match=r"topics that a job works off.*not orders/create"):
            manager.run("subscribe", **params)
    assert manager.subscriptions() == [(LEVELS, manager.uri())]


def test_a_subscription_that_nobody_reads_is_ended_by_the_daily_run(manager: Manager, monkeypatch):
    """An earlier release subscribed to topics before there was a job for them."""
    with monkeypatch.context() as patch:
        topic = subscriptions.TOPICS["orders/create"]
        patch.setitem(subscriptions.TOPICS, "orders/create", replace(topic, job="some_job"))
        manager.run("subscribe", topics=["orders/create", LEVELS])

    assert manager.run("repair", shop=None) == {"delete": 1}
    assert manager.subscriptions() == [(LEVELS, manager.uri())]


def test_each_topic_s_job_listens_to_it():
    for topic in subscriptions.TOPICS.values():
        assert topic.job is None or catalog.signals.LEVEL_WEBHOOKS in catalog.JOBS[topic.job].signals


def test_what_the_shop_tells_arrives_signed_in_our_inbox(manager: Manager):
    manager.run("subscribe", category="inventory")

    manager.server.door("POST", "shops/demo/adjust", {"sku": "CAP", "location": "Store", "delta": -2})

    until(manager.postman.inbox)
    ((shop, topic, available, location),) = manager.postman.inbox(
        "shop_id, topic, payload ->> 'available', payload ->> 'location_id'"
    )
    assert (shop, topic, available, location) == ("demo", LEVELS, "3", "501")


def test_a_shop_that_repeats_and_reorders_is_stored_once_each(manager: Manager):
    manager.run("subscribe", category="inventory")
    manager.server.switch("demo", webhook_duplicate=1.0, webhook_reorder=True)

    for _ in range(5):
        manager.server.door("POST", "shops/demo/adjust", {"sku": "CAP", "location": "Store", "delta": 1})

    until(lambda: len(manager.postman.inbox()) >= 5)
    time.sleep(0.5)
    told = manager.postman.inbox("payload ->> 'available'")
    assert sorted(told) == [("10",), ("6",), ("7",), ("8",), ("9",)]


@pytest.mark.usefixtures("all_worked_off")
def test_a_removed_subscription_is_made_again_by_the_daily_run(manager: Manager):
    manager.run("subscribe", category="orders")
    manager.remove_in_shop()

    assert manager.run("repair", shop=None) == {"create": 4}
    assert len(manager.subscriptions()) == 4
    assert manager.run("repair", shop=None) == {}


@pytest.mark.usefixtures("all_worked_off")
def test_unsubscribed_topics_stay_away(manager: Manager):
    manager.run("subscribe")

    assert manager.run("unsubscribe", category="orders") == {"delete": 4}
    assert manager.run("repair", shop=None) == {}
    assert len(manager.subscriptions()) == 4
    assert all(wanted for _, _, wanted in manager.recorded())


@pytest.mark.usefixtures("all_worked_off")
def test_one_topic(manager: Manager):
    manager.run("subscribe")

    assert manager.run("unsubscribe", topics=["products/delete"]) == {"delete": 1}
    assert "products/delete" not in dict(manager.subscriptions())


def test_a_new_address_moves_the_subscription(manager: Manager):
    manager.run("subscribe", category="inventory", publicUrl="https://old.example.com/")

    assert manager.run("subscribe", category="inventory") == {"move": 1}
    assert manager.subscriptions() == [(LEVELS, manager.uri())]


@pytest.mark.usefixtures("all_worked_off")
def test_the_address_comes_from_the_parameter_the_connection_or_airflow(manager: Manager):
    manager.extra = {"public_url": "https://extra.example.com"}
    manager.run("subscribe", topics=[LEVELS])
    manager.run("subscribe", topics=["refunds/create"], publicUrl="https://given.example.com")
    manager.extra = {}
    manager.run("subscribe", topics=["orders/create"])

    assert manager.subscriptions() == [
        (LEVELS, "https://extra.example.com/webhooks/shopify/demo"),
        ("orders/create", manager.uri()),
        ("refunds/create", "https://given.example.com/webhooks/shopify/demo"),
    ]


@pytest.mark.usefixtures("all_worked_off")
def test_subscriptions_of_others_are_left_alone(manager: Manager):
    client = ShopifyClient(manager.server.base("demo"), TOKEN)
    client.mutate(
        "create_webhook_subscription", {"topic": "ORDERS_CREATE", "uri": "https://erp.example.com/hook"}
    )

    manager.run("subscribe", category="orders")
    manager.run("unsubscribe")

    assert manager.subscriptions() == [("orders/create", "https://erp.example.com/hook")]
    assert manager.recorded() == []


def test_a_second_subscription_of_ours_goes(manager: Manager):
    client = ShopifyClient(manager.server.base("demo"), TOKEN)
    old = "https://old.example.com/webhooks/shopify/demo"
    client.mutate("create_webhook_subscription", {"topic": "INVENTORY_LEVELS_UPDATE", "uri": old})
    client.mutate("create_webhook_subscription", {"topic": "INVENTORY_LEVELS_UPDATE", "uri": manager.uri()})

    assert manager.run("subscribe", category="inventory") == {"delete": 1}
    assert manager.subscriptions() == [(LEVELS, manager.uri())]


@pytest.mark.usefixtures("all_worked_off")
@pytest.mark.parametrize("action", ["subscribe", "unsubscribe", "repair"])
def test_a_dry_run_changes_nothing(manager: Manager, action, caplog: pytest.LogCaptureFixture):
    manager.run("subscribe", category="inventory")
    if action == "repair":
        manager.remove_in_shop()
    before = (manager.subscriptions(), manager.recorded())
    caplog.set_level(logging.INFO)

    assert manager.run(action, dryRun=True)

    assert (manager.subscriptions(), manager.recorded()) == before
    assert LEVELS in caplog.text


def test_a_list_changes_nothing(manager: Manager, caplog: pytest.LogCaptureFixture):
    manager.run("subscribe", category="inventory")
    manager.remove_in_shop()
    caplog.set_level(logging.INFO)

    assert manager.run("list") == {}

    assert manager.subscriptions() == []
    assert f"create   {LEVELS}" in caplog.text


def test_a_refusal_names_the_topic_and_stops_no_other_shop(manager: Manager):
    manager.server.switch("demo", webhook_private_targets=False)

    with pytest.raises(SubscriptionsLeft, match=r"demo inventory_levels/update.*http:// is not supported"):
        manager.run("subscribe", shop=["demo", "other"], category="inventory")

    assert manager.subscriptions("other") == [(LEVELS, manager.uri("other"))]
    manager.server.switch("demo", webhook_private_targets=True)
    assert manager.run("repair", shop=None) == {"create": 1}


def test_a_shop_without_a_connection_stops_no_other(manager: Manager, monkeypatch):
    manager.run("subscribe", ["demo", "other"], category="inventory")
    manager.remove_in_shop("demo")
    manager.remove_in_shop("other")
    real = manager.server.base

    def base(shop: str) -> str:
        if shop == "demo":
            raise LookupError("the connection shopify_demo is not set")
        return real(shop)

    with monkeypatch.context() as patch:
        patch.setattr(manager.server, "base", base)
        with pytest.raises(LookupError, match="shopify_demo"):
            manager.run("repair", None)

    assert manager.subscriptions("other") == [(LEVELS, manager.uri("other"))]


def test_a_shop_that_does_not_answer_stops_no_other(manager: Manager):
    manager.server.fault("status", shop="demo", code=503, count=None)

    with pytest.raises(ShopifyError):
        manager.run("subscribe", shop=["demo", "other"], category="inventory")

    assert manager.subscriptions("other") == [(LEVELS, manager.uri("other"))]
    manager.server.door("DELETE", "faults")


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"publicUrl": "ftp://x"}, "publicUrl"),
        ({"publicUrl": "oms.example.com"}, "publicUrl"),
        ({"publicUrl": "https://x/?a=1"}, "publicUrl"),
        ({"topics": ["carts/update"]}, "topics"),
        ({"category": "carts"}, "category"),
        ({"shop": "nowhere"}, "shopId"),
        ({"shop": None}, "shopId"),
    ],
)
def test_a_bad_parameter_fails_before_any_effect(manager: Manager, params, name):
    with pytest.raises(BadParameter) as refused:
        manager.run("subscribe", **params)

    assert refused.value.name == name
    assert manager.recorded() == []


@pytest.mark.usefixtures("all_worked_off")
def test_more_than_a_page_of_subscriptions(manager: Manager):
    client = ShopifyClient(manager.server.base("demo"), TOKEN)
    for number in range(251):
        uri = f"https://erp.example.com/{number}"
        client.mutate("create_webhook_subscription", {"topic": "ORDERS_CREATE", "uri": uri})

    assert manager.run("subscribe", category="orders") == {"create": 4}
    assert len(manager.subscriptions()) == 255


def test_a_second_copy_of_an_answer_ends_no_subscription(manager: Manager):
    """Each answer comes twice on its connection: the second list is no copy of the first one."""
    with running_proxy(manager.server.port) as proxy:
        proxy.meddle = lambda exchange: [2 * exchange.forward().raw()]
        client = ShopifyClient(f"{proxy.url}/demo", TOKEN, patience=2)
        manager.run("subscribe", topics=[LEVELS])

        found = [subscriptions.in_shop(client) for _ in range(2)]
        client.mutate("delete_webhook_subscription", {"id": found[1][0].id})

        assert [len(one) for one in found] == [1, 1]
        assert subscriptions.in_shop(client) == []
        client.close()

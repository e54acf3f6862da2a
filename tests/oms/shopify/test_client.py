"""The client against the local shop: waiting, errors by class, and what it never says."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from fakeshop.testing import TOKEN, ShopServer, new_key
from oms.shopify import documents
from oms.shopify.budget import Budget, Deadline
from oms.shopify.client import ShopifyClient, data_of, gid, parsed
from oms.shopify.errors import (
    Misconfigured,
    NotSent,
    OutcomeUnknown,
    Rejected,
    SearchWarning,
    Throttled,
    UnsupportedVersion,
)

SHOP = {"shop": "demo", "access_token": TOKEN, "locations": ["Main"]}
ITEM = 7_000_000_000_001


@pytest.fixture
def shop(shop_server: ShopServer) -> ShopServer:
    shop_server.reset()
    variant = {"sku": "P", "inventory_item_id": ITEM, "levels": {"Main": 10}}
    shop_server.seed({"shops": [SHOP | {"products": [{"title": "P", "variants": [variant]}]}]})
    return shop_server


@pytest.fixture
def client(shop: ShopServer) -> Iterator[ShopifyClient]:
    made = ShopifyClient(shop.base("demo"), TOKEN, patience=2, timeout=(1, 2))
    yield made
    made.close()


def adjust(shop: ShopServer, delta: int = -1, key: str | None = None) -> dict:
    location = shop.levels("demo", sku="P")[0]["location"]
    change = {
        "changeFromQuantity": None,
        "delta": delta,
        "inventoryItemId": gid("InventoryItem", ITEM),
        "locationId": gid("Location", location),
    }
    given = {"changes": [change], "name": "available", "reason": "correction"}
    return {"input": given, "key": key or new_key()}


def test_it_reads_and_counts_what_it_costs(client: ShopifyClient):
    nodes = client.execute("locations", {})["locations"]["nodes"]

    assert [node["name"] for node in nodes] == ["Main"]
    assert client.usage.calls == 1
    assert client.cost_of("locations") > 0


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "throttle"}, Throttled),
        ({"kind": "status", "code": 429, "retry_after": 60}, Throttled),
        ({"kind": "status", "code": 430}, Throttled),
        ({"kind": "status", "code": 401}, Misconfigured),
        ({"kind": "status", "code": 402}, Misconfigured),
        ({"kind": "status", "code": 403}, Misconfigured),
        ({"kind": "status", "code": 423}, Misconfigured),
        ({"kind": "status", "code": 500}, OutcomeUnknown),
        ({"kind": "status", "code": 503, "html": True}, OutcomeUnknown),
        ({"kind": "status", "code": 504}, OutcomeUnknown),
        ({"kind": "lost_answer"}, OutcomeUnknown),
        ({"kind": "reset"}, OutcomeUnknown),
        ({"kind": "internal_error"}, OutcomeUnknown),
        ({"kind": "delay", "seconds": 3}, OutcomeUnknown),
    ],
)
def test_what_a_mutation_can_end_as(shop: ShopServer, client: ShopifyClient, fault, error):
    shop.fault(**fault, count=None, operation="AdjustInventory")

    with pytest.raises(error):
        client.execute("adjust_inventory", adjust(shop), deadline=Deadline(0.5))


def test_a_wait_of_0_seconds_is_no_leave_to_hammer(shop: ShopServer, client: ShopifyClient):
    shop.fault("status", code=429, retry_after=0, count=None, operation="Locations")

    with pytest.raises(Throttled):
        client.execute("locations", {}, deadline=Deadline(1.5))

    assert client.usage.calls == 2


def test_a_query_of_unknown_outcome_is_repeated(shop: ShopServer, client: ShopifyClient):
    shop.fault("lost_answer", operation="Locations")

    assert client.execute("locations", {})["locations"]["nodes"]
    assert client.usage.calls == 2


def test_a_refused_connection_was_not_sent():
    with pytest.raises(NotSent):
        ShopifyClient("http://127.0.0.1:9", "token", patience=0.2).execute("locations", {})


def test_user_errors_of_a_mutation_are_a_rejection(shop: ShopServer, client: ShopifyClient):
    variables = adjust(shop)
    variables["input"]["reason"] = "because"

    with pytest.raises(Rejected) as caught:
        client.mutate("adjust_inventory", variables)

    assert caught.value.code == "INVALID_REASON"
    assert caught.value.user_errors[0].line() is None


def test_a_bad_variable_is_a_rejection(shop: ShopServer, client: ShopifyClient):
    with pytest.raises(Rejected) as caught:
        client.execute("adjust_inventory", adjust(shop, delta=3_000_000_000))

    assert caught.value.code == "INVALID_VARIABLE"


def test_a_version_before_2026_07_is_refused():
    with pytest.raises(UnsupportedVersion):
        ShopifyClient("https://x.test", "token", "2026-04")


def test_another_version_answering_is_refused(shop: ShopServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("oms.shopify.client.OLDEST_VERSION", "2025-01")
    client = ShopifyClient(shop.base("demo"), TOKEN, "2025-07")

    with pytest.raises(UnsupportedVersion, match="2026-07 answered"):
        client.execute("locations", {})
    calls = client.usage.calls
    with pytest.raises(UnsupportedVersion):
        client.execute("adjust_inventory", adjust(shop))
    assert client.usage.calls == calls


def test_an_unknown_search_field_is_an_error_not_everything(shop: ShopServer, client: ShopifyClient):
    answer = shop.post("demo", '{ inventoryItems(first: 1, query: "nonsense:1") { nodes { id } } }')

    with pytest.raises(SearchWarning):
        data_of(parsed(answer), answer)


def test_an_unknown_top_level_code_leaves_the_outcome_open(shop: ShopServer, client: ShopifyClient):
    answer = shop.post("demo", "{ shop { name } }")
    body = {"errors": [{"message": "?", "extensions": {"code": "NEVER_SEEN"}}]}

    with pytest.raises(OutcomeUnknown):
        data_of(body, answer)


def test_many_threads_stay_within_the_bucket(shop: ShopServer, client: ShopifyClient):
    shop.bucket("demo", 0)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.execute("adjust_inventory", adjust(shop, 1)), range(20)))

    throttled = [entry for entry in shop.log("demo") if "THROTTLED" in str(entry)]
    assert shop.levels("demo", sku="P")[0]["available"] == 30
    assert len(throttled) <= 3
    assert client.usage.wait_seconds > 1.5


def test_the_token_is_in_no_log_line(shop: ShopServer, client: ShopifyClient, caplog):
    caplog.set_level(logging.DEBUG)
    key = new_key()
    shop.fault("status", code=503, operation="AdjustInventory")
    with pytest.raises(OutcomeUnknown) as caught:
        client.execute("adjust_inventory", adjust(shop, key=key), key=key)
    client.execute("adjust_inventory", adjust(shop, key=key), key=key)

    assert key in caplog.text
    assert TOKEN not in caplog.text + repr(caught.value) + str(vars(client.usage))


def test_a_budget_that_cannot_be_met_in_time_is_throttled():
    budget = Budget()
    budget.take(10, Deadline(1))
    budget.answered(10, {"maximumAvailable": 100, "currentlyAvailable": 0, "restoreRate": 1})

    with pytest.raises(Throttled):
        budget.take(50, Deadline(1))
    assert 45 < budget.seconds_for(50) <= 50


def test_documents_carry_no_comments():
    assert "#" not in documents.load("adjust_inventory").text

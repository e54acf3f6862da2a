"""Webhooks (shopify.md 7.7, rows 123-134, and row 88)."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.fakeshop.conftest import Demo, top
from tests.fakeshop.test_bulk import CATALOGUE, finished, run_query
from tests.fakeshop.test_orders import place
from tests.fakeshop.test_returns import (
    DISPOSE,
    EDIT_BEGIN,
    EDIT_COMMIT,
    EDIT_SET,
    PARCELS,
    asked_and_approved,
)

CREATE = """mutation ($topic: WebhookSubscriptionTopic!, $w: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $w) {
    webhookSubscription { id topic uri filter includeFields name apiVersion { handle } }
    userErrors { field message } } }"""
UPDATE = """mutation ($id: ID!, $w: WebhookSubscriptionInput!) {
  webhookSubscriptionUpdate(id: $id, webhookSubscription: $w) {
    webhookSubscription { id uri } userErrors { field message } } }"""
DELETE = """mutation ($id: ID!) { webhookSubscriptionDelete(id: $id) {
  deletedWebhookSubscriptionId userErrors { field message } } }"""
LIST = "{ webhookSubscriptions(first: 50) { nodes { id topic uri } } }"
SECRET = b"demo-secret"


class Receiver:
    """A server that keeps what it receives, and answers with the statuses it is told (200 otherwise)."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                receiver.received.append((dict(self.headers), body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, count: int, seconds: float = 10) -> list[tuple[dict[str, str], dict]]:
        deadline = time.monotonic() + seconds
        while len(self.received) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(self.received) >= count, self.received
        return [(headers, json.loads(body)) for headers, body in self.received]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.server.shutdown()
    one.server.server_close()


def subscribe(demo: Demo, topic: str, uri: str, **more) -> dict:
    given = {"topic": topic, "w": {"uri": uri} | more}
    return demo.call(CREATE, given)["data"]["webhookSubscriptionCreate"]


@pytest.mark.parametrize(("uri", "message"), [
    ("http://shop.example.com/hook", "Address protocol http:// is not supported"),
    ("  ", "Address can't be blank"),
    ("https://localhost/hook", "Address cannot be a Shopify or an internal domain"),
    ("https://demo.myshopify.com/hook", "Address cannot be a Shopify or an internal domain"),
    ("nonsense", "Address is invalid"),
])  # fmt: skip
def test_row_123_addresses_that_are_refused(demo: Demo, uri, message):
    demo.server.switch("demo", webhook_private_targets=False)

    payload = subscribe(demo, "ORDERS_CREATE", uri)

    assert payload["webhookSubscription"] is None
    assert payload["userErrors"] == [{"field": ["webhookSubscription", "callbackUrl"], "message": message}]


def test_row_123_the_switch_permits_local_targets(demo: Demo):
    created = subscribe(demo, "ORDERS_CREATE", " http://127.0.0.1:9/hook ")["webhookSubscription"]

    assert created["uri"] == "http://127.0.0.1:9/hook"
    assert created["apiVersion"] == {"handle": "2026-10"}


def test_row_124_the_same_address_for_the_same_topic(demo: Demo):
    subscribe(demo, "ORDERS_CREATE", "https://example.com/a")

    taken = subscribe(demo, "ORDERS_CREATE", "https://example.com/a")["userErrors"]

    assert taken[0]["message"] == "Address for this topic has already been taken"
    assert subscribe(demo, "ORDERS_PAID", "https://example.com/a")["userErrors"] == []


def test_row_125_topics_that_do_not_exist(demo: Demo):
    body = demo.call(CREATE, {"topic": "NONSENSE", "w": {"uri": "https://example.com"}})
    assert top(body)[0] == "INVALID_VARIABLE"
    literal = CREATE.replace("topic: $topic", "topic: NONSENSE").replace(
        "$topic: WebhookSubscriptionTopic!, ", ""
    )
    assert top(demo.call(literal, {"w": {"uri": "x"}}))[0] == "argumentLiteralsIncompatible"


def test_row_126_filters(demo: Demo):
    message = "The specified filter is invalid, please ensure you specify the field(s) you wish to filter on."

    errors = subscribe(demo, "ORDERS_CREATE", "https://example.com", filter="nonsense")["userErrors"]

    assert errors == [{"field": ["webhookSubscription"], "message": message}]
    assert subscribe(demo, "ORDERS_CREATE", "https://example.com", filter="tags:b2c")["userErrors"] == []


def test_row_127_names(demo: Demo):
    bad = subscribe(demo, "ORDERS_CREATE", "https://example.com", name="not good")["userErrors"][0]
    message = "Name name field can only contain alphanumeric characters, underscores, and hyphens"
    assert bad == {"field": ["webhookSubscription", "name"], "message": message}
    assert len(subscribe(demo, "ORDERS_CREATE", "https://example.com", name="")["userErrors"]) == 2
    assert subscribe(demo, "ORDERS_CREATE", "https://example.com", name="orders_1")["userErrors"] == []
    for name in ("orders_1", "Orders_1"):
        twice = subscribe(demo, "ORDERS_PAID", "https://example.com", name=name)["userErrors"][0]
        assert twice["message"] == "Name already exists, no duplicate allowed"
        assert twice["field"] == ["webhookSubscription", "name"]


@pytest.mark.parametrize(
    "uri", ["ftp://example.com/a", "kafka://example.com", "http://[", "https://example.com/" + "a" * 70_000]
)
def test_row_123_addresses_that_nothing_is_sent_to(demo: Demo, uri: str):
    (error,) = subscribe(demo, "ORDERS_CREATE", uri)["userErrors"]

    assert error["message"].startswith("Address ")


def test_row_128_unknown_subscriptions(demo: Demo):
    unknown = {"id": "gid://shopify/WebhookSubscription/1", "w": {"uri": "https://example.com"}}
    expected = [{"field": ["id"], "message": "Webhook subscription does not exist"}]

    assert demo.call(UPDATE, unknown)["data"]["webhookSubscriptionUpdate"]["userErrors"] == expected
    deleted = demo.call(DELETE, {"id": unknown["id"]})["data"]["webhookSubscriptionDelete"]
    assert deleted["userErrors"] == expected


def test_row_128_updating_and_deleting(demo: Demo):
    created = subscribe(demo, "ORDERS_CREATE", "https://example.com/a")["webhookSubscription"]
    change = {"id": created["id"], "w": {"uri": "https://example.com/b"}}

    demo.call(UPDATE, change)
    listed = demo.call(LIST)["data"]["webhookSubscriptions"]["nodes"]
    assert listed == [{"id": created["id"], "topic": "ORDERS_CREATE", "uri": "https://example.com/b"}]
    demo.call(DELETE, {"id": created["id"]})
    assert demo.call(LIST)["data"]["webhookSubscriptions"]["nodes"] == []


def test_row_129_deliveries_are_signed_over_the_exact_bytes(demo: Demo, receiver: Receiver):
    subscribe(demo, "ORDERS_CREATE", receiver.url, name="mine")
    order = demo.server.place_order(
        "demo", {"sku": "MUG-R", "quantity": 2, "location": "Store"}, tags=["b2c"]
    )

    ((headers, body),) = receiver.wait(1)

    raw = receiver.received[0][1]
    digest = base64.b64encode(hmac.new(SECRET, raw, hashlib.sha256).digest()).decode()
    assert headers["X-Shopify-Hmac-Sha256"] == digest
    assert headers["X-Shopify-Topic"] == "orders/create"
    assert headers["X-Shopify-Shop-Domain"] == "demo.myshopify.com"
    assert headers["X-Shopify-API-Version"] == "2026-10"
    assert headers["X-Shopify-Name"] == "mine"
    assert headers["X-Shopify-Triggered-At"].endswith("Z")
    assert (body["id"], body["name"], body["tags"]) == (order["id"], order["name"], "b2c")
    assert [(one["sku"], one["quantity"]) for one in body["line_items"]] == [("MUG-R", 2)]


@pytest.mark.parametrize("statuses", [[500, 404, 302]])
def test_row_130_failures_are_retried_with_the_same_id_and_body(demo: Demo, receiver: Receiver, statuses):
    demo.server.switch("demo", webhook_retry_seconds=[0.05] * 8)
    receiver.statuses = list(statuses)
    subscribe(demo, "ORDERS_CREATE", receiver.url)

    demo.server.place_order("demo", {"sku": "MUG-R", "quantity": 1})

    received = receiver.wait(4)
    time.sleep(0.3)
    assert len(receiver.received) == 4
    assert len({headers["X-Shopify-Webhook-Id"] for headers, _ in received}) == 1
    assert len({body for _, body in receiver.received}) == 1


def test_row_131_after_all_retries_the_subscription_is_gone(demo: Demo, receiver: Receiver):
    demo.server.switch("demo", webhook_retry_seconds=[0.02] * 8)
    receiver.statuses = [500] * 20
    subscribe(demo, "ORDERS_CREATE", receiver.url)

    demo.server.place_order("demo", {"sku": "MUG-R", "quantity": 1})

    receiver.wait(9)
    deadline = time.monotonic() + 60
    while demo.call(LIST)["data"]["webhookSubscriptions"]["nodes"] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert demo.call(LIST)["data"]["webhookSubscriptions"]["nodes"] == []
    assert len(receiver.received) == 9


def test_row_132_duplicates_carry_the_same_id_and_drops_never_come(demo: Demo, receiver: Receiver):
    demo.server.switch("demo", webhook_duplicate=1.0)
    subscribe(demo, "ORDERS_CREATE", receiver.url)
    for _ in range(2):
        demo.server.place_order("demo", {"sku": "MUG-R", "quantity": 1})
    ids = [headers["X-Shopify-Webhook-Id"] for headers, _ in receiver.wait(4)]
    assert sorted(ids.count(one) for one in set(ids)) == [2, 2]

    demo.server.switch("demo", webhook_duplicate=0.0, webhook_drop=1.0)
    demo.server.place_order("demo", {"sku": "MUG-R", "quantity": 1})
    time.sleep(0.3)
    assert len(receiver.received) == 4


def test_row_132_deliveries_can_change_their_order(demo: Demo, receiver: Receiver):
    demo.server.switch("demo", webhook_reorder=True)
    subscribe(demo, "ORDERS_CREATE", receiver.url)
    placed = [demo.server.place_order("demo", {"sku": "MUG-R", "quantity": 1})["id"] for _ in range(12)]

    came = [body["id"] for _, body in receiver.wait(12)]

    assert sorted(came) == placed
    assert came != placed


def test_row_132_words_of_one_second_are_told_apart_by_when_they_were_triggered(
    demo: Demo, receiver: Receiver
):
    demo.server.switch("demo", webhook_reorder=True)
    subscribe(demo, "INVENTORY_LEVELS_UPDATE", receiver.url)
    for _ in range(6):
        demo.server.adjust("demo", "MUG-R", "Store", delta=1)

    told = receiver.wait(6)

    by_time = sorted(told, key=lambda one: datetime.fromisoformat(one[0]["X-Shopify-Triggered-At"]))
    figures = [body["available"] for _, body in by_time]
    assert figures == sorted(figures)
    assert len({headers["X-Shopify-Triggered-At"] for headers, _ in told}) == 6


def test_row_133_topics_of_one_action_share_the_event(demo: Demo, receiver: Receiver):
    subscribe(demo, "ORDERS_CREATE", receiver.url)
    subscribe(demo, "ORDERS_PAID", receiver.url)

    demo.server.place_order("demo", {"sku": "MUG-R", "quantity": 1})

    received = receiver.wait(2)
    assert {headers["X-Shopify-Topic"] for headers, _ in received} == {"orders/create", "orders/paid"}
    assert len({headers["X-Shopify-Event-Id"] for headers, _ in received}) == 1
    assert len({headers["X-Shopify-Webhook-Id"] for headers, _ in received}) == 2


def test_row_134_our_own_writes_come_back(demo: Demo, receiver: Receiver):
    subscribe(demo, "INVENTORY_LEVELS_UPDATE", receiver.url)

    demo.adjust(demo.change("MUG-R", -2))

    ((headers, body),) = receiver.wait(1)
    assert headers["X-Shopify-Topic"] == "inventory_levels/update"
    assert (body["available"], body["inventory_item_id"]) == (8, demo.items["MUG-R"])
    assert body["location_id"] == demo.locations["Store"]
    assert body["admin_graphql_api_id"].startswith("gid://shopify/InventoryLevel/")


def test_row_054_an_order_tells_the_level_too(demo: Demo, receiver: Receiver):
    subscribe(demo, "INVENTORY_LEVELS_UPDATE", receiver.url)

    demo.server.place_order("demo", {"sku": "MUG-R", "quantity": 3, "location": "Store"})

    assert [body["available"] for _, body in receiver.wait(1)] == [7]


def test_row_088_a_finished_bulk_operation_is_told(demo: Demo, receiver: Receiver):
    subscribe(demo, "BULK_OPERATIONS_FINISH", receiver.url)

    operation = finished(demo, run_query(demo, CATALOGUE))

    ((headers, body),) = receiver.wait(1)
    assert headers["X-Shopify-Topic"] == "bulk_operations/finish"
    assert (body["admin_graphql_api_id"], body["status"], body["type"]) == (
        operation["id"],
        "completed",
        "query",
    )
    assert "url" not in body


def test_filters_and_fields_of_subscriptions(demo: Demo, receiver: Receiver):
    subscribe(
        demo, "ORDERS_CREATE", receiver.url, filter="tags:b2b", includeFields=["id", "tags", "updated_at"]
    )

    demo.server.place_order("demo", {"sku": "MUG-R", "quantity": 1}, tags=["b2c"])
    wanted = demo.server.place_order("demo", {"sku": "MUG-R", "quantity": 1}, tags=["b2b"])

    ((_, body),) = receiver.wait(1)
    assert (body["id"], set(body)) == (wanted["id"], {"id", "tags", "updated_at"})


def test_no_webhooks_when_switched_off(demo: Demo, receiver: Receiver):
    demo.server.switch("demo", webhooks_on=False)
    subscribe(demo, "ORDERS_CREATE", receiver.url)

    demo.server.place_order("demo", {"sku": "MUG-R", "quantity": 1})

    time.sleep(0.3)
    assert receiver.received == []


def test_row_119_returns_and_the_levels_of_restocked_goods_are_announced(demo: Demo, receiver: Receiver):
    id = place(demo)
    demo.server.order_action("demo", int(id.rsplit("/", 1)[1]), "fulfil")
    shipped = demo.call(PARCELS, {"id": id})["data"]["order"]["fulfillments"][0]["fulfillmentLineItems"]
    for topic in ("RETURNS_APPROVE", "INVENTORY_LEVELS_UPDATE"):
        subscribe(demo, topic, receiver.url)

    approved = asked_and_approved(demo, (id, shipped["nodes"][0]["id"]), 1)
    line = approved["reverseFulfillmentOrders"]["nodes"][0]["lineItems"]["nodes"][0]["id"]
    given = {
        "reverseFulfillmentOrderLineItemId": line,
        "quantity": 1,
        "dispositionType": "RESTOCKED",
        "locationId": demo.location("Warehouse"),
    }
    demo.call(DISPOSE, {"inputs": [given]})

    told = {headers["X-Shopify-Topic"]: body for headers, body in receiver.wait(2)}
    assert told["returns/approve"]["return_line_items"][0]["quantity"] == 1
    assert told["inventory_levels/update"]["available"] == 51


def test_row_121_an_order_edit_is_announced_twice(demo: Demo, receiver: Receiver):
    id = place(demo)
    for topic in ("ORDERS_EDITED", "ORDERS_UPDATED"):
        subscribe(demo, topic, receiver.url)

    begun = demo.call(EDIT_BEGIN, {"id": id})["data"]["orderEditBegin"]["calculatedOrder"]
    line = begun["lineItems"]["nodes"][0]["id"]
    demo.call(EDIT_SET, {"id": begun["id"], "line": line, "quantity": 1, "restock": True})
    demo.call(EDIT_COMMIT, {"id": begun["id"]})

    told = {headers["X-Shopify-Topic"]: body for headers, body in receiver.wait(2)}
    assert told["orders/edited"]["order_edit"]["line_items"]["removals"][0]["delta"] == 2
    assert told["orders/updated"]["line_items"][0]["current_quantity"] == 1

"""Deliveries of Shopify into the inbox (inventory.md 5.16, orders.md 10, shopify.md 4.3)."""

import json
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import requests

from fakeshop.webhooks.delivery import signature
from oms.webhooks import subscriptions
from oms.webhooks.receiving import MOST_BYTES, sender_of
from tests.oms.world import World
from tests.web.conftest import LEVEL, Postman


def test_inv_25_a_delivery_is_stored_with_what_its_headers_say(postman: Postman):
    told = postman.deliver()

    assert (told.status_code, told.json()) == (200, {"result": "stored"})
    assert postman.inbox(
        "shop_id, webhook_id, event_id, topic, api_version, triggered_at::text, payload::text, status"
    ) == [
        ("demo", "w1", "e1", "inventory_levels/update", "2026-10", "2026-11-03 10:00:00.123456+00",
         LEVEL.decode(), "NEW")
    ]  # fmt: skip


def test_inv_25_a_repetition_is_ignored(postman: Postman):
    postman.deliver()

    told = postman.deliver()

    assert (told.status_code, told.json()) == (200, {"result": "duplicate"})
    assert postman.inbox() == [("w1", "NEW")]


@pytest.mark.parametrize(
    "forged",
    [
        {"secret": "guess"},
        {"secret": ""},
        {"X_Shopify_Hmac_Sha256": None},
        {"X_Shopify_Hmac_Sha256": ""},
        {"X_Shopify_Hmac_Sha256": "AAAA"},
        {"X_Shopify_Hmac_Sha256": "käse"},
        {"X_Shopify_Hmac_Sha256": signature("current-secret", LEVEL + b" ")},
    ],
)
def test_inv_25_a_bad_signature_is_401_and_the_inbox_empty(postman: Postman, forged):
    told = postman.deliver(**forged)

    assert told.status_code == 401
    assert told.headers["content-type"] == "application/problem+json"
    assert postman.inbox() == []


def test_t_whk_02_the_same_delivery_side_by_side_is_one(postman: Postman):
    with ThreadPoolExecutor(8) as pool:
        told = [one.result().json()["result"] for one in [pool.submit(postman.deliver) for _ in range(8)]]

    assert sorted(told) == ["duplicate"] * 7 + ["stored"]
    assert postman.inbox() == [("w1", "NEW")]


def test_t_whk_08_signed_with_the_old_secret(postman: Postman):
    assert postman.deliver(secret="old-secret").json() == {"result": "stored"}


def test_a_delivery_of_another_shop_with_the_same_app_is_refused(postman: Postman):
    told = postman.deliver(shop="demo", X_Shopify_Shop_Domain="other.myshopify.com")

    assert (told.status_code, told.json()["code"]) == (403, "ERR_OTHER_SHOP")
    assert postman.inbox() == []


@pytest.mark.parametrize("shop", ["nowhere", "unset", "DEMO", "demo%00", "..%2Fdemo"])
def test_an_unknown_shop_looks_like_a_wrong_signature(postman: Postman, shop):
    told = postman.deliver(shop=shop)

    assert told.status_code in (401, 404)
    assert shop != "nowhere" or told.json() == postman.deliver(secret="guess").json()
    assert postman.inbox() == []


@pytest.mark.parametrize("shop", ["NEW ERA 日本", "a%b?c#d", "demo shop"])
def test_the_address_of_a_shop_reaches_it_whatever_its_id(postman: Postman, shops: World, shop: str):
    """The id is ours to choose; the address is what the shop is told."""
    shops.shop(shop_id=shop, location=9)
    postman.db.execute("update oms.shop set connection_id = 'shopify_demo' where shop_id = %s", (shop,))
    postman.db.commit()
    body, url = LEVEL, f"{postman.url}{subscriptions.path_of(shop)}"
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": "inventory_levels/update",
        "X-Shopify-Hmac-Sha256": signature("current-secret", body),
        "X-Shopify-Shop-Domain": "demo.myshopify.com",
        "X-Shopify-Webhook-Id": "w1",
    }

    told = requests.post(url, data=body, headers=headers, timeout=30)

    assert (told.status_code, told.json()) == (200, {"result": "stored"})
    assert postman.inbox("shop_id") == [(shop,)]


def test_one_webhook_id_in_two_shops_is_two_deliveries(postman: Postman):
    postman.deliver(shop="demo")
    postman.deliver(shop="other")

    assert postman.inbox("shop_id") == [("demo",), ("other",)]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_another_kind_of_body_is_415(postman: Postman, kind):
    assert postman.deliver(Content_Type=kind).status_code == 415
    assert postman.inbox() == []


def test_a_body_of_more_than_2_mb_is_413(postman: Postman):
    body = json.dumps({"note": "x" * MOST_BYTES}).encode()

    assert postman.deliver(body).status_code == 413
    assert postman.inbox() == []


def test_a_body_of_nearly_2_mb_is_stored_byte_for_byte(postman: Postman):
    body = json.dumps({"note": "ü" * (MOST_BYTES // 2 - 100)}, ensure_ascii=False, indent=3).encode()

    assert postman.deliver(body).json() == {"result": "stored"}
    assert postman.inbox("convert_to(payload::text, 'UTF8')") == [(body,)]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b'{"a": "\x00"}', b"[" * 1_000_000, b"[" * 500_000 + b"]" * 500_000],
    ids=["empty", "cut", "bytes", "nul", "open", "deep"],
)
def test_a_signed_body_that_is_no_json_is_400(postman: Postman, body):
    told = postman.deliver(body)

    assert (told.status_code, told.json()["code"]) == (400, "ERR_JSON")
    assert postman.inbox() == []


def test_escapes_that_stand_for_no_character_lose_no_delivery(postman: Postman):
    body = rb'{"title": "A\u0000B \ud83d \ud83d\ude00 \\u0000 \u00e9", "available": 7}'

    assert postman.deliver(body).json() == {"result": "stored"}
    assert postman.inbox("payload ->> 'title', payload ->> 'available'") == [
        ("A\ufffdB \ufffd \U0001f600 \\u0000 é", "7")
    ]


@pytest.mark.parametrize("missing", ["X_Shopify_Topic", "X_Shopify_Webhook_Id"])
def test_a_delivery_without_topic_or_id_is_400(postman: Postman, missing):
    told = postman.deliver(**{"webhook_id": "w1", missing: None})

    assert told.status_code == 400
    assert told.json()["field"] == missing.replace("_", "-")
    assert postman.inbox() == []


def test_an_unknown_topic_is_answered_and_ignored(postman: Postman):
    told = postman.deliver(X_Shopify_Topic="carts/update")

    assert (told.status_code, told.json()) == (200, {"result": "ignored"})
    assert postman.inbox() == []


def test_a_delivery_that_nobody_works_off_is_kept_as_ignored_with_the_reason(postman: Postman):
    told = postman.deliver(X_Shopify_Topic="orders/create")

    assert (told.status_code, told.json()) == (200, {"result": "ignored"})
    assert postman.inbox("status, error, processed_at is not null") == [
        ("IGNORED", "no job works off orders/create: end the subscription", True)
    ]


def test_damaged_extras_do_not_lose_a_delivery(postman: Postman):
    told = postman.deliver(X_Shopify_Triggered_At="yesterday", X_Shopify_Event_Id=None)

    assert told.json() == {"result": "stored"}
    assert postman.inbox("event_id, triggered_at") == [(None, None)]


def test_a_delivery_rings_the_bell(postman: Postman, oms_dsn: str):
    with psycopg.connect(oms_dsn, autocommit=True) as listener:
        listener.execute("listen oms_webhook_received")

        postman.deliver()

        heard = [one.payload for one in listener.notifies(timeout=5, stop_after=1)]
    assert heard == ["inventory_levels/update"]


def test_other_methods_are_refused(postman: Postman):
    assert requests.get(f"{postman.url}/webhooks/shopify/demo", timeout=9).status_code == 405


@pytest.mark.parametrize(
    ("host", "extra", "domain"),
    [
        ("https://My-Shop.myshopify.com", {}, "my-shop.myshopify.com"),
        ("my-shop.myshopify.com", {}, "my-shop.myshopify.com"),
        ("http://127.0.0.1:8099/demo", {"shop_domain": "demo.myshopify.com"}, "demo.myshopify.com"),
    ],
)
def test_the_domain_of_a_connection(host, extra, domain):
    assert sender_of(host, extra).domain == domain


def test_a_shop_without_a_secret_receives_nothing():
    assert sender_of("https://a.myshopify.com", {"client_secret": ""}).secrets == ()

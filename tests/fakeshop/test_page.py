"""The page for people."""

import re

import requests

from fakeshop.testing import TOKEN, ShopServer
from tests.fakeshop.conftest import Demo


def get(server: ShopServer, path: str) -> str:
    answer = requests.get(server.url + path, timeout=10)
    assert answer.status_code == 200
    return answer.text


def test_it_lists_shops_products_and_the_last_requests(demo: Demo):
    demo.adjust(demo.change("MUG-R", -2))

    home = get(demo.server, "/")
    assert "demo.myshopify.com" in home
    assert "No login" in home
    assert "inventoryAdjustQuantities" in home
    page = get(demo.server, "/_page/demo")
    assert all(sku in page for sku in ("MUG-R", "MUG-B", "SET", "CAP"))
    assert re.search(r"<td class=\"n\"><span class=\"\">\s*8</span>", page)


def test_it_searches_and_pages(demo: Demo):
    demo.server.generate("demo", 120)

    assert "MUG-R" not in get(demo.server, "/_page/demo?q=gen-0000001")
    assert "GEN-0000001" in get(demo.server, "/_page/demo?q=gen-0000001")
    assert "page 3 of 3" in get(demo.server, "/_page/demo?q=GEN&page=3")
    assert "Nothing found" in get(demo.server, "/_page/demo?q=nothing-like-this")


def test_a_person_places_an_order_and_sets_a_level(demo: Demo):
    form = {"variant": demo.variants["MUG-R"], "quantity": 2, "location": demo.locations["Store"]}
    answer = requests.post(f"{demo.server.url}/_page/demo/order", data=form, timeout=10)
    assert "Order #1001 placed: 2 × MUG-R" in answer.text
    assert (demo.level("MUG-R")["available"], demo.level("MUG-R")["committed"]) == (8, 2)

    form = {"variant": demo.variants["MUG-R"], "value": 33, "location": demo.locations["Store"]}
    answer = requests.post(f"{demo.server.url}/_page/demo/level", data=form, timeout=10)
    assert "available is now 33" in answer.text
    assert demo.level("MUG-R")["available"] == 33


def test_what_cannot_be_done_is_said(demo: Demo):
    form = {"variant": 1, "quantity": 1}

    answer = requests.post(f"{demo.server.url}/_page/demo/order", data=form, timeout=10)

    assert "Refused: no variant" in answer.text


def test_everything_is_escaped(server: ShopServer):
    server.reset()
    evil = "<script>alert(1)</script>"
    product = {"title": evil, "variants": [{"sku": evil, "title": evil, "levels": {evil: 1}}]}
    server.seed({
        "shops": [
            {"shop": "demo", "name": evil, "access_token": TOKEN, "locations": [evil], "products": [product]}
        ]
    })  # fmt: skip

    for path in ("/", "/_page/demo", "/_page/demo?q=<script>&said=<script>"):
        text = get(server, path)
        assert "<script>" not in text
        assert "&lt;script&gt;" in text


def test_forms_of_other_sites_and_rebound_names_are_refused(demo: Demo):
    form = {"variant": demo.variants["MUG-R"], "value": 33, "location": demo.locations["Store"]}
    url = f"{demo.server.url}/_page/demo/level"

    assert (
        requests.post(url, data=form, headers={"Origin": "https://evil.example"}, timeout=10).status_code
        == 403
    )
    assert requests.get(demo.server.url, headers={"Host": "evil.example"}, timeout=10).status_code == 403
    assert demo.level("MUG-R")["available"] == 10

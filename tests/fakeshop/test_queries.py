"""Cost, paging, search, ids, faults (shopify.md 7.5, rows 90-101; 7.8)."""

import base64
import json
import time

import pytest
import requests

from fakeshop import cost
from tests.fakeshop.conftest import ADJUST, Demo, codes, top

LEVELS = """query ($id: ID!, $first: Int, $after: String) { location(id: $id) {
  inventoryLevels(first: $first, after: $after) { nodes { id isActive item { id sku }
    quantities(names: ["available"]) { name quantity updatedAt } } pageInfo { hasNextPage endCursor } } } }"""
ALL_ITEMS = """{ inventoryItems(first: 250) { nodes { id sku tracked inventoryLevels(first: 10) { nodes {
  id isActive location { id } quantities(names: ["available"]) { name quantity updatedAt } }
  pageInfo { hasNextPage } } } pageInfo { hasNextPage endCursor } } }"""
ITEMS = """query ($ids: [ID!]!, $at: ID!) { nodes(ids: $ids) { ... on InventoryItem { id sku tracked
  inventoryLevel(locationId: $at, includeInactive: true) {
    id isActive quantities(names: ["available"]) { name quantity } } } } }"""
BY_LEVEL = """query ($ids: [ID!]!) { nodes(ids: $ids) { ... on InventoryLevel { id isActive item { id }
  location { id } quantities(names: ["available"]) { quantity } } } }"""


def cost_of(body) -> tuple[int, int]:
    entry = body["extensions"]["cost"]
    return entry["requestedQueryCost"], entry["actualQueryCost"]


def test_row_090_costs_of_the_documents_of_the_specification(demo: Demo):
    place = {"id": demo.location("Store"), "first": 250}
    items = {"ids": [demo.item("MUG-R"), demo.item("MUG-B")], "at": demo.location("Store")}

    assert cost_of(demo.call(LEVELS, place))[0] == 36
    assert cost_of(demo.call(ALL_ITEMS))[0] == 167
    assert cost_of(demo.call(ITEMS, items)) == (3, 3)
    level = demo.call(ITEMS, items)["data"]["nodes"][0]["inventoryLevel"]["id"]
    assert cost_of(demo.call(BY_LEVEL, {"ids": [level]})) == (4, 4)
    assert cost_of(demo.call("{ locations(first: 50) { nodes { id } } }"))[0] == 9
    assert cost_of(demo.call("{ bulkOperations(first: 10) { nodes { id } } }"))[0] == 6
    assert cost_of(demo.call("{ productsCount { count } }")) == (10, 10)


def test_row_090_costs_of_mutations(demo: Demo):
    given = {"name": "available", "reason": "correction", "changes": [demo.change("MUG-R", 1)]}
    plain = ADJUST.replace("changes { name delta quantityAfterChange ledgerDocumentUri }", "")
    full = ADJUST.replace("name delta quantity", "item { id } location { id } name delta quantity")

    assert cost_of(demo.call(plain, {"input": given, "key": "a"})) == (10, 10)
    assert cost_of(demo.call(full, {"input": given, "key": "b"})) == (13, 13)


@pytest.mark.parametrize(("size", "factor"), [
    (1, 1), (2, 1), (3, 2), (5, 3), (10, 4), (20, 5), (25, 6), (50, 7), (100, 9), (250, 11),
])  # fmt: skip
def test_row_090_the_price_of_a_page_grows_with_its_logarithm(size, factor):
    assert cost.weight(size) == factor


def test_row_090_what_was_not_returned_flows_back(demo: Demo):
    demo.server.bucket("demo", 2000)

    body = demo.call(ALL_ITEMS)

    requested, actual = cost_of(body)
    assert actual < requested
    status = body["extensions"]["cost"]["throttleStatus"]
    assert status["maximumAvailable"] == 2000
    assert status["currentlyAvailable"] == pytest.approx(2000 - actual, abs=20)
    assert status["restoreRate"] == 100


def test_row_091_an_empty_bucket_throttles(demo: Demo):
    demo.server.bucket("demo", -500)

    answer = demo.server.post("demo", ALL_ITEMS)

    body = answer.json()
    assert answer.status_code == 200
    assert top(body) == ("THROTTLED", "Throttled")
    assert "data" not in body
    assert cost_of(body) == (167, None)
    assert body["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"] == 0


def test_row_091_the_bucket_fills_again(demo: Demo):
    demo.server.bucket("demo", -100)
    assert top(demo.adjust_body(demo.change("MUG-R", -1)))[0] == "THROTTLED"

    time.sleep(1.2)

    assert codes(demo.adjust(demo.change("MUG-R", -1))) == []


def test_row_092_a_request_over_a_thousand_points(demo: Demo):
    inner = (
        "variants(first: 250) { nodes { inventoryItem { inventoryLevels(first: 250) { nodes { id } } } } }"
    )

    body = demo.call(f"{{ products(first: 250) {{ nodes {{ {inner} }} }} }}")

    extensions = body["errors"][0]["extensions"]
    assert (extensions["code"], extensions["maxCost"]) == ("MAX_COST_EXCEEDED", 1000)
    assert extensions["cost"] > 1000
    assert "data" not in body


@pytest.mark.parametrize(("plan", "rate"), [
    ("standard", 100), ("advanced", 200), ("plus", 1000), ("enterprise", 2000),
])  # fmt: skip
def test_row_093_plans(demo: Demo, plan, rate):
    demo.server.switch("demo", plan=plan)

    status = demo.call("{ shop { name } }")["extensions"]["cost"]["throttleStatus"]

    assert (status["restoreRate"], status["maximumAvailable"]) == (rate, 20 * rate)


def test_row_094_the_debug_header_shows_fields(demo: Demo):
    headers = {"Shopify-GraphQL-Cost-Debug": "1"}
    text = "{ shop { name } locations(first: 50) { nodes { id } } }"

    fields = demo.call(text, headers=headers)["extensions"]["cost"]["fields"]

    assert [(one["path"], one["requestedTotalCost"]) for one in fields] == [(["shop"], 1), (["locations"], 9)]
    assert "fields" not in demo.call(text)["extensions"]["cost"]


def test_row_095_page_sizes(demo: Demo):
    assert top(demo.call("{ locations(first: 251) { nodes { id } } }"))[0] == "BAD_REQUEST"
    empty = demo.call("{ locations(first: 0) { nodes { id } pageInfo { hasNextPage } } }")
    assert empty["data"]["locations"] == {"nodes": [], "pageInfo": {"hasNextPage": True}}


def test_row_096_broken_cursors(demo: Demo):
    other = base64.b64encode(b'{"last_id":1,"last_value":2}').decode()
    for cursor in ("nonsense", other):
        body = demo.call(
            "query ($a: String) { locations(first: 1, after: $a) { nodes { id } } }", {"a": cursor}
        )
        assert top(body) == ("BAD_REQUEST", "Malformed cursor")


def test_row_097_pages_join_up(demo: Demo):
    demo.server.generate("demo", 23, locations=1)
    (place,) = [one["id"] for one in demo.server.describe("demo")["locations"] if one["name"] == "Location 4"]
    seen, after = [], None
    while True:
        given = {"id": f"gid://shopify/Location/{place}", "first": 5, "after": after}
        page = demo.call(LEVELS, given)["data"]["location"]["inventoryLevels"]
        seen += [node["item"]["sku"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        assert set(json.loads(base64.b64decode(after))) == {"last_id", "last_value"}
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == [f"GEN-{number:07d}" for number in range(1, 24)]


def test_row_097_pages_backwards_and_reversed(demo: Demo):
    text = "query ($b: String) { locations(%s) {"
    text += " nodes { name } edges { cursor } pageInfo { hasPreviousPage } } }"
    last = demo.call(text.replace("($b: String)", "") % "last: 2")["data"]["locations"]
    assert [one["name"] for one in last["nodes"]] == ["Store", "Warehouse"]
    before = demo.call(text % "last: 2, before: $b", {"b": last["edges"][0]["cursor"]})["data"]["locations"]
    assert [one["name"] for one in before["nodes"]] == ["Pop-up"]
    assert (last["pageInfo"]["hasPreviousPage"], before["pageInfo"]["hasPreviousPage"]) == (True, False)
    reverse = demo.call(text.replace("($b: String)", "") % "first: 2, reverse: true")["data"]["locations"]
    assert [one["name"] for one in reverse["nodes"]] == ["Warehouse", "Store"]


def test_row_098_unknown_ids_are_null_in_place(demo: Demo):
    ids = ["gid://shopify/InventoryItem/1", demo.item("MUG-R"), "gid://shopify/Nothing/7"]

    body = demo.call(ITEMS, {"ids": ids, "at": demo.location("Store")})

    assert "errors" not in body
    assert [node and node["sku"] for node in body["data"]["nodes"]] == [None, "MUG-R", None]
    order = demo.call('{ order(id: "gid://shopify/Order/1") { id } }')
    assert order["data"] == {"order": None}
    assert "errors" not in order


def test_row_099_ids_of_another_type(demo: Demo):
    text = "mutation ($id: ID!) { inventoryDeactivate(inventoryLevelId: $id) { userErrors { message } } }"

    body = demo.call(text, {"id": demo.item("MUG-R")})

    assert top(body) == ("RESOURCE_NOT_FOUND", f"invalid id: {demo.item('MUG-R')}")


def test_row_100_an_unknown_filter_returns_everything_with_a_warning(demo: Demo):
    body = demo.call('{ products(first: 10, query: "foo:1") { nodes { id } } }')

    assert len(body["data"]["products"]["nodes"]) == 3
    (search,) = body["extensions"]["search"]
    assert (search["path"], search["query"]) == (["products"], "foo:1")
    assert search["warnings"] == [
        {"field": "foo", "message": "Invalid search field for this query.", "code": "invalid_field"}
    ]


@pytest.mark.parametrize(("query", "skus"), [
    ("sku:MUG-R", {"MUG-R"}),
    ("sku:MUG*", {"MUG-R", "MUG-B"}),
    ("sku:MUG-R OR sku:CAP", {"MUG-R", "CAP"}),
    ("-sku:MUG-R", {"MUG-B", "SET", "CAP"}),
    ("NOT (sku:MUG-R OR sku:MUG-B) product_status:active", {"SET"}),
    ("product_status:draft", {"CAP"}),
    ("title:'Red'", {"MUG-R"}),
    ("updated_at:>='2031-01-01T00:00:00Z'", set()),
])  # fmt: skip
def test_row_100_filters_that_are_known(demo: Demo, query, skus):
    body = demo.call(
        "query ($q: String) { productVariants(first: 50, query: $q) { nodes { sku } } }", {"q": query}
    )

    assert {node["sku"] for node in body["data"]["productVariants"]["nodes"]} == skus
    assert "search" not in body["extensions"]


def test_row_100_a_real_filter_that_is_not_simulated_says_so(demo: Demo):
    body = demo.call('{ orders(first: 1, query: "risk_level:high") { nodes { id } } }')

    assert top(body)[0] == "NOT_SIMULATED"


def test_row_100_levels_by_their_time(demo: Demo):
    demo.server.clock(3600)
    demo.adjust(demo.change("MUG-B", 1))
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1800))
    text = "query ($id: ID!, $q: String) { location(id: $id) {"

    body = demo.call(
        text + " inventoryLevels(first: 9, query: $q) { nodes { item { sku } } } } }",
        {"id": demo.location("Store"), "q": f"updated_at:>='{since}'"},
    )

    nodes = body["data"]["location"]["inventoryLevels"]["nodes"]
    assert [node["item"]["sku"] for node in nodes] == ["MUG-B"]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 402, 423])
def test_row_101_http_errors(demo: Demo, status):
    demo.server.fault("status", code=status, retry_after=2, count=1, html=status == 502)

    answer = demo.server.post("demo", "{ shop { name } }")

    assert answer.status_code == status
    assert answer.headers["Retry-After"] == "2"
    assert ("<html>" in answer.text) is (status == 502)
    assert demo.server.post("demo", "{ shop { name } }").status_code == 200


def test_row_101_cut_connections_and_internal_errors(demo: Demo):
    demo.server.fault("reset")
    with pytest.raises(requests.ConnectionError):
        demo.adjust(demo.change("MUG-R", -1))
    assert demo.level("MUG-R")["available"] == 10

    demo.server.fault("internal_error")
    assert top(demo.adjust_body(demo.change("MUG-R", -1)))[0] == "INTERNAL_SERVER_ERROR"
    assert demo.level("MUG-R")["available"] == 10
    demo.server.fault("status", code=504, phase="after")
    given = {"name": "available", "reason": "correction", "changes": [demo.change("MUG-R", -1)]}
    assert demo.server.post("demo", ADJUST, {"input": given, "key": "k"}).status_code == 504
    assert demo.level("MUG-R")["available"] == 9


def test_row_101_slow_answers(demo: Demo):
    demo.server.fault("delay", seconds=0.3)
    start = time.monotonic()

    demo.call("{ shop { name } }")

    assert time.monotonic() - start >= 0.3


def test_row_101_faults_choose_by_operation_shop_count_and_probability(demo: Demo):
    demo.server.fault("throttle", operation="Adjust", count=2, skip=1)
    demo.server.fault("throttle", shop="another", count=None)

    assert "data" in demo.call("{ shop { name } }")
    answers = [demo.adjust_body(demo.change("MUG-R", -1)) for _ in range(4)]
    assert ["errors" in body for body in answers] == [False, True, True, False]
    demo.server.clear_faults()
    demo.server.fault("throttle", count=None, probability=0.5)
    hits = ["errors" in demo.call("{ shop { name } }") for _ in range(40)]
    assert 5 < sum(hits) < 35


def test_ids_are_long_and_levels_have_the_number_of_their_location(demo: Demo):
    items = {"ids": [demo.item("MUG-R"), demo.item("MUG-B")], "at": demo.location("Store")}
    found = [node["inventoryLevel"]["id"] for node in demo.call(ITEMS, items)["data"]["nodes"]]

    numbers = {one.split("/")[-1].split("?")[0] for one in found}
    assert len(numbers) == 1
    assert numbers != {str(demo.locations["Store"])}
    assert found[0].endswith(f"?inventory_item_id={demo.items['MUG-R']}")
    assert min(demo.items.values()) > 2**32
    again = demo.call(BY_LEVEL, {"ids": found})["data"]["nodes"]
    assert [node["item"]["id"] for node in again] == items["ids"]


def test_sort_keys_that_are_not_simulated_say_so(demo: Demo):
    inner = "variants(first: 1, sortKey: INVENTORY_QUANTITY) { nodes { id } }"

    assert top(demo.call(f"{{ products(first: 1) {{ nodes {{ {inner} }} }} }}"))[0] == "NOT_SIMULATED"
    assert top(demo.call("{ products(first: 1, sortKey: RELEVANCE) { nodes { id } } }"))[0] == "NOT_SIMULATED"


def test_the_log_knows_costs_and_keys(demo: Demo):
    demo.server.clear_log()
    demo.adjust(demo.change("MUG-R", -1), key="the-key")

    (entry,) = demo.server.log("demo")

    assert (entry["operation"], entry["fields"]) == ("Adjust", ["inventoryAdjustQuantities"])
    assert (entry["requested_cost"], entry["status"], entry["keys"]) == (11, 200, ["the-key"])


def test_products_and_variants_are_read(demo: Demo):
    text = """{ products(first: 10, sortKey: TITLE) { nodes {
      title status totalInventory variantsCount { count }
      variants(first: 10) { nodes { sku title position inventoryQuantity inventoryItem { tracked sku } } } } }
      shop { name currencyCode myshopifyDomain } currentAppInstallation { accessScopes { handle } } }"""

    data = demo.call(text)["data"]

    assert [one["title"] for one in data["products"]["nodes"]] == ["Cap", "Mug", "Set"]
    mug = data["products"]["nodes"][1]
    assert (mug["totalInventory"], mug["variantsCount"]) == (65, {"count": 2})
    assert [(one["sku"], one["position"], one["inventoryQuantity"]) for one in mug["variants"]["nodes"]] == [
        ("MUG-R", 1, 60),
        ("MUG-B", 2, 5),
    ]
    handles = {one["handle"] for one in data["currentAppInstallation"]["accessScopes"]}
    assert {"write_inventory", "read_inventory"} <= handles

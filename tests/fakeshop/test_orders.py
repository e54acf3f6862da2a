"""Orders, fulfilment, refunds (shopify.md 7.6, rows 102-117, 120)."""

import time

import pytest

from fakeshop.testing import new_key
from tests.fakeshop.conftest import Demo, codes, top
from tests.fakeshop.test_bulk import finished, lines_of, run_query

ORDER = """query ($id: ID!) { order(id: $id) {
  id name createdAt updatedAt cancelledAt closedAt cancelReason
  displayFinancialStatus displayFulfillmentStatus
  returnStatus tags note cancellation { staffNote } currentTotalPriceSet { shopMoney { amount currencyCode } }
  lineItems(first: 10) { nodes { id sku quantity currentQuantity unfulfilledQuantity refundableQuantity } }
  fulfillmentOrders(first: 10) { nodes { id status requestStatus assignedLocation { location { id name } }
    supportedActions { action } fulfillmentHolds { id handle reason }
    lineItems(first: 10) { nodes { id totalQuantity remainingQuantity inventoryItemId lineItem { sku } } } } }
  fulfillments { id status displayStatus trackingInfo { company number url } }
  refunds { id refundLineItems(first: 9) {
    nodes { quantity restockType restocked lineItem { sku } } } } } }"""
FULFIL = """mutation ($f: FulfillmentInput!) { fulfillmentCreate(fulfillment: $f) {
  fulfillment { id status } userErrors { field message } } }"""
CANCEL = """mutation ($id: ID!, $restock: Boolean!, $note: String, $refund: Boolean,
    $method: OrderCancelRefundMethodInput) {
  orderCancel(orderId: $id, reason: CUSTOMER, restock: $restock, staffNote: $note, refund: $refund,
    refundMethod: $method) {
    job { id done } jobResult { id done status order { id } }
    orderCancelUserErrors { code field message } } }"""
HOLD = """mutation ($id: ID!, $h: FulfillmentOrderHoldInput!) {
  fulfillmentOrderHold(id: $id, fulfillmentHold: $h) {
    fulfillmentHold { id } fulfillmentOrder { status } userErrors { code field message } } }"""
RELEASE = """mutation ($id: ID!, $holds: [ID!]) { fulfillmentOrderReleaseHold(id: $id, holdIds: $holds) {
  fulfillmentOrder { status } userErrors { code field message } } }"""
MOVE = """mutation ($id: ID!, $to: ID!, $lines: [FulfillmentOrderLineItemInput!]) {
  fulfillmentOrderMove(id: $id, newLocationId: $to, fulfillmentOrderLineItems: $lines) {
    movedFulfillmentOrder { id assignedLocation { location { id } }
      lineItems(first: 9) { nodes { totalQuantity } } }
    originalFulfillmentOrder { id } remainingFulfillmentOrder { id }
    userErrors { code field message } } }"""
REFUND = """mutation ($input: RefundInput!, $key: String!) {
  refundCreate(input: $input) @idempotent(key: $key) {
    refund { id totalRefundedSet { shopMoney { amount } } } order { id } userErrors { field message } } }"""
UPDATE = """mutation ($input: OrderInput!) { orderUpdate(input: $input) {
  order { note tags } userErrors { field message } } }"""
TAGS = """mutation ($id: ID!, $tags: [String!]!) { tagsAdd(id: $id, tags: $tags) {
  node { id ... on Order { tags } } userErrors { field message } } }"""
METAFIELDS = """mutation ($m: [MetafieldsSetInput!]!) { metafieldsSet(metafields: $m) {
  metafields { namespace key value compareDigest } userErrors { code field message elementIndex } } }"""


def place(demo: Demo, *lines, **more) -> str:
    given = lines or ({"sku": "MUG-R", "quantity": 3, "location": "Store"},)
    return f"gid://shopify/Order/{demo.server.place_order('demo', *given, **more)['id']}"


def read(demo: Demo, id: str) -> dict:
    return demo.call(ORDER, {"id": id})["data"]["order"]


def first_part(demo: Demo, id: str) -> dict:
    return read(demo, id)["fulfillmentOrders"]["nodes"][0]


def fulfil(demo: Demo, part: str, lines=None, **more) -> dict:
    one = {"fulfillmentOrderId": part} | ({"fulfillmentOrderLineItems": lines} if lines else {})
    given = {"lineItemsByFulfillmentOrder": [one]} | more
    return demo.call(FULFIL, {"f": given})["data"]["fulfillmentCreate"]


def test_row_102_an_order_has_a_fulfilment_order_for_each_location(demo: Demo):
    id = place(
        demo,
        {"sku": "MUG-R", "quantity": 2, "location": "Store"},
        {"sku": "MUG-B", "quantity": 1, "location": "Store"},
        {"sku": "CAP", "quantity": 1},
    )

    order = read(demo, id)
    parts = {one["assignedLocation"]["location"]["name"]: one for one in order["fulfillmentOrders"]["nodes"]}
    assert set(parts) == {"Store", "Warehouse"}
    assert {one["status"] for one in parts.values()} == {"OPEN"}
    lines = parts["Store"]["lineItems"]["nodes"]
    assert [(one["lineItem"]["sku"], one["remainingQuantity"]) for one in lines] == [
        ("MUG-R", 2),
        ("MUG-B", 1),
    ]
    assert (order["name"], order["displayFulfillmentStatus"]) == ("#1001", "UNFULFILLED")
    assert order["currentTotalPriceSet"]["shopMoney"] == {"amount": "40.0", "currencyCode": "USD"}


def test_row_102_orders_are_found_by_filters(demo: Demo):
    one, two = place(demo, tags=["b2b"]), place(demo, email="ada@example.com")
    demo.server.order_action("demo", int(two.rsplit("/", 1)[1]), "cancel")
    text = "query ($q: String) { orders(first: 9, query: $q, sortKey: UPDATED_AT) { nodes { id } } }"

    def ids(query: str) -> list[str]:
        return [node["id"] for node in demo.call(text, {"q": query})["data"]["orders"]["nodes"]]

    assert ids("tag:b2b") == [one]
    assert ids("status:cancelled") == [two]
    assert ids("status:open") == [one]
    assert ids("name:'#1002'") == [two]
    assert ids("updated_at:>='2026-01-01T00:00:00Z' email:ada@example.com") == [two]


def test_row_102_orders_are_found_by_how_far_they_are_shipped(demo: Demo):
    new, part, whole, held = (place(demo) for _ in range(4))
    line = first_part(demo, part)["lineItems"]["nodes"][0]["id"]
    fulfil(demo, first_part(demo, part)["id"], [{"id": line, "quantity": 1}])
    fulfil(demo, first_part(demo, whole)["id"])
    hold(demo, first_part(demo, held)["id"], "h")
    text = "query ($q: String) { orders(first: 9, query: $q, sortKey: ID) { nodes { id } } }"

    def ids(word: str) -> list[str]:
        body = demo.call(text, {"q": f"fulfillment_status:{word}"})
        return [node["id"] for node in body["data"]["orders"]["nodes"]]

    assert ids("unshipped") == ids("unfulfilled") == [new]
    assert ids("partial") == [part]
    assert ids("shipped") == ids("fulfilled") == ids("SHIPPED") == [whole]
    assert ids("on_hold") == [held]
    assert ids("scheduled") == ids("request_declined") == []


def test_an_order_before_any_payment_has_no_financial_status(demo: Demo):
    id, paid = place(demo, financial_status=None), place(demo)

    assert read(demo, id)["displayFinancialStatus"] is None
    assert payments(demo, id) == []
    text = "query ($q: String) { orders(first: 9, query: $q, sortKey: FINANCIAL_STATUS) { nodes { id } } }"
    assert [one["id"] for one in demo.call(text)["data"]["orders"]["nodes"]] == [id, paid]
    found = demo.call(text, {"q": "financial_status:paid"})["data"]["orders"]["nodes"]
    assert found == [{"id": paid}]


def test_money_has_no_zero_beyond_the_first_decimal(demo: Demo):
    prices = ["20.00", "12.50", "6.75", "0", "100", "0.05"]
    id = place(demo, *({"sku": "MUG-R", "price": price} for price in prices))
    text = """query ($id: ID!) { order(id: $id) { lineItems(first: 9) {
      nodes { originalUnitPriceSet { shopMoney { amount } } variant { price } } } } }"""

    lines = demo.call(text, {"id": id})["data"]["order"]["lineItems"]["nodes"]

    assert [one["originalUnitPriceSet"]["shopMoney"]["amount"] for one in lines] == [
        "20.0", "12.5", "6.75", "0.0", "100.0", "0.05",
    ]  # fmt: skip
    assert {one["variant"]["price"] for one in lines} == {"10.00"}, "a Money scalar has two"


def test_what_can_be_done_with_a_fulfilment_order(demo: Demo):
    id = place(demo, {"sku": "MUG-R", "quantity": 3, "location": "Store"})
    one = first_part(demo, place(demo, {"sku": "MUG-B"}))
    part = first_part(demo, id)

    def actions(part: dict) -> list[str]:
        return [one["action"] for one in part["supportedActions"]]

    assert actions(one) == ["CREATE_FULFILLMENT", "REPORT_PROGRESS", "MOVE", "HOLD"]
    assert actions(part) == [*actions(one), "SPLIT"]
    line = part["lineItems"]["nodes"][0]["id"]
    there = move(demo, part["id"], demo.location("Warehouse"), [{"id": line, "quantity": 1}])
    move(demo, there["movedFulfillmentOrder"]["id"], demo.location("Store"))
    assert actions(first_part(demo, id)) == [*actions(one), "SPLIT", "MERGE"]
    for number in range(10):
        assert hold(demo, part["id"], f"h{number}")["userErrors"] == []
        full = ["RELEASE_HOLD", "MOVE"] if number == 9 else ["RELEASE_HOLD", "HOLD", "MOVE"]
        assert actions(first_part(demo, id)) == full
    demo.call(RELEASE, {"id": part["id"]})
    fulfil(demo, part["id"], [{"id": line, "quantity": 1}])
    assert actions(first_part(demo, id)) == [
        "CREATE_FULFILLMENT",
        "REPORT_PROGRESS",
        "HOLD",
        "MARK_AS_OPEN",
    ]


def test_row_102_orders_are_exported_in_bulk(demo: Demo):
    id = place(demo)
    text = """{ orders(query: "updated_at:>='2026-01-01T00:00:00Z'", sortKey: UPDATED_AT) { edges { node {
      id name displayFinancialStatus lineItems { edges { node { id sku quantity variant { id } } } }
      fulfillmentOrders { edges { node { id status assignedLocation { location { id } }
        lineItems { edges { node { id remainingQuantity } } } } } } } } } }"""

    found = lines_of(finished(demo, run_query(demo, text))["url"])

    kinds = [one["id"].split("/")[3] for one in found]
    assert sorted(kinds) == ["FulfillmentOrder", "FulfillmentOrderLineItem", "LineItem", "Order"]
    assert {one.get("__parentId") for one in found if "/LineItem/" in one["id"]} == {id}


def test_rows_103_107_nothing_is_shipped_twice(demo: Demo):
    id = place(demo)
    part = first_part(demo, id)["id"]
    tracking = {"company": "DHL Express", "number": "JD0146", "url": "https://example.com/t/JD0146"}

    assert fulfil(demo, part, trackingInfo=tracking)["userErrors"] == []
    again = fulfil(demo, part, trackingInfo=tracking)

    message = f"Fulfillment order {part.rsplit('/', 1)[1]} has an unfulfillable status= closed."
    assert again == {"fulfillment": None, "userErrors": [{"field": ["fulfillment"], "message": message}]}
    order = read(demo, id)
    assert order["displayFulfillmentStatus"] == "FULFILLED"
    assert [one["trackingInfo"] for one in order["fulfillments"]] == [[tracking]]
    assert (demo.level("MUG-R")["available"], demo.level("MUG-R")["on_hand"]) == (7, 7)


def test_row_104_quantities_and_lines_that_do_not_fit(demo: Demo):
    part = first_part(demo, place(demo))
    line = part["lineItems"]["nodes"][0]["id"]

    def error(id, quantity) -> dict:
        return fulfil(demo, part["id"], [{"id": id, "quantity": quantity}])["userErrors"][0]

    assert error(line, 4)["message"] == "Invalid fulfillment order line item quantity requested."
    zero = error(line, 0)
    assert zero["message"] == "Quantity must be greater than 0"
    assert zero["field"][-1] == "quantity"
    unknown = error("gid://shopify/FulfillmentOrderLineItem/1", 1)
    assert unknown["message"] == "Fulfillment order line item does not exist."
    nothing = fulfil(demo, "gid://shopify/FulfillmentOrder/1")["userErrors"][0]
    assert nothing["message"] == "Fulfillment order does not exist."
    assert demo.level("MUG-R")["committed"] == 3


def test_row_104_a_parcel_is_of_one_order_from_one_place(demo: Demo):
    lines = ({"sku": "MUG-R", "location": "Store"}, {"sku": "CAP", "location": "Warehouse"})
    one, two = place(demo), place(demo, *lines)

    def error(*parts: dict) -> dict:
        given = [{"fulfillmentOrderId": part["id"]} for part in parts]
        body = demo.call(FULFIL, {"f": {"lineItemsByFulfillmentOrder": given}})
        return body["data"]["fulfillmentCreate"]["userErrors"][0]

    numbers = ", ".join(id.rsplit("/", 1)[1] for id in (one, two))
    assert error(first_part(demo, one), first_part(demo, two))["message"] == (
        "All fulfillment orders must belong to the same order. Multiple orders with ids"
        f" [{numbers}] were found."
    )
    places = f"{demo.locations['Store']}, {demo.locations['Warehouse']}"
    assert error(*read(demo, two)["fulfillmentOrders"]["nodes"])["message"] == (
        "All fulfillment orders must be assigned to a single location. Multiple locations with ids"
        f" [{places}] were found."
    )
    zero = [{"id": "gid://shopify/FulfillmentOrderLineItem/1", "quantity": 0}]
    nothing = fulfil(demo, "gid://shopify/FulfillmentOrder/1", zero)["userErrors"][0]
    assert nothing["message"] == "Quantity must be greater than 0", "before the question what is there"
    assert demo.server.orders("demo")[0]["fulfillments"] == []


def test_row_105_the_id_zero(demo: Demo):
    given = {"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": "gid://shopify/FulfillmentOrder/0"}]}

    assert top(demo.call(FULFIL, {"f": given}))[0] == "RESOURCE_NOT_FOUND"


def test_row_106_a_part_is_shipped(demo: Demo):
    id = place(demo)
    part = first_part(demo, id)
    line = part["lineItems"]["nodes"][0]["id"]

    fulfil(demo, part["id"], [{"id": line, "quantity": 1}])

    order = read(demo, id)
    assert order["displayFulfillmentStatus"] == "PARTIALLY_FULFILLED"
    (after,) = order["fulfillmentOrders"]["nodes"]
    assert (after["status"], after["lineItems"]["nodes"][0]["remainingQuantity"]) == ("IN_PROGRESS", 2)
    assert order["lineItems"]["nodes"][0]["unfulfilledQuantity"] == 2
    fulfil(demo, part["id"])
    order = read(demo, id)
    assert (order["displayFulfillmentStatus"], order["fulfillmentOrders"]["nodes"][0]["status"]) == (
        "FULFILLED",
        "CLOSED",
    )


def move(demo: Demo, id: str, to: str, lines=None) -> dict:
    return demo.call(MOVE, {"id": id, "to": to, "lines": lines})["data"]["fulfillmentOrderMove"]


def test_row_108_moving_a_fulfilment_order(demo: Demo):
    id = place(demo)
    part = first_part(demo, id)
    assert move(demo, part["id"], "gid://shopify/Location/1")["userErrors"] == [
        {"code": None, "field": ["id"], "message": "Location not found."}
    ]

    line = part["lineItems"]["nodes"][0]["id"]
    some = move(demo, part["id"], demo.location("Warehouse"), [{"id": line, "quantity": 1}])
    assert some["movedFulfillmentOrder"]["id"] != part["id"]
    assert some["movedFulfillmentOrder"]["lineItems"]["nodes"] == [{"totalQuantity": 1}]
    assert some["remainingFulfillmentOrder"]["id"] == part["id"]
    store, warehouse = demo.level("MUG-R"), demo.level("MUG-R", "Warehouse")
    assert (store["available"], store["committed"]) == (8, 2)
    assert (warehouse["available"], warehouse["committed"]) == (49, 1)

    fulfil(demo, part["id"], [{"id": line, "quantity": 1}])
    refused = move(demo, part["id"], demo.location("Warehouse"))
    assert codes(refused) == ["CANNOT_MOVE_FULFILLMENT_ORDER_WITH_REPORTED_PROGRESS"]
    fulfil(demo, part["id"])
    before = demo.server.levels("demo")
    closed = move(demo, part["id"], demo.location("Warehouse"))
    assert closed["userErrors"] == [{"code": None, "field": None, "message": "Cannot change location."}]
    assert closed["movedFulfillmentOrder"] is None
    assert demo.server.levels("demo") == before


def hold(demo: Demo, id: str, handle: str) -> dict:
    body = demo.call(HOLD, {"id": id, "h": {"reason": "OTHER", "handle": handle}})
    return body["data"]["fulfillmentOrderHold"]


def test_rows_109_110_holds(demo: Demo):
    id = place(demo)
    part = first_part(demo, id)["id"]
    first = hold(demo, part, "h0")
    assert first["fulfillmentOrder"] == {"status": "ON_HOLD"}
    assert codes(hold(demo, part, "h0")) == ["DUPLICATE_FULFILLMENT_HOLD_HANDLE"]
    others = [hold(demo, part, f"h{number}")["fulfillmentHold"]["id"] for number in range(1, 10)]
    assert codes(hold(demo, part, "h10")) == ["FULFILLMENT_ORDER_HOLD_LIMIT_REACHED"]
    assert "on_hold" in fulfil(demo, part)["userErrors"][0]["message"]
    assert read(demo, id)["displayFulfillmentStatus"] == "ON_HOLD"

    one = demo.call(RELEASE, {"id": part, "holds": [first["fulfillmentHold"]["id"]]})
    assert one["data"]["fulfillmentOrderReleaseHold"]["fulfillmentOrder"] == {"status": "ON_HOLD"}
    rest = demo.call(RELEASE, {"id": part, "holds": others})
    assert rest["data"]["fulfillmentOrderReleaseHold"]["fulfillmentOrder"] == {"status": "OPEN"}


def cancel(demo: Demo, id: str, **more) -> dict:
    return demo.call(CANCEL, {"id": id, "restock": True} | more)["data"]["orderCancel"]


def test_row_111_cancelling_is_a_job(demo: Demo):
    demo.server.switch("demo", job_seconds=0.5)
    id = place(demo)

    payload = cancel(demo, id, note="changed their mind")

    assert payload["orderCancelUserErrors"] == []
    assert payload["job"]["done"] is False
    assert (payload["jobResult"]["status"], payload["jobResult"]["order"]["id"]) == ("STARTED", id)
    time.sleep(0.6)
    job = demo.call("query ($id: ID!) { job(id: $id) { done } }", {"id": payload["job"]["id"]})
    assert job["data"] == {"job": {"done": True}}
    order = read(demo, id)
    assert order["cancelledAt"] == order["closedAt"] is not None
    assert (order["cancelReason"], order["cancellation"]) == ("CUSTOMER", {"staffNote": "changed their mind"})
    assert order["lineItems"]["nodes"][0]["currentQuantity"] == 0
    level = demo.level("MUG-R")
    assert (level["available"], level["committed"], level["on_hand"]) == (10, 0, 10)


def test_row_111_money_goes_back_when_asked(demo: Demo):
    id = place(demo)

    cancel(demo, id, method={"originalPaymentMethodsRefund": True})

    assert read(demo, id)["displayFinancialStatus"] == "REFUNDED"


def test_row_112_cancelling_twice(demo: Demo):
    id = place(demo)
    cancel(demo, id)

    message = "Cannot cancel an order that has already been canceled"
    expected = [{"code": "INVALID", "field": ["orderId"], "message": message}]
    assert cancel(demo, id)["orderCancelUserErrors"] == expected
    assert demo.level("MUG-R")["available"] == 10


@pytest.mark.parametrize("units", [1, 3])
def test_row_112_an_order_that_was_shipped_is_not_cancelled(demo: Demo, units: int):
    part = first_part(demo, id := place(demo))
    fulfil(demo, part["id"], [{"id": part["lineItems"]["nodes"][0]["id"], "quantity": units}])
    level = demo.level("MUG-R")

    message = "Cannot cancel an order that has outstanding fulfillments"
    expected = [{"code": "INVALID", "field": ["orderId"], "message": message}]
    assert cancel(demo, id)["orderCancelUserErrors"] == expected
    with pytest.raises(RuntimeError, match="outstanding fulfillments"):
        demo.server.order_action("demo", int(id.rsplit("/", 1)[1]), "cancel")
    assert read(demo, id)["cancelledAt"] is None
    assert demo.level("MUG-R") == level


def test_row_113_arguments_that_do_not_fit(demo: Demo):
    id = place(demo)

    long = cancel(demo, id, note="x" * 256)["orderCancelUserErrors"][0]
    both = cancel(demo, id, refund=True, method={"originalPaymentMethodsRefund": True})

    assert long["message"] == "Staff note is too long. Maximum length is 255 characters."
    message = "Only one of the arguments `refund` or `refund_method` is allowed."
    assert both["orderCancelUserErrors"][0]["message"] == message
    assert read(demo, id)["cancelledAt"] is None


def test_row_114_updating_an_order(demo: Demo):
    id = place(demo, tags=["old"])

    none = demo.call(UPDATE, {"input": {"id": id}})["data"]["orderUpdate"]
    done = demo.call(UPDATE, {"input": {"id": id, "note": "call first", "tags": ["new"]}})["data"][
        "orderUpdate"
    ]

    assert none["userErrors"][0]["message"] == "No valid update parameters have been provided"
    assert done["order"] == {"note": "call first", "tags": ["new"]}


def test_row_115_tags(demo: Demo):
    id = place(demo, tags=["a"])

    added = demo.call(TAGS, {"id": id, "tags": ["b, c", "a"]})["data"]["tagsAdd"]
    unknown = demo.call(TAGS, {"id": "gid://shopify/Product/1", "tags": ["a"]})["data"]["tagsAdd"]
    wrong = demo.call(TAGS, {"id": demo.location("Store"), "tags": ["a"]})

    assert added["node"] == {"id": id, "tags": ["a", "b", "c"]}
    assert unknown["userErrors"] == [{"field": ["id"], "message": "Product does not exist"}]
    again = demo.call(TAGS, {"id": id, "tags": ["B", "VIP", "vip"]})["data"]["tagsAdd"]
    assert again["node"]["tags"] == ["a", "b", "c", "VIP"], "the first spelling stays"
    remove = TAGS.replace("tagsAdd", "tagsRemove")
    removed = demo.call(remove, {"id": id, "tags": ["A", "vip", "c"]})["data"]["tagsRemove"]
    assert removed["node"]["tags"] == ["a", "b", "VIP"], "only the same spelling goes"
    assert top(wrong)[0] == "RESOURCE_NOT_FOUND"


def test_row_116_metafields(demo: Demo):
    id = place(demo)
    one = {"ownerId": id, "namespace": "sync", "key": "last", "type": "single_line_text_field", "value": "1"}

    def put(*given) -> dict:
        return demo.call(METAFIELDS, {"m": list(given)})["data"]["metafieldsSet"]

    many = put(*[one | {"key": f"k{number}"} for number in range(26)])
    assert (codes(many), many["userErrors"][0]["message"]) == (
        ["LESS_THAN_OR_EQUAL_TO"],
        "Exceeded the maximum metafields input limit of 25.",
    )
    written = put(one | {"compareDigest": None})["metafields"][0]
    assert codes(put(one | {"compareDigest": "stale"})) == ["STALE_OBJECT"]
    assert codes(put(one | {"value": "2", "compareDigest": written["compareDigest"]})) == []
    mixed = put(one | {"value": "3"}, one | {"ownerId": "gid://shopify/Order/1"})
    assert (codes(mixed), mixed["userErrors"][0]["message"]) == (["INVALID_VALUE"], "Owner does not exist.")
    text = 'query ($id: ID!) { order(id: $id) { metafield(namespace: "sync", key: "last") { value } } }'
    assert demo.call(text, {"id": id})["data"]["order"]["metafield"] == {"value": "2"}


NO_DATE = "Value must be in YYYY-MM-DD format."


@pytest.mark.parametrize(
    ("given", "field", "code", "message"),
    [
        ({"type": "date", "value": "not a date"}, "value", "INVALID_VALUE", NO_DATE),
        ({"type": "date", "value": "20260131"}, "value", "INVALID_VALUE", NO_DATE),
        ({"type": "number_integer", "value": "1.5"}, "value", "INVALID_VALUE", "Value must be an integer."),
        ({"type": "boolean", "value": "yes"}, "value", "INVALID_VALUE", "Value must be true or false."),
        ({"type": "list.date", "value": '["2026-02-30"]'}, "value", "INVALID_VALUE",
         "Value must be in YYYY-MM-DD format."),
        ({"type": "list.date", "value": "2026-02-20"}, "value", "INVALID_VALUE", "Value must be an array."),
        ({"type": "json", "value": "{"}, "value", "INVALID_VALUE", "Value is invalid JSON."),
        ({"value": "a\nb"}, "value", "INVALID_VALUE", "Value must be a single line text string."),
        ({"value": ""}, "value", "BLANK", "Value can't be blank."),
        ({"type": "nonsense"}, "type", "INCLUSION", None),
        ({"namespace": "ab"}, "namespace", "TOO_SHORT", "Namespace is too short (minimum is 3 characters)"),
        ({"namespace": "a" * 256}, "namespace", "TOO_LONG", None),
        ({"key": "k"}, "key", "TOO_SHORT", "Key is too short (minimum is 2 characters)"),
        ({"key": "k" * 65}, "key", "TOO_LONG", "Key is too long (maximum is 64 characters)"),
        ({"namespace": "shopify--facts"}, "namespace", "APP_NOT_AUTHORIZED", None),
        ({"namespace": "app--1--sync"}, "namespace", "APP_NOT_AUTHORIZED", None),
    ],
)  # fmt: skip
def test_row_116_metafields_that_do_not_fit(demo: Demo, given: dict, field: str, code: str, message: str):
    id = f"gid://shopify/ProductVariant/{demo.variants['MUG-R']}"
    good = {"ownerId": id, "namespace": "sync", "key": "last", "type": "single_line_text_field", "value": "1"}

    body = demo.call(METAFIELDS, {"m": [good, good | {"key": "other"} | given]})

    (error,) = body["data"]["metafieldsSet"]["userErrors"]
    assert (error["code"], error["field"]) == (code, ["metafields", "1", field])
    assert message in (None, error["message"])
    text = "query ($id: ID!) { productVariant(id: $id) { metafields(first: 9) { nodes { id } } } }"
    assert demo.call(text, {"id": id})["data"]["productVariant"]["metafields"]["nodes"] == []


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("date", "2026-02-28"),
        ("date_time", "2026-02-28T10:00:00Z"),
        ("number_integer", "-12"),
        ("number_decimal", "12.50"),
        ("boolean", "false"),
        ("json", '{"status": "active", "promise_date": "2026-12-24"}'),
        ("list.single_line_text_field", '["a", "b"]'),
        ("url", "https://example.com/a"),
        ("money", '{"amount": "5.99", "currency_code": "CAD"}'),
        ("variant_reference", "gid://shopify/ProductVariant/1"),
        ("multi_line_text_field", "a\nb"),
    ],
)
def test_row_116_metafields_that_fit(demo: Demo, type_: str, value: str):
    one = {"ownerId": place(demo), "namespace": "sync", "key": "last", "type": type_, "value": value}

    payload = demo.call(METAFIELDS, {"m": [one]})["data"]["metafieldsSet"]

    assert payload["userErrors"] == []
    assert payload["metafields"][0]["value"] == value
    changed = {name: one[name] for name in ("ownerId", "namespace", "key")} | {"value": "["}
    again = demo.call(METAFIELDS, {"m": [changed]})["data"]["metafieldsSet"]
    assert codes(again) == ([] if type_ == "multi_line_text_field" else ["INVALID_VALUE"])


def test_row_116_the_namespaces_of_the_app(demo: Demo):
    one = {"ownerId": (id := place(demo)), "key": "last", "type": "single_line_text_field", "value": "1"}
    given = [one | {"namespace": "$app:sync"}, one, one | {"namespace": "$app", "key": "more"}]

    written = demo.call(METAFIELDS, {"m": given})["data"]["metafieldsSet"]["metafields"]

    app = demo.server.describe("demo")["apps"][0]["id"]
    own = [f"app--{app}--sync", f"app--{app}", f"app--{app}"]
    assert [one["namespace"] for one in written] == own
    text = """query ($id: ID!) { order(id: $id) {
      a: metafield(namespace: "$app:sync", key: "last") { namespace } b: metafield(key: "last") { namespace }
      c: metafield(namespace: "$app", key: "more") { namespace }
      d: metafields(first: 9, namespace: "$app") { nodes { key } }
      e: metafields(first: 9, keys: ["$app:sync.last"]) { nodes { key } } } }"""
    read_ = demo.call(text, {"id": id})["data"]["order"]
    assert [read_[name]["namespace"] for name in "abc"] == own
    assert [one["key"] for one in read_["d"]["nodes"]] == ["last", "more"]
    assert [one["key"] for one in read_["e"]["nodes"]] == ["last"]


def test_row_117_refunds(demo: Demo):
    id = place(demo)
    line = read(demo, id)["lineItems"]["nodes"][0]["id"]

    paid = payments(demo, id)[0]["id"]

    def refund(quantity: int, amount: str, key: str | None = None, order: str = id, kind="CANCEL") -> dict:
        money = {"orderId": order, "gateway": "bogus", "kind": "REFUND", "amount": amount, "parentId": paid}
        given = {
            "orderId": order,
            "refundLineItems": [{"lineItemId": line, "quantity": quantity, "restockType": kind}],
            "transactions": [money],
        }
        return demo.call(REFUND, {"input": given, "key": key or new_key()})["data"]["refundCreate"]

    many = refund(4, "1.00")["userErrors"][0]
    assert many["message"] == "Quantity cannot refund more items than were purchased"
    dear = refund(1, "31.00")["userErrors"][0]
    assert dear == {
        "field": None,
        "message": "Refund amount $31.00 is greater than net payment received $30.00",
    }
    assert (
        refund(1, "1.00", order="gid://shopify/Order/1")["userErrors"][0]["message"] == "Order does not exist"
    )
    key = new_key()
    done = refund(1, "10.00", key)
    assert refund(1, "10.00", key) == done
    order = read(demo, id)
    assert order["displayFinancialStatus"] == "PARTIALLY_REFUNDED"
    assert [one["refundLineItems"]["nodes"] for one in order["refunds"]] == [
        [{"quantity": 1, "restockType": "CANCEL", "restocked": True, "lineItem": {"sku": "MUG-R"}}]
    ]
    assert order["lineItems"]["nodes"][0]["currentQuantity"] == 2
    assert (demo.level("MUG-R")["available"], demo.level("MUG-R")["committed"]) == (8, 2)


def payments(demo: Demo, id: str) -> list[dict]:
    text = "query ($id: ID!) { order(id: $id) { transactions(first: 9) { id kind } } }"
    return demo.call(text, {"id": id})["data"]["order"]["transactions"]


def test_row_117_money_goes_back_on_a_payment_of_the_order(demo: Demo):
    id, other = place(demo), place(demo)

    def refund(**given) -> dict:
        money = {"orderId": id, "gateway": "bogus", "amount": "1.00", "kind": "REFUND"} | given
        return demo.call(REFUND, {"input": {"orderId": id, "transactions": [money]}, "key": new_key()})[
            "data"
        ]["refundCreate"]

    kind = refund(kind="AUTHORIZATION", parentId=payments(demo, id)[0]["id"])
    assert kind["userErrors"] == [{"field": None, "message": "Kind authorization is not a valid transaction"}]
    orphan = {
        "field": ["transactions"],
        "message": "Transactions require a parent_id associated with the order",
    }
    assert refund()["userErrors"] == [orphan]
    assert refund(parentId=payments(demo, other)[0]["id"])["userErrors"] == [orphan]
    assert [one["kind"] for one in payments(demo, id)] == ["SALE"]
    assert refund(parentId=payments(demo, id)[0]["id"])["userErrors"] == []


def test_row_117_units_that_are_not_restocked_are_gone(demo: Demo):
    id = place(demo)
    line = read(demo, id)["lineItems"]["nodes"][0]["id"]
    given = {
        "orderId": id,
        "refundLineItems": [{"lineItemId": line, "quantity": 1, "restockType": "NO_RESTOCK"}],
    }

    demo.call(REFUND, {"input": given, "key": new_key()})

    level = demo.level("MUG-R")
    assert (level["available"], level["committed"], level["on_hand"]) == (7, 2, 9)


def test_row_120_old_orders_need_a_scope(demo: Demo):
    id = place(demo)
    demo.server.clock(61 * 86_400)
    assert read(demo, id)["id"] == id

    demo.server.change_app("demo", scopes=["read_orders", "read_merchant_managed_fulfillment_orders"])

    assert read(demo, id) is None
    assert demo.call("{ orders(first: 9) { nodes { id } } }")["data"]["orders"]["nodes"] == []


def test_row_122_returns_cannot_be_listed(demo: Demo):
    assert top(demo.call("{ returns(first: 1) { nodes { id } } }"))[0] == "undefinedField"


def test_an_order_for_what_is_not_there_is_refused(demo: Demo):
    for line in ({"sku": "NOTHING"}, {"sku": "MUG-R", "quantity": 0}, {"sku": "MUG-R", "location": "Moon"}):
        with pytest.raises(RuntimeError, match="refused"):
            demo.server.place_order("demo", line)
    assert demo.server.orders("demo") == []


@pytest.mark.parametrize(
    ("line", "more"),
    [
        ({}, {"returns": []}),
        ({}, {"transactions": []}),
        ({}, {"financial_status": "AUTHORIZED"}),
        ({}, {"tags": "vip"}),
        ({}, {"tags": [1]}),
        ({"attributes": [{"key": "a", "value": "b"}]}, {}),
        ({"price": "dear"}, {}),
        ({"quantity": []}, {}),
    ],
)
def test_an_order_that_would_not_be_kept_as_given_is_refused(demo: Demo, line: dict, more: dict):
    with pytest.raises(RuntimeError, match="order refused"):
        demo.server.place_order("demo", {"sku": "MUG-R"} | line, **more)
    assert demo.server.orders("demo") == []
    number = demo.server.place_order("demo", {"sku": "MUG-R"}, tags=["b", "C", "a"])["id"]
    assert demo.server.orders("demo")[0]["tags"] == ["a", "b", "C"]
    for wish in ({"lines": [{"sku": "NONE", "quantity": 1}]}, {"lines": [], "amount": "much"}):
        with pytest.raises(RuntimeError, match="refused"):
            demo.server.order_action("demo", number, "refund", **wish)


def test_row_120_nothing_of_an_old_order_is_seen(demo: Demo):
    id = place(demo)
    line = read(demo, id)["lineItems"]["nodes"][0]["id"]
    refund = {"refundLineItems": [{"lineItemId": line, "quantity": 1, "restockType": "CANCEL"}]}
    body = demo.call(REFUND, {"input": {"orderId": id} | refund, "key": new_key()})
    made = body["data"]["refundCreate"]["refund"]["id"]
    text = "query ($line: ID!, $refund: ID!) { node(id: $line) { id } refund(id: $refund) { id } }"
    given = {"line": line, "refund": made}
    assert demo.call(text, given)["data"] == {"node": {"id": line}, "refund": {"id": made}}
    demo.server.clock(61 * 86_400)
    demo.server.change_app("demo", scopes=["read_orders"])

    assert demo.call(text, given)["data"] == {"node": None, "refund": None}


def test_row_100_times_may_be_years_or_now(demo: Demo):
    id = place(demo)
    demo.server.clock(3600)
    text = "query ($q: String) { orders(first: 9, query: $q) { nodes { id } } }"

    def ids(query: str) -> list[str]:
        return [node["id"] for node in demo.call(text, {"q": query})["data"]["orders"]["nodes"]]

    assert ids("created_at:<now") == ids("created_at:>=2024") == [id]
    assert ids("created_at:>now") == ids("created_at:<=2024") == []
    assert top(demo.call(text, {"q": "created_at:<yesterday"}))[0] == "BAD_REQUEST"

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
    assert order["currentTotalPriceSet"]["shopMoney"] == {"amount": "40.00", "currencyCode": "USD"}


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
    assert (
        move(demo, part["id"], "gid://shopify/Location/1")["userErrors"][0]["message"]
        == "Location not found."
    )

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


def test_row_117_refunds(demo: Demo):
    id = place(demo)
    line = read(demo, id)["lineItems"]["nodes"][0]["id"]

    def refund(quantity: int, amount: str, key: str | None = None, order: str = id, kind="CANCEL") -> dict:
        given = {
            "orderId": order,
            "refundLineItems": [{"lineItemId": line, "quantity": quantity, "restockType": kind}],
            "transactions": [{"orderId": order, "gateway": "bogus", "kind": "REFUND", "amount": amount}],
        }
        return demo.call(REFUND, {"input": given, "key": key or new_key()})["data"]["refundCreate"]

    many = refund(4, "1.00")["userErrors"][0]
    assert many["message"] == "Quantity cannot refund more items than were purchased"
    dear = refund(1, "31.00")["userErrors"][0]
    assert dear["message"] == "Refund amount $31.00 is greater than net payment received $30.00"
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

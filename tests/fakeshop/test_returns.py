"""Returns and order edits (shopify.md 7.6, rows 118, 119, 121)."""

import pytest

from tests.fakeshop.conftest import Demo, codes
from tests.fakeshop.test_orders import place, read

PARCELS = """query ($id: ID!) { order(id: $id) {
  fulfillments { fulfillmentLineItems(first: 9) { nodes { id } } } } }"""
RETURN_REQUEST = """mutation ($input: ReturnRequestInput!) { returnRequest(input: $input) {
  return { id name status } userErrors { code field message } } }"""
RETURN_APPROVE = """mutation ($id: ID!) { returnApproveRequest(input: {id: $id}) {
  return { status reverseFulfillmentOrders(first: 9) {
    nodes { lineItems(first: 9) { nodes { id totalQuantity } } } } }
  userErrors { code field message } } }"""
RETURN_CLOSE = """mutation ($id: ID!) { returnClose(id: $id) {
  return { status closedAt } userErrors { code field message } } }"""
RETURN = """query ($id: ID!) { return(id: $id) { id totalQuantity order { id }
  returnLineItems(first: 9) { nodes { id quantity processedQuantity
    ... on ReturnLineItem { fulfillmentLineItem { lineItem { sku } } } } } } }"""
DISPOSE = """mutation ($inputs: [ReverseFulfillmentOrderDisposeInput!]!) {
  reverseFulfillmentOrderDispose(dispositionInputs: $inputs) {
    reverseFulfillmentOrderLineItems { id dispositions { type quantity location { id } } }
    userErrors { code field message } } }"""
EDIT_BEGIN = """mutation ($id: ID!) { orderEditBegin(id: $id) {
  calculatedOrder { id lineItems(first: 9) { nodes { id quantity sku } } } userErrors { field message } } }"""
EDIT_SET = """mutation ($id: ID!, $line: ID!, $quantity: Int!, $restock: Boolean) {
  orderEditSetQuantity(id: $id, lineItemId: $line, quantity: $quantity, restock: $restock) {
    calculatedLineItem { quantity restocking } userErrors { field message } } }"""
EDIT_COMMIT = """mutation ($id: ID!) { orderEditCommit(id: $id) {
  order { id edited } userErrors { field message } } }"""


@pytest.fixture
def shipped(demo: Demo) -> tuple[str, str]:
    """An order of three, shipped as a whole, and its fulfilment line."""
    id = place(demo)
    demo.server.order_action("demo", int(id.rsplit("/", 1)[1]), "fulfil")
    parcels = demo.call(PARCELS, {"id": id})["data"]["order"]["fulfillments"]
    return id, parcels[0]["fulfillmentLineItems"]["nodes"][0]["id"]


def asked(demo: Demo, shipped: tuple[str, str], quantity: int) -> dict:
    given = {
        "orderId": shipped[0],
        "returnLineItems": [
            {"fulfillmentLineItemId": shipped[1], "quantity": quantity, "returnReason": "UNWANTED"}
        ],
    }
    return demo.call(RETURN_REQUEST, {"input": given})["data"]["returnRequest"]


def asked_and_approved(demo: Demo, shipped: tuple[str, str], quantity: int) -> dict:
    id = asked(demo, shipped, quantity)["return"]["id"]
    approved = demo.call(RETURN_APPROVE, {"id": id})["data"]["returnApproveRequest"]
    return approved["return"] | {"id": id}


def test_row_118_a_return_is_approved_and_closed_once(demo: Demo, shipped):
    id = asked(demo, shipped, 2)["return"]["id"]
    assert read(demo, shipped[0])["returnStatus"] == "RETURN_REQUESTED"

    def approve() -> dict:
        return demo.call(RETURN_APPROVE, {"id": id})["data"]["returnApproveRequest"]

    def close() -> dict:
        return demo.call(RETURN_CLOSE, {"id": id})["data"]["returnClose"]

    assert codes(close()) == ["INVALID_STATE"], "it is not open yet"
    assert approve()["return"]["status"] == "OPEN"
    assert codes(approve()) == ["INVALID_STATE"]
    assert close()["return"]["status"] == "CLOSED"
    before = demo.server.orders("demo")
    again = close()
    assert (again["return"]["status"], again["userErrors"]) == ("CLOSED", [])
    assert demo.server.orders("demo") == before, "nothing happens a second time"
    assert read(demo, shipped[0])["returnStatus"] == "RETURNED"
    searched = demo.call('{ orders(first: 9, query: "return_status:returned") { nodes { id } } }')
    assert searched["data"]["orders"]["nodes"] == [{"id": shipped[0]}]


def test_row_118_no_more_than_was_shipped_comes_back(demo: Demo, shipped):
    assert codes(asked(demo, shipped, 2)) == []
    line = ["input", "returnLineItems", "0"]
    many = {"code": "INVALID", "field": [*line, "quantity"]}
    many["message"] = "Return line item has an invalid quantity."
    assert asked(demo, shipped, 2)["userErrors"] == [many]
    unknown = {"code": "NOT_FOUND", "field": [*line, "fulfillmentLineItemId"]}
    unknown["message"] = "Fulfillment Line Item was not found."
    other = asked(demo, (shipped[0], "gid://shopify/FulfillmentLineItem/1"), 1)
    assert other["userErrors"] == [unknown]
    twice = {"fulfillmentLineItemId": shipped[1], "quantity": 1, "returnReason": "UNWANTED"}
    given = {"orderId": shipped[0], "returnLineItems": [twice, twice]}
    assert codes(demo.call(RETURN_REQUEST, {"input": given})["data"]["returnRequest"]) == ["INVALID"]


def test_row_118_a_return_has_a_reason(demo: Demo, shipped):
    def create(**line) -> dict:
        lines = [{"fulfillmentLineItemId": shipped[1], "quantity": 1} | line]
        given = {"orderId": shipped[0], "returnLineItems": lines}
        text = RETURN_REQUEST.replace("ReturnRequestInput", "ReturnInput")
        text = text.replace("returnRequest(input:", "returnRequest: returnCreate(returnInput:")
        return demo.call(text, {"input": given})["data"]["returnRequest"]

    lines = [{"fulfillmentLineItemId": shipped[1], "quantity": 1}]
    body = demo.call(RETURN_REQUEST, {"input": {"orderId": shipped[0], "returnLineItems": lines}})
    (error,) = body["data"]["returnRequest"]["userErrors"]
    assert (error["code"], error["field"]) == ("BLANK", ["input", "returnLineItems", "0", "returnReason"])
    message = "Return line items Either return reason or return reason definition must be provided"
    place = ["returnInput", "returnLineItems", "0"]
    assert create()["userErrors"] == [{"code": "NOT_FOUND", "field": place, "message": message}]
    (error,) = create(returnReason="OTHER")["userErrors"]
    assert (error["code"], error["field"]) == ("BLANK", [*place, "returnReasonNote"])
    assert create(returnReason="OTHER", returnReasonNote="It hums")["userErrors"] == []
    assert len(demo.server.orders("demo")[0]["returns"]) == 1


def test_row_119_what_is_disposed_is_of_one_return(demo: Demo, shipped):
    def lines() -> str:
        approved = asked_and_approved(demo, shipped, 1)
        return approved["reverseFulfillmentOrders"]["nodes"][0]["lineItems"]["nodes"][0]["id"]

    def dispose(*ids: str) -> dict:
        given = [
            {"reverseFulfillmentOrderLineItemId": id, "quantity": 1, "dispositionType": "MISSING"}
            for id in ids
        ]
        return demo.call(DISPOSE, {"inputs": given})["data"]["reverseFulfillmentOrderDispose"]

    none = dispose()["userErrors"]
    assert [(one["code"], one["message"]) for one in none] == [("BLANK", "The array cannot be empty.")]
    one, two = lines(), lines()
    both = dispose(one, two)["userErrors"]
    message = "Cannot dispose items from more than one reverse fulfillment order."
    assert [(one["code"], one["message"]) for one in both] == [("INVALID", message)]
    assert dispose(one)["userErrors"] == dispose(two)["userErrors"] == []


def test_row_119_goods_that_are_restocked_raise_the_level_where_they_came(demo: Demo, shipped):
    approved = asked_and_approved(demo, shipped, 2)
    id = approved["id"]
    line = approved["reverseFulfillmentOrders"]["nodes"][0]["lineItems"]["nodes"][0]["id"]
    before = demo.level("MUG-R", "Warehouse")

    def dispose(quantity: int, kind: str, location: str | None) -> dict:
        given = {"reverseFulfillmentOrderLineItemId": line, "quantity": quantity, "dispositionType": kind}
        place = {"locationId": demo.location(location)} if location else {}
        answer = demo.call(DISPOSE, {"inputs": [given | place]})
        return answer["data"]["reverseFulfillmentOrderDispose"]

    assert codes(dispose(1, "RESTOCKED", None)) == ["BLANK"]
    done = dispose(1, "RESTOCKED", "Warehouse")["reverseFulfillmentOrderLineItems"]
    assert done[0]["dispositions"] == [
        {"type": "RESTOCKED", "quantity": 1, "location": {"id": demo.location("Warehouse")}}
    ]
    assert codes(dispose(1, "MISSING", None)) == []
    assert codes(dispose(1, "RESTOCKED", "Warehouse")) == ["INVALID"], "two were announced"
    after = demo.level("MUG-R", "Warehouse")
    assert [after[name] - before[name] for name in ("available", "on_hand")] == [1, 1]
    returned = demo.call(RETURN, {"id": id})["data"]["return"]
    assert returned["totalQuantity"] == 2
    assert returned["returnLineItems"]["nodes"][0]["processedQuantity"] == 2


def test_row_121_an_order_edit_takes_units_out(demo: Demo):
    id = place(demo)
    begun = demo.call(EDIT_BEGIN, {"id": id})["data"]["orderEditBegin"]["calculatedOrder"]
    staged = {"id": begun["id"], "line": begun["lineItems"]["nodes"][0]["id"], "quantity": 1, "restock": True}
    changed = demo.call(EDIT_SET, staged)["data"]["orderEditSetQuantity"]
    assert (changed["calculatedLineItem"]["quantity"], changed["userErrors"]) == (1, [])
    assert read(demo, id)["lineItems"]["nodes"][0]["currentQuantity"] == 3, "nothing before the commit"

    negative = demo.call(EDIT_SET, staged | {"quantity": -1})["data"]["orderEditSetQuantity"]
    assert negative["userErrors"][0]["message"] == "must be greater than or equal to 0"
    stranger = staged | {"line": "gid://shopify/CalculatedLineItem/1"}
    unknown = demo.call(EDIT_SET, stranger)["data"]["orderEditSetQuantity"]
    assert unknown["userErrors"][0]["message"] == "The line item does not exist on the order."

    done = demo.call(EDIT_COMMIT, {"id": begun["id"]})["data"]["orderEditCommit"]

    assert done["order"] == {"id": id, "edited": True}
    line = read(demo, id)["lineItems"]["nodes"][0]
    assert (line["quantity"], line["currentQuantity"], line["unfulfilledQuantity"]) == (3, 1, 1)
    level = demo.level("MUG-R")
    assert (level["available"], level["committed"], level["on_hand"]) == (9, 1, 10)
    again = demo.call(EDIT_COMMIT, {"id": begun["id"]})["data"]["orderEditCommit"]
    assert again["userErrors"][0]["field"] == ["id"]


def test_row_121_an_edit_that_changes_nothing_is_refused(demo: Demo):
    id = place(demo)
    begun = demo.call(EDIT_BEGIN, {"id": id})["data"]["orderEditBegin"]["calculatedOrder"]

    done = demo.call(EDIT_COMMIT, {"id": begun["id"]})["data"]["orderEditCommit"]

    assert done["order"] is None
    assert done["userErrors"] == [
        {"field": ["id"], "message": "There must be at least one change to be made."}
    ]
    demo.server.order_action("demo", int(id.rsplit("/", 1)[1]), "cancel")
    late = demo.call(EDIT_BEGIN, {"id": id})["data"]["orderEditBegin"]
    assert late["userErrors"] == [{"field": None, "message": "The order cannot be edited."}]

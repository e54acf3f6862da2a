"""What is not simulated is refused before anything happens; bad requests are no server errors."""

import pytest
from graphql import get_named_type, is_composite_type

from fakeshop import execution, schema
from fakeshop.mutations import REGISTRY
from fakeshop.simulated import NEVER, fields_of
from tests.fakeshop.conftest import Demo, top
from tests.fakeshop.test_orders import first_part, place

HOLD = """mutation ($id: ID!) { fulfillmentOrderHold(id: $id, fulfillmentHold: {reason: OTHER}) {
  fulfillmentHold { id %s } userErrors { message } } }"""
KEYLESS = """mutation ($id: ID!) { tagsAdd(id: $id, tags: ["new"]) { node { id } } %s }"""


@pytest.mark.parametrize("field", ["heldByApp { id }", "... on FulfillmentHold { heldByApp { id } }"])
def test_a_mutation_with_a_field_that_is_not_simulated_does_nothing(demo: Demo, field: str):
    part = first_part(demo, id := place(demo))["id"]

    body = demo.call(HOLD % field, {"id": part})

    assert top(body) == ("NOT_SIMULATED", body["errors"][0]["message"])
    assert "FulfillmentHold.heldByApp" in body["errors"][0]["message"]
    assert body["errors"][0]["path"] == ["fulfillmentOrderHold"]
    assert body["data"] == {"fulfillmentOrderHold": None}
    assert first_part(demo, id)["status"] == "OPEN"


def test_a_field_that_is_skipped_hinders_nothing(demo: Demo):
    part = first_part(demo, id := place(demo))["id"]

    body = demo.call(HOLD % "heldByApp @skip(if: true) { id }", {"id": part})

    assert "errors" not in body
    assert first_part(demo, id)["status"] == "ON_HOLD"


@pytest.mark.parametrize(
    "second",
    [
        'orderClose(input: {id: "gid://shopify/Order/1"}) { userErrors { message } }',
        'tagsRemove(id: $id, tags: ["x"]) { node { ... on Order { customer { id } } } }',
    ],
)
def test_nothing_of_several_mutations_is_done_when_one_is_not_simulated(demo: Demo, second: str):
    id = place(demo)

    body = demo.call(KEYLESS % second, {"id": id})

    assert top(body)[0] == "NOT_SIMULATED"
    assert set(body["data"].values()) == {None}
    assert demo.server.orders("demo")[0]["tags"] == []


def test_of_every_type_that_a_mutation_answers_it_is_known_what_is_simulated():
    assert execution.SIMULATED
    loaded = schema.load()
    waiting, seen, unknown = [], set(), set()
    for name, one in REGISTRY.items():
        payload = get_named_type(loaded.mutation_type.fields[name].type)
        waiting += [
            get_named_type(payload.fields[field].type) for field in one.empty if field in payload.fields
        ]
    while waiting:
        type_ = waiting.pop()
        if not is_composite_type(type_) or type_.name in seen | NEVER:
            continue
        seen.add(type_.name)
        fields = fields_of(loaded, type_)
        if fields is None:
            unknown.add(type_.name)
            continue
        own = getattr(type_, "fields", {})
        waiting += [get_named_type(own[field].type) for field in fields if field in own]
    assert unknown == set()


@pytest.mark.parametrize("field", ["orders", "bulkOperations", "products", "locations"])
@pytest.mark.parametrize("selected", ["nodes { id }", "edges { node { id } }", "pageInfo { hasNextPage }"])
def test_a_connection_without_a_page_size_is_refused(demo: Demo, field: str, selected: str):
    body = demo.call(f"{{ {field} {{ {selected} }} }}")

    assert top(body) == ("BAD_REQUEST", "you must provide one of first or last")
    assert body["data"] is None
    assert body["extensions"]["cost"]["requestedQueryCost"] == 2


def test_so_is_one_in_the_payload_of_a_mutation(demo: Demo):
    text = """mutation ($id: ID!) { tagsAdd(id: $id, tags: []) {
      node { ... on Order { lineItems { nodes { id } } } } } }"""

    assert top(demo.call(text, {"id": place(demo)})) == (
        "BAD_REQUEST",
        "you must provide one of first or last",
    )


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("mutation { __typename }", None),
        ("{ __typename }", None),
        ("{ orders(first: 1, sortKey: FINANCIAL_STATUS) { nodes { id } } }", None),
        ("query ($k: OrderSortKeys) { orders(first: 1, sortKey: $k) { nodes { id } } }", {"k": ["ID"]}),
        ("query ($k: OrderSortKeys) { orders(first: 1, sortKey: $k) { nodes { id } } }", {"k": {}}),
        ("{ orders(first: 2147483647) { nodes { id } } }", None),
        ("{ orders(first: 99999999999999) { nodes { id } } }", None),
        ("{ orders(first: -1) { nodes { id } } }", None),
        ('{ order(id: "gid://shopify/Order/99999999999999999999999") { id } }', None),
        ("subscription { x }", None),
        ("fragment F on Order { id }", None),
        ("{ ...F } fragment F on QueryRoot { ...F }", None),
        ("{ shop { name } }", {"unknown": 1}),
        ("{" * 3000, None),
        ("{ a" * 300 + "}" * 300, None),
    ],
)
def test_strange_requests_are_no_server_errors(demo: Demo, text: str, variables):
    answer = demo.server.post("demo", text, variables)

    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("amount", ["nothing", "", "NaN", "1e400", [], {}, None, True])
def test_money_that_is_none_is_refused(demo: Demo, amount):
    text = """mutation ($a: Money!) { refundCreate(input: {orderId: "gid://shopify/Order/1", transactions: [
      {orderId: "gid://shopify/Order/1", gateway: "manual", kind: REFUND, amount: $a}]})
      @idempotent(key: "k") {
      refund { id } userErrors { message } } }"""

    assert top(demo.call(text, {"a": amount}))[0] == "INVALID_VARIABLE"

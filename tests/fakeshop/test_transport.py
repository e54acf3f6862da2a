"""Transport, access, versions (shopify.md 7.1, rows 1-20)."""

import pytest
import requests

from fakeshop.scopes import RECOMMENDED
from fakeshop.testing import TOKEN
from tests.fakeshop.conftest import ADJUST, Demo, top

SHOP = "{ shop { name } }"
BAD_TOKEN = {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}


@pytest.mark.parametrize("version", ["2026-07", "2026-10"])
def test_row_001_each_version_is_served_with_its_own_schema(demo: Demo, version):
    answer = demo.server.post("demo", SHOP, version=version)

    assert answer.json()["data"] == {"shop": {"name": "demo"}}
    assert answer.headers["X-Shopify-API-Version"] == version
    assert answer.headers["x-request-id"]


def test_row_001_the_host_name_finds_the_shop_too(demo: Demo):
    headers = {"Host": "demo.myshopify.com", "X-Shopify-Access-Token": TOKEN}
    url = f"{demo.server.url}/admin/api/2026-10/graphql.json"

    assert requests.post(url, json={"query": SHOP}, headers=headers, timeout=10).json()["data"]
    assert requests.post(url, json={"query": SHOP}, headers=headers | {"Host": "no.myshopify.com"},
                         timeout=10).status_code == 404  # fmt: skip


def test_row_001_the_bare_document_is_a_body_too(demo: Demo):
    headers = {"X-Shopify-Access-Token": TOKEN, "Content-Type": "application/graphql"}
    url = f"{demo.server.base('demo')}/admin/api/2026-10/graphql.json"

    assert requests.post(url, data=SHOP, headers=headers, timeout=10).json()["data"]


def test_row_002_an_expired_version_falls_forward(demo: Demo):
    answer = demo.server.post("demo", SHOP, version="2025-07")

    assert answer.status_code == 200
    assert answer.headers["X-Shopify-API-Version"] == "2026-07"


@pytest.mark.parametrize("version", ["2031-13", "2027-04", "2025-08", "latest"])
def test_row_003_an_unknown_version_is_not_found(demo: Demo, version):
    answer = demo.server.post("demo", SHOP, version=version)

    assert (answer.status_code, answer.json()) == (404, {"errors": "Not Found"})


@pytest.mark.parametrize("version", ["unstable", "2027-01"])
def test_row_003_versions_that_are_not_released_are_served(demo: Demo, version):
    answer = demo.server.post("demo", SHOP, version=version)

    assert answer.status_code == 200
    assert answer.json()["data"]["shop"]
    assert answer.headers["X-Shopify-API-Version"] == version


@pytest.mark.parametrize("path", ["2026-10/products.json", "2026-10/nothing", "oauth/authorize"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_row_003_rest_is_not_found(demo: Demo, path: str, method: str):
    answer = requests.request(method, f"{demo.server.base('demo')}/admin/api/{path}", timeout=10)

    assert (answer.status_code, answer.json()) == (404, {"errors": "Not Found"})


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        ("{}", "missingRequiredInputObjectAttribute",
         "Argument 'id' on InputObject 'OrderInput' is required. Expected type ID!"),
        ('{id: "gid://shopify/Order/1", colour: 1}', "argumentNotAccepted",
         "InputObject 'OrderInput' doesn't accept argument 'colour'"),
    ],
)  # fmt: skip
def test_row_015_literal_objects_that_do_not_fit(demo: Demo, given: str, code: str, message: str):
    body = demo.call(f"mutation {{ orderUpdate(input: {given}) {{ order {{ id }} }} }}")

    assert top(body) == (code, message)


def test_row_004_a_wrong_token_is_refused(demo: Demo):
    for token in ("", "shpat_wrong"):
        answer = demo.server.post("demo", SHOP, token=token)
        assert (answer.status_code, answer.json()) == (401, BAD_TOKEN)


def test_row_005_a_missing_scope_is_named(demo: Demo):
    demo.server.change_app("demo", scopes=["read_orders"])

    body = demo.call("{ inventoryItems(first: 1) { nodes { id } } shop { name } }")

    needed = "`read_inventory` access scope or `read_products` access scope."
    assert top(body) == (
        "ACCESS_DENIED",
        f"Access denied for inventoryItems field. Required access: {needed}",
    )
    assert body["errors"][0]["extensions"]["requiredAccess"] == needed
    assert body["errors"][0]["path"] == ["inventoryItems"]
    assert body["data"]["inventoryItems"] is None


def test_row_005_a_missing_write_scope_changes_nothing(demo: Demo):
    demo.server.change_app("demo", scopes=["read_inventory"])

    body = demo.adjust_body(demo.change("MUG-R", -1))

    assert top(body)[0] == "ACCESS_DENIED"
    assert body["data"] == {"inventoryAdjustQuantities": None}
    assert demo.level("MUG-R")["available"] == 10


def grant(demo: Demo, **changed: str) -> requests.Response:
    body = {"grant_type": "client_credentials", "client_id": "demo-app", "client_secret": "demo-secret"}
    url = f"{demo.server.base('demo')}/admin/oauth/access_token"
    return requests.post(url, data=body | changed, timeout=10)


def test_row_006_client_credentials_give_a_token(demo: Demo):
    body = grant(demo).json()

    assert body["expires_in"] == 86399
    assert body["scope"].split(",") == RECOMMENDED
    assert demo.server.post("demo", SHOP, token=body["access_token"]).status_code == 200


def test_row_007_refused_grants_name_their_reason(demo: Demo):
    wrong = grant(demo, client_secret="no")
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_client")
    demo.server.change_app("demo", same_organisation=False)
    assert grant(demo).json()["error"] == "shop_not_permitted"
    demo.server.change_app("demo", installed=False)
    assert grant(demo).json()["error"] == "app_not_installed"


def test_row_008_a_token_dies_after_a_day(demo: Demo):
    token = grant(demo).json()["access_token"]
    demo.server.clock(86_400 - 60)
    assert demo.server.post("demo", SHOP, token=token).status_code == 200
    demo.server.clock(86_400 + 60)
    answer = demo.server.post("demo", SHOP, token=token)
    assert (answer.status_code, answer.json()) == (401, BAD_TOKEN)


def test_row_009_a_body_that_is_not_json_is_refused(demo: Demo):
    url = f"{demo.server.base('demo')}/admin/api/2026-10/graphql.json"
    headers = {"X-Shopify-Access-Token": TOKEN, "Content-Type": "application/json"}

    assert requests.post(url, data=b"{query", headers=headers, timeout=10).status_code == 400
    assert requests.post(url, data=b'{"query": 5}', headers=headers, timeout=10).status_code == 400


def test_row_010_get_is_not_allowed(demo: Demo):
    url = f"{demo.server.base('demo')}/admin/api/2026-10/graphql.json"

    assert requests.get(url, headers={"X-Shopify-Access-Token": TOKEN}, timeout=10).status_code in (404, 405)


def test_row_011_a_syntax_error_has_a_place_and_no_cost(demo: Demo):
    body = demo.call("query {\n  shop {\n    name")

    assert top(body) == ("PARSE_ERROR", "syntax error, unexpected end of file at [3, 9]")
    assert set(body) == {"errors"}


def test_row_012_an_unknown_field_is_named(demo: Demo):
    body = demo.call("query Name { shop { nonsense } }")

    assert top(body) == ("undefinedField", "Field 'nonsense' doesn't exist on type 'Shop'")
    assert body["errors"][0]["path"] == ["query Name", "shop", "nonsense"]
    assert body["errors"][0]["extensions"] == {
        "code": "undefinedField",
        "typeName": "Shop",
        "fieldName": "nonsense",
    }
    assert set(body) == {"errors"}


def test_row_012_the_versions_differ(demo: Demo):
    text = (
        "mutation ($id: ID!) { orderCancel(orderId: $id, reason: OTHER, restock: true) { jobResult { id } }}"
    )
    gid = {"id": "gid://shopify/Order/1"}

    assert top(demo.call(text, gid, version="2026-07"))[0] == "undefinedField"
    assert "data" in demo.call(text, gid, version="2026-10")


@pytest.mark.parametrize(("document", "code", "message"), [
    ("{ bulkOperation { id } }", "missingRequiredArguments",
     "Field 'bulkOperation' is missing required arguments: id"),
    ("{ shop(a: 1) { name } }", "argumentNotAccepted", "Field 'shop' doesn't accept argument 'a'"),
    ("query ($a: Int) { shop { name } }", "variableNotUsed", "Variable $a is declared by query but not used"),
])  # fmt: skip
def test_rows_013_014_017_documents_that_do_not_fit(demo: Demo, document, code, message):
    assert top(demo.call(document)) == (code, message)


@pytest.mark.parametrize("document", [
    '{ locations(first: "ten") { nodes { id } } }',
    "{ locations(first: 1, sortKey: NONSENSE) { nodes { id } } }",
])  # fmt: skip
def test_row_015_literals_of_the_wrong_type(demo: Demo, document):
    body = demo.call(document)

    assert top(body)[0] == "argumentLiteralsIncompatible"
    assert set(body) == {"errors"}


def test_row_016_invalid_variables_are_explained(demo: Demo):
    change = demo.change("MUG-R", -1) | {"wrong": 1, "delta": "many"}

    body = demo.adjust_body(change)

    code, message = top(body)
    assert code == "INVALID_VARIABLE"
    assert message.startswith(
        "Variable $input of type InventoryAdjustQuantitiesInput! was provided invalid value for changes.0."
    )
    problems = body["errors"][0]["extensions"]["problems"]
    assert {
        "path": ["changes", 0, "wrong"],
        "explanation": "Field is not defined on InventoryChangeInput",
    } in (problems)
    assert ["changes", 0, "delta"] in [problem["path"] for problem in problems]
    assert body["errors"][0]["extensions"]["value"]["changes"][0]["delta"] == "many"
    assert set(body) == {"errors"}
    assert demo.level("MUG-R")["available"] == 10


def test_row_018_an_object_needs_a_selection(demo: Demo):
    assert top(demo.call("{ shop }"))[0] == "selectionMismatch"


def test_row_019_the_directive_needs_a_key(demo: Demo):
    text = (
        "mutation ($i: InventoryAdjustQuantitiesInput!) { inventoryAdjustQuantities(input: $i) @idempotent {"
    )

    body = demo.call(text + " userErrors { code } } }", {"i": {}})

    assert top(body) == (
        "missingRequiredArguments",
        "Directive 'idempotent' is missing required arguments: key",
    )


def test_row_019_unknown_directives(demo: Demo):
    assert top(demo.call("{ shop @nonsense { name } }")) == (
        "undefinedDirective",
        "Directive @nonsense is not defined",
    )


def test_row_020_several_mutations_run_in_order_and_stand_alone(demo: Demo):
    fragment = ADJUST.split("{", 1)[1].rsplit("}", 1)[0]
    one = fragment.replace("inventoryAdjustQuantities", "one: inventoryAdjustQuantities")
    two = fragment.replace("inventoryAdjustQuantities", "two: inventoryAdjustQuantities").replace("$", "$b")
    text = (
        "mutation ($input: InventoryAdjustQuantitiesInput!, $key: String!,"
        f" $binput: InventoryAdjustQuantitiesInput!, $bkey: String!) {{ {one} {two} }}"
    )
    good = {"name": "available", "reason": "correction", "changes": [demo.change("MUG-R", -1)]}
    bad = good | {"reason": "nonsense"}

    body = demo.call(text, {"input": good, "key": "k1", "binput": bad, "bkey": "k2"})

    assert body["data"]["one"]["inventoryAdjustmentGroup"]
    assert body["data"]["two"]["userErrors"][0]["code"] == "INVALID_REASON"
    assert body["extensions"]["cost"]["requestedQueryCost"] == 22
    assert demo.level("MUG-R")["available"] == 9


def test_what_is_not_simulated_says_so(demo: Demo):
    body = demo.call("{ customers(first: 1) { nodes { id } } }")
    assert top(body)[0] == "NOT_SIMULATED"
    assert body["data"] == {"customers": None}

    body = demo.call("{ locations(first: 1) { nodes { id localPickupSettingsV2 { instructions } } } }")
    assert top(body)[0] == "NOT_SIMULATED"

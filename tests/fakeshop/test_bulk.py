"""Bulk operations and staged uploads (shopify.md 7.4, rows 66-89)."""

import json
import time

import pytest
import requests

from fakeshop.testing import new_key
from tests.fakeshop.conftest import Demo, codes, top

RUN_QUERY = """mutation ($query: String!, $group: Boolean!) {
  bulkOperationRunQuery(query: $query, groupObjects: $group) {
    bulkOperation { id status objectCount rootObjectCount fileSize url completedAt type }
    userErrors { code field message } } }"""
RUN_MUTATION = """mutation ($mutation: String!, $path: String!, $client: String) {
  bulkOperationRunMutation(mutation: $mutation, stagedUploadPath: $path, clientIdentifier: $client) {
    bulkOperation { id status objectCount url } userErrors { code field message } } }"""
READ = """query ($id: ID!) { bulkOperation(id: $id) {
  id status errorCode objectCount rootObjectCount fileSize url partialDataUrl completedAt } }"""
CANCEL = """mutation ($id: ID!) { bulkOperationCancel(id: $id) {
  bulkOperation { id status } userErrors { field message } } }"""
STAGE = """mutation ($method: StagedUploadHttpMethodType!) {
  stagedUploadsCreate(input: [{ resource: BULK_MUTATION_VARIABLES, filename: "changes.jsonl",
    mimeType: "text/jsonl", httpMethod: $method }]) {
    stagedTargets { url resourceUrl parameters { name value } } userErrors { field message } } }"""
ROW = """mutation ($input: InventoryAdjustQuantitiesInput!, $key: String!) {
  inventoryAdjustQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id } userErrors { code field message } } }"""
CATALOGUE = """{ products { edges { node { id title status
  variants { edges { node { id sku inventoryItem { id tracked } } } } } } } }"""
STOCK = """{ inventoryItems { edges { node { id sku inventoryLevels(includeInactive: true) { edges { node {
  id isActive location { id } quantities(names: ["available", "on_hand"]) { name quantity } } } } } } } }"""
DONE = ("COMPLETED", "FAILED", "CANCELED")


def run_query(demo: Demo, text: str, group: bool = False):
    return demo.call(RUN_QUERY, {"query": text, "group": group})["data"]["bulkOperationRunQuery"]


def finished(demo: Demo, payload) -> dict:
    assert payload["userErrors"] == []
    deadline = time.monotonic() + 60
    while True:
        operation = demo.call(READ, {"id": payload["bulkOperation"]["id"]})["data"]["bulkOperation"]
        if operation["status"] in DONE:
            return operation
        assert time.monotonic() < deadline, operation
        time.sleep(0.02)


def lines_of(url: str) -> list[dict]:
    answer = requests.get(url, timeout=10)
    assert answer.headers["content-type"].startswith("application/jsonl")
    return [json.loads(line) for line in answer.text.splitlines()]


def stage(demo: Demo, method: str = "POST") -> dict:
    return demo.call(STAGE, {"method": method})["data"]["stagedUploadsCreate"]["stagedTargets"][0]


def fields_of(target: dict) -> dict[str, str]:
    return {one["name"]: one["value"] for one in target["parameters"]}


def upload(demo: Demo, content: bytes) -> str:
    """Upload a file as a bulk mutation needs it; return its path."""
    target = stage(demo)
    fields = fields_of(target)
    parts = [(name, (None, value)) for name, value in fields.items()]
    answer = requests.post(target["url"], files=[*parts, ("file", ("changes.jsonl", content))], timeout=10)
    assert answer.status_code == 201, answer.text
    assert f"<Key>{fields['key']}</Key>" in answer.text
    return fields["key"]


def line(demo: Demo, sku: str, delta: int, key: str | None = None, **more) -> dict:
    given = {"name": "available", "reason": "correction", "changes": [demo.change(sku, delta)]} | more
    return {"input": given, "key": key or new_key()}


def jsonl(*rows: dict) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def run_mutation(demo: Demo, path: str, text: str = ROW, client: str | None = None):
    body = demo.call(RUN_MUTATION, {"mutation": text, "path": path, "client": client})
    return body["data"]["bulkOperationRunMutation"]


def test_row_066_an_operation_is_created_then_runs_then_completes(demo: Demo):
    demo.server.switch("demo", bulk_seconds=2)

    payload = run_query(demo, CATALOGUE)

    created = payload["bulkOperation"]
    assert (created["status"], created["objectCount"], created["rootObjectCount"]) == ("CREATED", "0", "0")
    assert (created["url"], created["fileSize"], created["completedAt"]) == (None, None, None)
    seen = set()
    while "COMPLETED" not in seen:
        seen.add(demo.call(READ, {"id": created["id"]})["data"]["bulkOperation"]["status"])
        time.sleep(0.05)
    assert {"RUNNING", "COMPLETED"} <= seen


def test_row_067_the_sixth_of_a_type_waits(demo: Demo):
    demo.server.switch("demo", bulk_seconds=30)
    ids = [run_query(demo, CATALOGUE)["bulkOperation"]["id"] for _ in range(5)]

    (error,) = run_query(demo, CATALOGUE)["userErrors"]

    assert (error["code"], error["field"]) == ("OPERATION_IN_PROGRESS", None)
    start = "A bulk query operation for this app and shop is already in progress: "
    assert error["message"] == f"{start}{', '.join(ids)}."
    path = upload(demo, jsonl(line(demo, "MUG-R", -1)))
    assert run_mutation(demo, path)["userErrors"] == []


def test_row_068_an_unknown_path_is_told_first(demo: Demo):
    (error,) = run_mutation(demo, "tmp/1/bulk/nothing")["userErrors"]

    assert (error["code"], error["field"]) == ("NO_SUCH_FILE", None)
    assert error["message"].startswith("The JSONL file could not be found.")
    never_uploaded = fields_of(stage(demo))["key"]
    assert codes(run_mutation(demo, never_uploaded)) == ["NO_SUCH_FILE"]


def test_row_069_an_empty_file(demo: Demo):
    target = stage(demo, "PUT")
    assert requests.put(target["url"], data=b"", timeout=10).status_code == 200
    path = target["url"].split("/_storage/")[1]

    (error,) = run_mutation(demo, path)["userErrors"]

    assert error["code"] == "INVALID_STAGED_UPLOAD_FILE"
    assert error["message"] == "The input file is empty."


def test_row_069_a_file_that_is_too_large(demo: Demo):
    target = stage(demo, "PUT")
    assert requests.put(target["url"], data=bytes(104_857_601), timeout=60).status_code == 200

    (error,) = run_mutation(demo, target["url"].split("/_storage/")[1])["userErrors"]

    assert error["code"] == "INVALID_STAGED_UPLOAD_FILE"
    assert error["message"] == "The input file size exceeds the maximum allowed size of 100 MB."


def test_row_070_a_mutation_that_cannot_be_parsed(demo: Demo):
    (error,) = run_mutation(demo, "any", "mutation {")["userErrors"]

    assert (error["code"], error["field"]) == ("INVALID_MUTATION", None)
    assert error["message"].startswith("Failed to parse the mutation - syntax error, ")


@pytest.mark.parametrize(("text", "expected"), [
    ("mutation { a: bulkOperationCancel(id: \"gid://shopify/BulkOperation/1\") { userErrors { field } }"
     " b: bulkOperationCancel(id: \"gid://shopify/BulkOperation/1\") { userErrors { field } } }",
     (["mutation"], None, "You must specify a single top level mutation.")),
    ("{ shop { name } }",
     (None, "INVALID_MUTATION", "Invalid operation type. Only `mutation` operations are supported.")),
    ("mutation { bulkOperationCancel(id: \"gid://shopify/BulkOperation/1\") { userErrors { field } } }",
     (["mutation"], None, "You must use an allowed mutation name.")),
    ("mutation ($input: InventoryAdjustQuantitiesInput!, $key: String!) {"
     " inventoryAdjustQuantities(input: $input) @idempotent(key: $key) { inventoryAdjustmentGroup { changes {"
     " item { a: inventoryLevels(first: 1) { edges { node { id } } }"
     " b: inventoryLevels(first: 1) { edges { node { id } } } } } } } }",
     (["mutation"], None, "Bulk mutations cannot contain more than 1 connection.")),
])  # fmt: skip
def test_row_071_mutations_that_are_not_allowed(demo: Demo, text, expected):
    (error,) = run_mutation(demo, "any", text)["userErrors"]

    assert (error["field"], error["code"], error["message"]) == expected


def test_row_072_documents_that_are_too_long(demo: Demo):
    filler = "#" * (65_536 - len(CATALOGUE) - 1)
    (error,) = run_query(demo, f"{CATALOGUE}\n{filler}")["userErrors"]
    assert (error["field"], error["code"]) == (["query"], "INVALID")
    assert error["message"] == "Query is too large (65536 bytes; maximum is 65535 bytes)"

    (error,) = run_mutation(demo, "any", ROW + "\n" + "#" * (65_536 - len(ROW) - 1))["userErrors"]
    assert (error["field"], error["code"]) == (["query"], "INVALID_MUTATION")
    assert error["message"] == "is too large (65536 bytes; maximum is 65535 bytes)"


@pytest.mark.parametrize(("length", "message"), [
    (9, "is too short (minimum is 10 characters)"),
    (256, "is too long (maximum is 255 characters)"),
])  # fmt: skip
def test_row_073_client_identifiers(demo: Demo, length, message):
    (error,) = run_mutation(demo, "any", client="x" * length)["userErrors"]

    assert (error["field"], error["code"]) == (["clientIdentifier"], "INVALID_MUTATION")
    assert error["message"] == message


def nested(*names: str) -> str:
    text = "id"
    for name in reversed(names):
        text = f"id {name} {{ edges {{ node {{ {text} }} }} }}"
    return "{ " + text.removeprefix("id ") + " }"


@pytest.mark.parametrize(("text", "message"), [
    ("{ shop { name } }", "Bulk queries must contain at least one connection."),
    ("{ " + " ".join(f"a{n}: products {{ edges {{ node {{ id }} }} }}" for n in range(6)) + " }",
     "Bulk queries cannot contain more than 5 connections."),
    (nested("orders", "fulfillmentOrders", "fulfillments", "fulfillmentLineItems"),
     "Bulk queries cannot contain connections with a nesting depth greater than 2."),
    ('{ node(id: "gid://shopify/Product/1") { id } }',
     "Bulk queries cannot contain a top level `node` field."),
])  # fmt: skip
def test_row_074_queries_that_are_too_much(demo: Demo, text, message):
    (error,) = run_query(demo, text)["userErrors"]

    assert (error["field"], error["code"], error["message"]) == (["query"], "INVALID", message)


@pytest.mark.parametrize(("text", "start"), [
    ("{ products { nodes { id } } }",
     "All connection fields in a bulk query must select their contents using 'edges' > 'node'"),
    ("{ orders { edges { node { id refunds { id refundLineItems { edges { node { quantity } } } } } } } }",
     "Queries that contain a connection field within a list field are not currently supported."),
    ("{ products { edges { node { title variants { edges { node { id } } } } } } }",
     "The parent 'node' field for a nested connection must select the 'id' field without an alias"),
])  # fmt: skip
def test_row_075_queries_that_are_written_wrongly(demo: Demo, text, start):
    (error,) = run_query(demo, text)["userErrors"]

    assert error["code"] == "INVALID"
    assert error["message"].startswith(start)


def test_row_076_what_is_no_query(demo: Demo):
    assert run_query(demo, "{ products {")["userErrors"][0]["message"].startswith(
        "Invalid bulk query: syntax error, "
    )
    message = run_query(demo, ROW)["userErrors"][0]["message"]
    assert message == "Invalid operation type. Only `query` operations are supported."


def test_row_077_a_completed_mutation_answers_line_by_line(demo: Demo):
    rows = [line(demo, "MUG-R", -1) for _ in range(20)]
    rows[3] = line(demo, "MUG-R", -1, reason="nonsense")

    operation = finished(demo, run_mutation(demo, upload(demo, jsonl(*rows))))

    assert (operation["status"], operation["objectCount"]) == ("COMPLETED", "20")
    assert "\\/" in requests.get(operation["url"], timeout=10).text
    found = lines_of(operation["url"])
    numbers = [one["__lineNumber"] for one in found]
    assert sorted(numbers) == list(range(20))
    assert numbers != sorted(numbers)
    by_number = {one["__lineNumber"]: one["data"]["inventoryAdjustQuantities"] for one in found}
    assert codes(by_number[3]) == ["INVALID_REASON"]
    assert by_number[4]["inventoryAdjustmentGroup"]["id"].startswith(
        "gid://shopify/InventoryAdjustmentGroup/"
    )
    assert demo.level("MUG-R")["available"] == 10 - 19
    assert operation["fileSize"] == str(len(requests.get(operation["url"], timeout=10).content))


def test_row_078_lines_that_are_no_variables(demo: Demo):
    content = b"not json\n" + jsonl({"input": {}, "key": "k"}, line(demo, "MUG-R", -1))

    operation = finished(demo, run_mutation(demo, upload(demo, content)))

    found = {one["__lineNumber"]: one for one in lines_of(operation["url"])}
    assert operation["status"] == "COMPLETED"
    assert found[0]["errors"]
    assert found[1]["errors"][0]["extensions"]["code"] == "INVALID_VARIABLE"
    assert found[2]["data"]["inventoryAdjustQuantities"]["userErrors"] == []


def test_row_079_a_completed_query(demo: Demo):
    operation = finished(demo, run_query(demo, CATALOGUE))

    found = lines_of(operation["url"])
    assert (operation["objectCount"], operation["rootObjectCount"]) == ("7", "3")
    products = {one["id"] for one in found if "__parentId" not in one}
    variants = [one for one in found if "__parentId" in one]
    assert {one["__parentId"] for one in variants} == products
    assert {one["sku"] for one in variants} == {"MUG-R", "MUG-B", "SET", "CAP"}
    raw = requests.get(operation["url"], timeout=10).text.splitlines()
    assert all(text.rsplit('"', 4)[1] == "__parentId" for text in raw if "__parentId" in text)
    positions = {one["id"]: number for number, one in enumerate(found)}
    assert all(positions[one["__parentId"]] < positions[one["id"]] for one in variants)
    assert positions[variants[0]["id"]] == len(products)  # not directly behind the parent


def test_row_079_grouped_children_follow_their_parent(demo: Demo):
    operation = finished(demo, run_query(demo, CATALOGUE, group=True))

    parent = None
    for one in lines_of(operation["url"]):
        if "__parentId" in one:
            assert one["__parentId"] == parent
        else:
            parent = one["id"]


def test_row_079_levels_and_their_quantities(demo: Demo):
    demo.server.set_active("demo", "MUG-R", "Warehouse", False)

    found = lines_of(finished(demo, run_query(demo, STOCK))["url"])

    levels = [one for one in found if one.get("__parentId") == demo.item("MUG-R")]
    assert {(one["location"]["id"], one["isActive"], one["quantities"][0]["quantity"]) for one in levels} == {
        (demo.location("Store"), True, 10),
        (demo.location("Warehouse"), False, 50),
    }


def test_row_080_nothing_found(demo: Demo):
    operation = finished(demo, run_query(demo, '{ products(query: "title:none") { edges { node { id } } } }'))

    assert (operation["status"], operation["url"], operation["objectCount"]) == ("COMPLETED", None, "0")


def test_row_081_cancelling(demo: Demo):
    demo.server.switch("demo", bulk_seconds=2)
    running = run_query(demo, CATALOGUE)
    payload = demo.call(CANCEL, {"id": running["bulkOperation"]["id"]})["data"]["bulkOperationCancel"]
    assert payload["bulkOperation"]["status"] == "CANCELING"
    assert finished(demo, running)["status"] == "CANCELED"

    again = demo.call(CANCEL, {"id": running["bulkOperation"]["id"]})["data"]["bulkOperationCancel"]
    assert again["bulkOperation"]["status"] == "CANCELED"
    message = "A bulk operation cannot be canceled when it is canceled"
    assert again["userErrors"] == [{"field": None, "message": message}]
    unknown = demo.call(CANCEL, {"id": "gid://shopify/BulkOperation/1"})["data"]["bulkOperationCancel"]
    assert unknown["userErrors"] == [{"field": ["id"], "message": "Bulk operation does not exist"}]


def test_row_082_reading_one_operation(demo: Demo):
    assert demo.call(READ, {"id": "gid://shopify/BulkOperation/1"})["data"] == {"bulkOperation": None}
    wrong = demo.call(READ, {"id": "gid://shopify/Product/1"})
    assert top(wrong) == ("RESOURCE_NOT_FOUND", "Invalid id: gid://shopify/Product/1")
    assert wrong["data"] == {"bulkOperation": None}
    literal = demo.call('{ bulkOperation(id: "not-a-gid") { id } }')
    assert top(literal) == ("argumentLiteralsIncompatible", "Invalid global id 'not-a-gid'")
    assert top(demo.call(READ, {"id": "not-a-gid"}))[0] == "INVALID_VARIABLE"


def test_row_083_listing_operations(demo: Demo):
    text = "query ($q: String) { bulkOperations(%s query: $q) { nodes { id type } } }"
    finished(demo, run_query(demo, CATALOGUE))

    assert top(demo.call(text % "")) == ("BAD_REQUEST", "you must provide one of first or last")
    both = demo.call(text % "first: 1, last: 1,")
    assert top(both) == ("BAD_REQUEST", "providing both first and last is not supported")
    bad = demo.call(text % "first: 1,", {"q": "created_at:>yesterday"})
    assert top(bad)[1] == "Invalid timestamp for query filter `created_at`."
    queries = demo.call(text % "first: 9,", {"q": "operation_type:query status:completed"})
    assert [one["type"] for one in queries["data"]["bulkOperations"]["nodes"]] == ["QUERY"]
    mutations = demo.call(text % "first: 9,", {"q": "operation_type:mutation"})
    assert mutations["data"]["bulkOperations"]["nodes"] == []


def test_row_084_the_current_operation_may_be_a_finished_one(demo: Demo):
    text = (
        "{ currentBulkOperation { id status } currentMutation: currentBulkOperation(type: MUTATION) { id } }"
    )
    assert demo.call(text)["data"] == {"currentBulkOperation": None, "currentMutation": None}

    operation = finished(demo, run_query(demo, CATALOGUE))

    assert demo.call(text)["data"]["currentBulkOperation"] == {"id": operation["id"], "status": "COMPLETED"}


def test_row_085_a_result_lives_seven_days(demo: Demo):
    url = finished(demo, run_query(demo, CATALOGUE))["url"]
    demo.server.clock(7 * 86_400 - 60)
    assert requests.get(url, timeout=10).status_code == 200

    demo.server.clock(7 * 86_400 + 60)

    answer = requests.get(url, timeout=10)
    assert answer.status_code == 400
    assert "<Error>" in answer.text


def test_row_086_uploads_that_are_refused(demo: Demo):
    target = stage(demo)
    fields = [(name, (None, value)) for name, value in fields_of(target).items()]
    file = ("file", ("changes.jsonl", b"{}\n"))

    def status(parts) -> int:
        return requests.post(target["url"], files=parts, timeout=10).status_code

    assert status([file, *fields]) == 400
    assert status([*fields[1:], file]) == 403
    assert status([*fields, ("file", ("changes.jsonl", b""))]) == 400
    assert status([*fields, file]) == 201
    demo.server.clock(86_400 + 60)
    assert status([*fields, file]) == 403
    assert target["url"] == target["resourceUrl"]
    assert [name for name, _ in fields][:4] == ["Content-Type", "success_action_status", "acl", "key"]


def test_row_087_the_same_file_again_changes_nothing(demo: Demo):
    path = upload(demo, jsonl(*[line(demo, "MUG-R", -1) for _ in range(5)]))

    first = lines_of(finished(demo, run_mutation(demo, path))["url"])
    second = lines_of(finished(demo, run_mutation(demo, path))["url"])

    assert sorted(map(str, first)) == sorted(map(str, second))
    assert demo.level("MUG-R")["available"] == 5


@pytest.mark.parametrize("code", ["INTERNAL_SERVER_ERROR", "TIMEOUT"])
def test_row_089_a_failure_leaves_partial_data(demo: Demo, code):
    demo.server.fault("bulk_failure", rows=3, code=code)

    operation = finished(
        demo, run_mutation(demo, upload(demo, jsonl(*[line(demo, "MUG-R", -1) for _ in range(5)])))
    )

    assert (operation["status"], operation["errorCode"], operation["url"]) == ("FAILED", code, None)
    assert sorted(one["__lineNumber"] for one in lines_of(operation["partialDataUrl"])) == [0, 1, 2]
    assert demo.level("MUG-R")["available"] == 7


def test_answers_of_a_bulk_mutation_can_be_lost(demo: Demo):
    demo.server.fault("bulk_partial", rows=2)

    operation = finished(
        demo, run_mutation(demo, upload(demo, jsonl(*[line(demo, "MUG-R", -1) for _ in range(5)])))
    )

    assert operation["status"] == "COMPLETED"
    assert len(lines_of(operation["url"])) == 3
    assert demo.level("MUG-R")["available"] == 5


def test_a_bulk_query_of_what_is_not_simulated_is_refused_at_once(demo: Demo):
    text = "{ products { edges { node { id templateSuffix } } } }"

    assert top(demo.call(RUN_QUERY, {"query": text, "group": False}))[0] == "NOT_SIMULATED"
    assert demo.server.describe("demo")["bulk_operations"] == []


SPECIFIED = {
    "catalogue": """{ products { edges { node { id title status updatedAt variants { edges { node {
      id sku barcode updatedAt inventoryPolicy inventoryItem { id tracked requiresShipping } } } } } } } }""",
    "stock": """{ inventoryItems { edges { node { id sku tracked updatedAt
      inventoryLevels(includeInactive: true) { edges { node { id isActive updatedAt location { id }
        quantities(names: ["available", "on_hand", "committed", "incoming", "reserved", "damaged",
          "safety_stock", "quality_control"]) { name quantity updatedAt } } } } } } } }""",
    "orders": """{ orders(query: "updated_at:>='2026-01-01T00:00:00Z'", sortKey: UPDATED_AT) { edges { node {
      id name createdAt updatedAt processedAt cancelledAt cancelReason closedAt displayFinancialStatus
      displayFulfillmentStatus returnStatus edited test tags note customAttributes { key value }
      currentTotalPriceSet { shopMoney { amount currencyCode } }
      lineItems { edges { node { id sku quantity currentQuantity unfulfilledQuantity variant { id } } } }
      fulfillmentOrders { edges { node { id status requestStatus assignedLocation { location { id } }
        lineItems { edges { node {
          id totalQuantity remainingQuantity inventoryItemId lineItem { id } } } } } } }
      returns { edges { node { id name status totalQuantity } } } } } } }""",
}


@pytest.mark.parametrize(("name", "count"), [("catalogue", "7"), ("stock", "9"), ("orders", "4")])
def test_the_documents_of_the_specification_run(demo: Demo, name, count):
    demo.server.place_order("demo", {"sku": "MUG-R", "quantity": 1})

    operation = finished(demo, run_query(demo, SPECIFIED[name]))

    assert (operation["status"], operation["objectCount"]) == ("COMPLETED", count)

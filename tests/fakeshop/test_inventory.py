"""Quantities and levels (shopify.md 7.2, rows 21-56)."""

import pytest

from fakeshop.testing import new_key
from tests.fakeshop.conftest import ADJUST, LEDGER, SET, Demo, codes, top

NO_ITEM = "gid://shopify/InventoryItem/1"
NO_PLACE = "gid://shopify/Location/1"
IDENTITY = ("available", "committed", "reserved", "damaged", "safety_stock", "quality_control")


def rows(payload):
    return [(row["name"], row["delta"]) for row in payload["inventoryAdjustmentGroup"]["changes"]]


def test_row_021_adjusting_available_moves_on_hand_with_it(demo: Demo):
    before = demo.level("MUG-R")
    demo.server.clock(120)

    payload = demo.adjust(demo.change("MUG-R", -2), referenceDocumentUri="gid://our-app/Batch/1")

    after = demo.level("MUG-R")
    assert (after["available"], after["on_hand"]) == (8, 8)
    assert after["updated"] >= before["updated"] + 120
    assert rows(payload) == [("available", -2), ("on_hand", -2)]
    group = payload["inventoryAdjustmentGroup"]
    assert group["referenceDocumentUri"] == "gid://our-app/Batch/1"
    assert {row["quantityAfterChange"] for row in group["changes"]} == {None}


def test_row_022_incoming_belongs_to_nothing(demo: Demo):
    payload = demo.adjust(demo.change("MUG-R", 5, ledgerDocumentUri=LEDGER), name="incoming")

    assert rows(payload) == [("incoming", 5)]
    assert (demo.level("MUG-R")["incoming"], demo.level("MUG-R")["on_hand"]) == (5, 10)


def test_row_023_one_bad_item_stops_all_250(demo: Demo):
    changes = [demo.change("MUG-R", -1) for _ in range(250)]
    changes[7] |= {"inventoryItemId": NO_ITEM}

    payload = demo.adjust(*changes)

    assert payload == {
        "inventoryAdjustmentGroup": None,
        "userErrors": [
            {
                "code": "INVALID_INVENTORY_ITEM",
                "field": ["input", "changes", "7", "inventoryItemId"],
                "message": "The specified inventory item could not be found.",
            }
        ],
    }
    assert demo.level("MUG-R")["available"] == 10
    assert demo.server.journal("demo") == []


def test_row_024_an_inactive_level_takes_changes_without_becoming_sellable(demo: Demo):
    payload = demo.adjust(demo.change("CAP", 3, "Store"))

    assert codes(payload) == []
    assert rows(payload) == [("available", 3), ("on_hand", 3)]
    assert (demo.level("CAP")["available"], demo.level("CAP")["active"]) == (3, False)
    text = """query ($id: ID!, $at: ID!) { inventoryItem(id: $id) {
      hidden: inventoryLevel(locationId: $at) { id }
      seen: inventoryLevel(locationId: $at, includeInactive: true) { isActive }
      active: inventoryLevels(first: 9) { nodes { id } }
      all: inventoryLevels(first: 9, includeInactive: true) { nodes { id } } } }"""
    item = demo.call(text, {"id": demo.item("CAP"), "at": demo.location("Store")})["data"]["inventoryItem"]
    assert (item["hidden"], item["seen"]) == (None, {"isActive": False})
    assert (len(item["active"]["nodes"]), len(item["all"]["nodes"])) == (1, 2)


def test_row_025_mode_silent_says_yes_and_does_nothing(demo: Demo):
    demo.server.switch("demo", inactive_levels="silent")

    payload = demo.adjust(demo.change("CAP", 3, "Store"))

    assert codes(payload) == []
    assert rows(payload) == [("available", 3), ("on_hand", 3)]
    assert [entry["changes"] for entry in demo.server.journal("demo")] == [[]]
    assert [one["location_name"] for one in demo.server.levels("demo", sku="CAP")] == ["Warehouse"]


def test_row_026_mode_error_exists_only_where_the_enum_has_the_code(demo: Demo):
    demo.server.switch("demo", inactive_levels="error")

    old = demo.adjust_body(demo.change("CAP", 3, "Store"), version="2026-07")
    new = demo.adjust_body(demo.change("CAP", 3, "Store"), version="2026-10")

    assert codes(old["data"]["inventoryAdjustQuantities"]) == ["ITEM_NOT_STOCKED_AT_LOCATION"]
    assert codes(new["data"]["inventoryAdjustQuantities"]) == []


def test_row_027_251_changes_are_too_many(demo: Demo):
    body = demo.adjust_body(*[demo.change("MUG-R", -1)] * 251)

    assert top(body) == (
        "MAX_INPUT_SIZE_EXCEEDED",
        "The input array size of 251 is greater than the maximum allowed of 250.",
    )
    assert body["errors"][0]["path"] == ["inventoryAdjustQuantities", "input", "changes"]
    assert "data" not in body
    assert body["extensions"]["cost"]["actualQueryCost"] is None
    assert demo.level("MUG-R")["available"] == 10


@pytest.mark.parametrize("name", ["on_hand", "committed", "nonsense"])
def test_row_028_names_that_cannot_be_adjusted(demo: Demo, name):
    payload = demo.adjust(demo.change("MUG-R", 1), name=name)

    assert payload["userErrors"] == [
        {
            "code": "INVALID_QUANTITY_NAME",
            "field": ["input", "name"],
            "message": "The specified quantity name is invalid. Valid values are: available, damaged,"
            " incoming, quality_control, reserved, safety_stock.",
        }
    ]


def test_row_029_only_available_and_on_hand_can_be_set(demo: Demo):
    (error,) = demo.set(demo.quantity("MUG-R", 1), name="damaged")["userErrors"]

    assert (error["code"], error["field"]) == ("INVALID_NAME", ["input", "name"])
    assert error["message"] == "The quantity name must be either 'available' or 'on_hand'."


@pytest.mark.parametrize("reason", ["", "because"])
def test_row_030_unknown_reasons(demo: Demo, reason):
    (error,) = demo.adjust(demo.change("MUG-R", 1), reason=reason)["userErrors"]

    assert (error["code"], error["field"]) == ("INVALID_REASON", ["input", "reason"])
    assert "cycle_count_available" in error["message"]
    assert demo.level("MUG-R")["available"] == 10


def test_rows_031_032_033_ledger_documents(demo: Demo):
    without = demo.adjust(demo.change("MUG-R", 1), name="damaged")["userErrors"][0]
    with_one = demo.adjust(demo.change("MUG-R", 1, ledgerDocumentUri=LEDGER))["userErrors"][0]
    own = demo.change("MUG-R", 1, ledgerDocumentUri="gid://shopify/Order/1")
    internal = demo.adjust(own, name="damaged")["userErrors"][0]

    field = ["input", "changes", "0", "ledgerDocumentUri"]
    assert (without["code"], without["field"]) == ("INVALID_QUANTITY_DOCUMENT", field)
    assert without["message"] == "A ledger document URI is required except when adjusting available."
    assert (with_one["code"], with_one["field"]) == ("INVALID_AVAILABLE_DOCUMENT", field)
    assert with_one["message"] == "A ledger document URI is not allowed when adjusting available."
    assert internal["code"] == "INTERNAL_LEDGER_DOCUMENT"


def test_row_034_too_many_ledger_documents(demo: Demo):
    changes = [demo.change("MUG-R", 1, ledgerDocumentUri=f"our://{number}") for number in (1, 2)]
    (error,) = demo.adjust(*changes, name="damaged")["userErrors"]
    assert (error["code"], error["field"]) == ("MAX_ONE_LEDGER_DOCUMENT", ["input", "changes"])

    moves = [movement(demo, to_uri=f"our://{number}") for number in (1, 2, 3)]
    assert codes(demo.move(*moves)) == ["MAXIMUM_LEDGER_DOCUMENT_URIS"]


def movement(demo: Demo, quantity=3, name="damaged", place="Store", to_uri=LEDGER, from_quantity=None):
    ends = {
        "from": {
            "name": "available",
            "locationId": demo.location("Store"),
            "changeFromQuantity": from_quantity,
        },
        "to": {"name": name, "locationId": demo.location(place), "changeFromQuantity": None},
    }
    if name != "available":
        ends["to"]["ledgerDocumentUri"] = to_uri
    return {"inventoryItemId": demo.item("MUG-R"), "quantity": quantity} | ends


def test_row_035_a_stale_quantity_stops_the_whole_call(demo: Demo):
    stale = demo.change("MUG-R", -1, changeFromQuantity=9)

    payload = demo.adjust(demo.change("MUG-B", -1, changeFromQuantity=5), stale)

    assert payload["userErrors"] == [
        {
            "code": "CHANGE_FROM_QUANTITY_STALE",
            "field": ["input", "changes", "1", "changeFromQuantity"],
            "message": "The changeFromQuantity argument no longer matches the persisted quantity.",
        }
    ]
    assert (demo.level("MUG-B")["available"], demo.level("MUG-R")["available"]) == (5, 10)
    (error,) = demo.set(demo.quantity("MUG-R", 3, changeFromQuantity=9))["userErrors"]
    assert error["field"] == ["input", "quantities", "0", "changeFromQuantity"]


def test_row_035_a_matching_quantity_is_applied(demo: Demo):
    assert codes(demo.adjust(demo.change("MUG-R", -1, changeFromQuantity=10))) == []
    assert codes(demo.set(demo.quantity("MUG-R", 3, changeFromQuantity=9))) == []
    assert demo.level("MUG-R")["available"] == 3


def test_row_036_null_compares_nothing(demo: Demo):
    demo.server.adjust("demo", "MUG-R", "Store", delta=5)

    demo.adjust(demo.change("MUG-R", -1, changeFromQuantity=None))

    assert demo.level("MUG-R")["available"] == 14


def test_row_037_leaving_change_from_quantity_out_is_an_error_before_the_key(demo: Demo):
    change = demo.change("MUG-R", -1)
    del change["changeFromQuantity"]
    given = {"name": "available", "reason": "correction", "changes": [change]}
    without_key = ADJUST.replace(" @idempotent(key: $key)", "").replace(", $key: String!", "")

    body = demo.call(without_key, {"input": given})

    message = "InventoryChangeInput must include the following argument: changeFromQuantity."
    assert top(body) == ("INVALID_FIELD_ARGUMENTS", message)
    assert body["data"] == {"inventoryAdjustQuantities": None}
    quantity = demo.quantity("MUG-R", 1)
    del quantity["changeFromQuantity"]
    given = {"name": "available", "reason": "correction", "quantities": [quantity]}
    assert top(demo.call(SET, {"input": given, "key": "k"}))[1].startswith(
        "InventoryQuantityInput must include"
    )


def test_row_038_nothing_to_change_is_no_group_and_no_error(demo: Demo):
    empty = {"inventoryAdjustmentGroup": None, "userErrors": []}

    assert demo.adjust(demo.change("MUG-R", 0)) == empty
    assert demo.set(demo.quantity("MUG-R", 10)) == empty
    mixed = demo.adjust(demo.change("MUG-R", 0), demo.change("MUG-B", 1))
    assert rows(mixed) == [("available", 1), ("on_hand", 1)]


def test_row_039_a_pair_twice_in_one_set(demo: Demo):
    payload = demo.set(demo.quantity("MUG-R", 1), demo.quantity("MUG-B", 1), demo.quantity("MUG-R", 2))

    assert [error["field"] for error in payload["userErrors"]] == [
        ["input", "quantities", "0", "locationId"],
        ["input", "quantities", "2", "locationId"],
    ]
    assert set(codes(payload)) == {"NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR"}


def test_row_040_the_key_is_required(demo: Demo):
    given = {"name": "available", "reason": "correction", "quantities": [demo.quantity("MUG-R", 1)]}
    without_key = SET.replace(" @idempotent(key: $key)", "").replace(", $key: String!", "")

    body = demo.call(without_key, {"input": given})

    message = "The @idempotent directive is required for this mutation but was not provided."
    assert top(body) == ("BAD_REQUEST", message)
    assert body["errors"][0]["path"] == ["inventorySetQuantities"]
    assert body["data"] == {"inventorySetQuantities": None}
    cost = body["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (11, 10)
    assert demo.level("MUG-R")["available"] == 10


def test_row_041_on_hand_cannot_be_negative_but_available_can(demo: Demo):
    assert codes(demo.set(demo.quantity("MUG-R", -1), name="on_hand")) == ["INVALID_QUANTITY_NEGATIVE"]
    assert codes(demo.set(demo.quantity("MUG-R", -5))) == []
    assert demo.level("MUG-R")["available"] == -5


def test_row_042_limits_of_a_set(demo: Demo):
    (high,) = demo.set(demo.quantity("MUG-R", 1_000_000_001))["userErrors"]
    (low,) = demo.set(demo.quantity("MUG-R", -1_000_000_001))["userErrors"]

    assert (high["code"], high["field"][-1]) == ("INVALID_QUANTITY_TOO_HIGH", "quantity")
    assert high["message"] == "The quantity can't be higher than 1,000,000,000."
    assert low["code"] == "INVALID_QUANTITY_TOO_LOW"


def test_row_043_both_faults_of_a_row_are_told(demo: Demo):
    payload = demo.adjust(demo.change("MUG-R", 1) | {"inventoryItemId": NO_ITEM, "locationId": NO_PLACE})

    assert codes(payload) == ["INVALID_INVENTORY_ITEM", "INVALID_LOCATION"]


def test_row_044_a_move_leaves_on_hand_alone(demo: Demo):
    payload = demo.move(movement(demo))

    assert rows(payload) == [("available", -3), ("damaged", 3)]
    level = demo.level("MUG-R")
    assert (level["available"], level["damaged"], level["on_hand"]) == (7, 3, 10)
    assert level["on_hand"] == sum(level[name] for name in IDENTITY)


def test_row_045_moves_that_go_nowhere(demo: Demo):
    assert codes(demo.move(movement(demo, place="Warehouse"))) == ["DIFFERENT_LOCATIONS"]
    assert codes(demo.move(movement(demo, name="available"))) == ["SAME_QUANTITY_NAME"]
    assert demo.level("MUG-R")["available"] == 10


ACTIVATE = """mutation ($item: ID!, $at: ID!, $available: Int, $onHand: Int, $key: String!) {
  inventoryActivate(inventoryItemId: $item, locationId: $at, available: $available, onHand: $onHand)
    @idempotent(key: $key) {
    inventoryLevel { id isActive quantities(names: ["available"]) { quantity } }
    userErrors { field message } } }"""
DEACTIVATE = (
    "mutation ($id: ID!) { inventoryDeactivate(inventoryLevelId: $id) { userErrors { field message } } }"
)


def activate(demo: Demo, sku: str, place: str, **quantities):
    given = {"item": demo.item(sku), "at": demo.location(place), "key": new_key()} | quantities
    return demo.call(ACTIVATE, given)["data"]["inventoryActivate"]


def test_row_046_activating_with_both_quantities(demo: Demo):
    payload = activate(demo, "CAP", "Store", available=1, onHand=1)

    message = (
        "The product couldn't be stocked at Store because not allowed to set available and on_hand"
        " quantities at the same time."
    )
    assert payload["inventoryLevel"] is None
    assert payload["userErrors"] == [
        {"field": ["available"], "message": message},
        {"field": ["onHand"], "message": message},
    ]


def test_row_047_activating_an_active_level_with_a_quantity(demo: Demo):
    payload = activate(demo, "MUG-R", "Store", available=1)

    assert payload["inventoryLevel"]["quantities"] == [{"quantity": 10}]
    message = "Not allowed to set available quantity when the item is already active at the location."
    assert payload["userErrors"] == [{"field": ["available"], "message": message}]


def test_row_048_activating_at_an_unknown_location(demo: Demo):
    given = {"item": demo.item("CAP"), "at": NO_PLACE, "key": new_key()}

    payload = demo.call(ACTIVATE, given)["data"]["inventoryActivate"]

    message = "The product couldn't be stocked because the location wasn't found."
    assert payload["userErrors"] == [{"field": ["locationId"], "message": message}]


def test_row_048_a_new_level_starts_with_what_was_given(demo: Demo):
    assert activate(demo, "CAP", "Store", available=4)["inventoryLevel"]["quantities"] == [{"quantity": 4}]
    assert activate(demo, "CAP", "Pop-up")["inventoryLevel"]["quantities"] == [{"quantity": 0}]


def test_row_049_a_level_comes_back_as_it_was(demo: Demo):
    before = activate(demo, "MUG-R", "Store")["inventoryLevel"]
    assert demo.call(DEACTIVATE, {"id": before["id"]})["data"]["inventoryDeactivate"]["userErrors"] == []
    assert demo.level("MUG-R")["active"] is False

    assert activate(demo, "MUG-R", "Store")["inventoryLevel"] == before


def test_row_050_the_last_active_level_stays(demo: Demo):
    level = activate(demo, "CAP", "Warehouse")["inventoryLevel"]["id"]

    errors = demo.call(DEACTIVATE, {"id": level})["data"]["inventoryDeactivate"]["userErrors"]

    message = (
        "The product couldn't be unstocked from Warehouse because products need to be stocked"
        " at a minimum of 1 location."
    )
    assert errors == [{"field": None, "message": message}]


TOGGLE = """mutation ($item: ID!, $updates: [InventoryBulkToggleActivationInput!]!) {
  inventoryBulkToggleActivation(inventoryItemId: $item, inventoryItemUpdates: $updates) {
    inventoryItem { id } inventoryLevels { id isActive location { name } }
    userErrors { code field message } } }"""


def toggle(demo: Demo, sku: str, *updates):
    listed = [{"locationId": place, "activate": on} for place, on in updates]
    body = demo.call(TOGGLE, {"item": demo.item(sku), "updates": listed})
    return body["data"]["inventoryBulkToggleActivation"]


def test_row_051_toggling(demo: Demo):
    off = toggle(demo, "CAP", (demo.location("Warehouse"), False))
    assert codes(off) == ["CANNOT_DEACTIVATE_FROM_ONLY_LOCATION"]
    assert off["inventoryItem"] is None
    unknown = toggle(demo, "CAP", (NO_PLACE, True))
    assert (codes(unknown), unknown["userErrors"][0]["field"]) == (
        ["LOCATION_NOT_FOUND"],
        ["inventoryItemUpdates", "0", "locationId"],
    )
    already = toggle(demo, "CAP", (demo.location("Warehouse"), True))
    assert codes(already) == []
    both = toggle(demo, "CAP", (demo.location("Warehouse"), False), (demo.location("Store"), True))
    assert [(one["location"]["name"], one["isActive"]) for one in both["inventoryLevels"]] == [
        ("Store", True)
    ]
    assert demo.level("CAP", "Warehouse")["active"] is False


UPDATE = """mutation ($id: ID!, $input: InventoryItemInput!) { inventoryItemUpdate(id: $id, input: $input) {
  inventoryItem { tracked sku } userErrors { field message } } }"""


def test_row_052_updating_an_item(demo: Demo):
    unknown = demo.call(UPDATE, {"id": NO_ITEM, "input": {"tracked": False}})["data"]["inventoryItemUpdate"]
    message = "The product couldn't be updated because it does not exist."
    assert unknown["userErrors"] == [{"field": ["id"], "message": message}]

    done = demo.call(UPDATE, {"id": demo.item("CAP"), "input": {"tracked": False, "sku": "CAP-2"}})
    assert done["data"]["inventoryItemUpdate"]["inventoryItem"] == {"tracked": False, "sku": "CAP-2"}


def test_row_053_bundles_cannot_be_written(demo: Demo):
    assert codes(demo.adjust(demo.change("SET", 1))) == ["NON_MUTABLE_INVENTORY_ITEM"]


def test_row_054_orders_move_stock(demo: Demo):
    def stock():
        level = demo.level("MUG-R")
        return level["available"], level["committed"], level["on_hand"]

    order = demo.server.place_order("demo", {"sku": "MUG-R", "quantity": 3, "location": "Store"})
    assert stock() == (7, 3, 10)
    demo.server.order_action("demo", order["id"], "fulfil", lines={"MUG-R": 1})
    assert stock() == (7, 2, 9)
    returned = {"sku": "MUG-R", "quantity": 1, "restock_type": "RETURN", "location": "Store"}
    demo.server.order_action("demo", order["id"], "refund", lines=[returned])
    assert stock() == (8, 2, 10)
    left = {"sku": "MUG-R", "quantity": 2, "restock_type": "CANCEL"}
    demo.server.order_action("demo", order["id"], "refund", lines=[left])
    assert stock() == (10, 0, 10)


def test_row_054_cancelling_without_restock_loses_the_units(demo: Demo):
    order = demo.server.place_order("demo", {"sku": "MUG-R", "quantity": 3, "location": "Store"})

    demo.server.order_action("demo", order["id"], "cancel", restock=False)

    level = demo.level("MUG-R")
    assert (level["available"], level["committed"], level["on_hand"]) == (7, 0, 7)


def test_row_055_quantities_come_in_the_order_asked(demo: Demo):
    text = """query ($id: ID!, $at: ID!) { inventoryItem(id: $id) { inventoryLevel(locationId: $at) {
      quantities(names: ["on_hand", "available"]) { name quantity updatedAt } } } }"""

    level = demo.call(text, {"id": demo.item("MUG-R"), "at": demo.location("Store")})
    quantities = level["data"]["inventoryItem"]["inventoryLevel"]["quantities"]

    assert [(one["name"], one["quantity"]) for one in quantities] == [("on_hand", 10), ("available", 10)]
    assert quantities[0]["updatedAt"] is None
    assert quantities[1]["updatedAt"].endswith("Z")


def test_row_056_a_denied_field_does_not_undo_the_mutation(demo: Demo):
    text = ADJUST.replace("id createdAt", "id staffMember { id } createdAt")
    given = {"name": "available", "reason": "correction", "changes": [demo.change("MUG-R", -1)]}

    body = demo.call(text, {"input": given, "key": new_key()})

    assert top(body)[0] == "ACCESS_DENIED"
    assert body["data"]["inventoryAdjustQuantities"]["inventoryAdjustmentGroup"]["staffMember"] is None
    assert demo.level("MUG-R")["available"] == 9


def test_row_044_what_a_movement_names_is_told_where_it_stands(demo: Demo):
    def places(**given) -> list[list[str]]:
        change = movement(demo) | given
        return [error["field"] for error in demo.move(change)["userErrors"]]

    path = ["input", "changes", "0"]
    item = "gid://shopify/InventoryItem/1"
    assert places(inventoryItemId=item) == [[*path, "inventoryItemId"]]
    ends = {
        side: movement(demo)[side] | {"locationId": "gid://shopify/Location/1"} for side in ("from", "to")
    }
    assert places(**ends) == [[*path, "from", "locationId"], [*path, "to", "locationId"]]


@pytest.mark.parametrize("name", ["available", "onHand"])
@pytest.mark.parametrize("quantity", [1_000_000_001, -1_000_000_001])
def test_row_047_quantities_that_no_level_holds(demo: Demo, name: str, quantity: int):
    given = {"item": demo.item("MUG-B"), "at": demo.location("Pop-up"), "key": new_key(), name: quantity}

    payload = demo.call(ACTIVATE, given)["data"]["inventoryActivate"]

    (error,) = payload["userErrors"]
    assert (payload["inventoryLevel"], error["field"]) == (None, [name])
    assert error["message"].endswith("needs to be between -1 billion and 1 billion.")


def test_row_050_a_level_of_what_is_gone(demo: Demo):
    item = demo.items["MUG-R"]
    for id, gone in (
        ("gid://shopify/InventoryLevel/1?inventory_item_id=1", "product"),
        (f"gid://shopify/InventoryLevel/1?inventory_item_id={item}", "location"),
    ):
        message = f"The product couldn't be unstocked because the {gone} was deleted."
        errors = demo.call(DEACTIVATE, {"id": id})["data"]["inventoryDeactivate"]["userErrors"]
        assert errors == [{"field": None, "message": message}]

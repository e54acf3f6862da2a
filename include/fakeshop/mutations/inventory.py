"""Quantities: adjust, set, move; activation of levels; inventory items (shopify.md 1.3-1.7)."""

from collections.abc import Callable
from typing import Any

from fakeshop.errors import AdminError, user_error
from fakeshop.gids import gid, number_of, parse
from fakeshop.inventory import Plan, Row, apply, level_rows
from fakeshop.mutations import Outcome, mutation, ref, wrong_type
from fakeshop.nodes.base import Context
from fakeshop.nodes.inventory import level_id, row_of_level

ADJUSTABLE = ("available", "damaged", "incoming", "quality_control", "reserved", "safety_stock")
REASONS = (
    "correction", "cycle_count_available", "damaged", "movement_canceled", "movement_created",
    "movement_received", "movement_updated", "other", "promotion", "quality_control", "received",
    "reservation_created",
    "reservation_deleted", "reservation_updated", "restock", "safety_stock", "shrinkage",
)  # fmt: skip
ADJUST_LIMIT = 2_000_000_000
SET_LIMIT = 1_000_000_000
INVALID_NAME = f"The specified quantity name is invalid. Valid values are: {', '.join(ADJUSTABLE)}."
INVALID_REASON = f"The specified reason is invalid. Valid values are: {', '.join(REASONS)}."
NO_ITEM = "The specified inventory item could not be found."
NO_LOCATION = "The specified location could not be found."
NOT_STOCKED = "The specified inventory item is not stocked at the location."
STALE = "The changeFromQuantity argument no longer matches the persisted quantity."
BUNDLE = "The specified inventory item is not allowed to be adjusted via API."
NEEDS_ONE_LOCATION = (
    "The product couldn't be unstocked because products need to be stocked at a minimum of 1 location."
)
NEEDS_LEDGER = "A ledger document URI is required except when adjusting available."
NO_LEDGER = "A ledger document URI is not allowed when adjusting available."
OWN_LEDGER = "Internal (gid://shopify/) ledger documents are not allowed to be adjusted via API."

Errors = list[dict[str, Any]]


def must_have(type_name: str, rows: Callable[[dict[str, Any]], list[dict[str, Any]]]) -> Any:
    """Refuse a call in which a row does not even write changeFromQuantity (row 37)."""

    def check(args: dict[str, Any]) -> None:
        if any("changeFromQuantity" not in row for row in rows(args["input"])):
            raise AdminError(
                "INVALID_FIELD_ARGUMENTS",
                f"{type_name} must include the following argument: changeFromQuantity.",
            )

    return check


def common_errors(given: dict[str, Any]) -> Errors:
    """Check the reason and the reference document of a call."""
    errors: Errors = []
    if given["reason"] not in REASONS:
        errors.append(user_error(["input", "reason"], INVALID_REASON, "INVALID_REASON"))
    reference = given.get("referenceDocumentUri")
    if reference is not None and (":" not in reference or any(char.isspace() for char in reference)):
        message = "The specified reference document is invalid."
        errors.append(user_error(["input", "referenceDocumentUri"], message, "INVALID_REFERENCE_DOCUMENT"))
    return errors


def ledger_errors(name: str, uri: str | None, path: list[str]) -> Errors:
    """Check the ledger document of one quantity."""
    field = [*path, "ledgerDocumentUri"]
    if name == "available":
        return [] if uri is None else [user_error(field, NO_LEDGER, "INVALID_AVAILABLE_DOCUMENT")]
    if uri is None:
        return [user_error(field, NEEDS_LEDGER, "INVALID_QUANTITY_DOCUMENT")]
    if uri.startswith("gid://shopify/"):
        return [user_error(field, OWN_LEDGER, "INTERNAL_LEDGER_DOCUMENT")]
    if ":" not in uri:
        return [user_error(field, "The specified ledger document is invalid.", "INVALID_LEDGER_DOCUMENT")]
    return []


def place(
    ctx: Context,
    change: dict[str, Any],
    location: str,
    path: list[str],
    errors: Errors,
    ends: tuple[str, ...] = (),
) -> tuple[int, int] | None:
    """Find item and location of a row; note what is wrong with them (rows 23, 43, 53).

    The location of a movement stands at both of its ``ends``.
    """
    shop = ctx.shop
    item_number = number_of(change["inventoryItemId"], "InventoryItem")
    location_number = number_of(location, "Location")
    variant = shop.by_item.get(item_number)
    known = shop.locations.get(location_number)
    if variant is None:
        errors.append(user_error([*path, "inventoryItemId"], NO_ITEM, "INVALID_INVENTORY_ITEM"))
    elif variant.bundle:
        errors.append(user_error([*path, "inventoryItemId"], BUNDLE, "NON_MUTABLE_INVENTORY_ITEM"))
    if known is None or not known.active:
        places = [[*path, end, "locationId"] for end in ends] or [[*path, "locationId"]]
        errors.extend(user_error(one, NO_LOCATION, "INVALID_LOCATION") for one in places)
    if variant is None or known is None or variant.bundle or not known.active:
        return None
    return variant.item, known.id


def not_stocked(ctx: Context, row: int | None) -> bool:
    """Say whether a level refuses changes: only in mode ``error``, and not on 2026-10 (rows 24-26)."""
    if ctx.shop.settings.inactive_levels != "error" or ctx.version >= "2026-10":
        return False
    return row is None or not ctx.shop.levels.active[row]


def persisted(ctx: Context, row: int | None, name: str) -> int:
    """Return the stored quantity; 0 for a level that never existed."""
    return 0 if row is None else ctx.shop.levels.get(row, name)


def finish(ctx: Context, event: str, given: dict[str, Any], plan: Plan, errors: Errors) -> Outcome:
    """Apply everything, or nothing when there are errors."""
    if errors:
        return {"inventoryAdjustmentGroup": None, "userErrors": errors}
    entry = apply(ctx, event, plan, given["reason"], given.get("referenceDocumentUri"))
    group = None if entry is None else ref(gid("InventoryAdjustmentGroup", entry.group))
    return {"inventoryAdjustmentGroup": group, "userErrors": []}


@mutation(
    "inventoryAdjustQuantities",
    "inventoryAdjustmentGroup",
    needs_key=True,
    check=must_have("InventoryChangeInput", lambda given: given["changes"]),
)
def adjust(ctx: Context, input: dict[str, Any]) -> Outcome:
    """Change quantities by deltas (shopify.md 1.3)."""
    name = input["name"]
    errors = common_errors(input)
    if name not in ADJUSTABLE:
        errors.append(user_error(["input", "name"], INVALID_NAME, "INVALID_QUANTITY_NAME"))
        return finish(ctx, "adjust", input, [], errors)
    changes = input["changes"]
    if len({change.get("ledgerDocumentUri") for change in changes}) > 1:
        message = (
            "All changes must have the same ledger document URI or, in the case of adjusting available, none."
        )
        errors.append(user_error(["input", "changes"], message, "MAX_ONE_LEDGER_DOCUMENT"))
    plan: Plan = []
    for index, change in enumerate(changes):
        adjust_row(ctx, name, change, index, plan, errors)
    return finish(ctx, "adjust", input, plan, errors)


def adjust_row(
    ctx: Context, name: str, change: dict[str, Any], index: int, plan: Plan, errors: Errors
) -> None:
    """Check one change and plan it."""
    path = ["input", "changes", str(index)]
    uri = change.get("ledgerDocumentUri")
    errors.extend(ledger_errors(name, uri, path))
    at = place(ctx, change, change["locationId"], path, errors)
    if at is None:
        return
    item, location = at
    row = ctx.shop.levels.row(location, item)
    if not_stocked(ctx, row):
        errors.append(user_error([*path, "locationId"], NOT_STOCKED, "ITEM_NOT_STOCKED_AT_LOCATION"))
        return
    before, delta = persisted(ctx, row, name), change["delta"]
    expected = change["changeFromQuantity"]
    if expected is not None and expected != before:
        errors.append(user_error([*path, "changeFromQuantity"], STALE, "CHANGE_FROM_QUANTITY_STALE"))
    if before + delta > ADJUST_LIMIT:
        message = "The quantity can't be higher than 2,000,000,000."
        errors.append(user_error([*path, "delta"], message, "INVALID_QUANTITY_TOO_HIGH"))
    elif before + delta < -ADJUST_LIMIT:
        message = "The quantity can't be lower than -2,000,000,000."
        errors.append(user_error([*path, "delta"], message, "INVALID_QUANTITY_TOO_LOW"))
    plan.append(Row(row, location, item, name, delta, uri))


@mutation(
    "inventorySetQuantities",
    "inventoryAdjustmentGroup",
    needs_key=True,
    check=must_have("InventoryQuantityInput", lambda given: given["quantities"]),
)
def set_quantities(ctx: Context, input: dict[str, Any]) -> Outcome:
    """Set available or on_hand to values (shopify.md 1.4)."""
    name = input["name"]
    errors = common_errors(input)
    if name not in ("available", "on_hand"):
        message = "The quantity name must be either 'available' or 'on_hand'."
        errors.append(user_error(["input", "name"], message, "INVALID_NAME"))
        return finish(ctx, "set", input, [], errors)
    errors.extend(duplicate_errors(input["quantities"]))
    plan: Plan = []
    for index, quantity in enumerate(input["quantities"]):
        set_row(ctx, name, quantity, index, plan, errors)
    return finish(ctx, "set", input, plan, errors)


def duplicate_errors(quantities: list[dict[str, Any]]) -> Errors:
    """Refuse the same item and location twice (row 39)."""
    seen: dict[tuple[str, str], list[int]] = {}
    for index, quantity in enumerate(quantities):
        seen.setdefault((quantity["inventoryItemId"], quantity["locationId"]), []).append(index)
    message = "The combination of inventoryItemId and locationId must be unique."
    code = "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR"
    return [
        user_error(["input", "quantities", str(index), "locationId"], message, code)
        for indexes in seen.values()
        if len(indexes) > 1
        for index in indexes
    ]


def set_row(ctx: Context, name: str, given: dict[str, Any], index: int, plan: Plan, errors: Errors) -> None:
    """Check one value and plan the difference; on_hand is changed through available."""
    path = ["input", "quantities", str(index)]
    wanted = given["quantity"]
    if name == "on_hand" and wanted < 0:
        message = "The quantity can't be negative."
        errors.append(user_error([*path, "quantity"], message, "INVALID_QUANTITY_NEGATIVE"))
    elif wanted > SET_LIMIT:
        message = "The quantity can't be higher than 1,000,000,000."
        errors.append(user_error([*path, "quantity"], message, "INVALID_QUANTITY_TOO_HIGH"))
    elif wanted < -SET_LIMIT:
        message = "The quantity can't be lower than -1,000,000,000."
        errors.append(user_error([*path, "quantity"], message, "INVALID_QUANTITY_TOO_LOW"))
    at = place(ctx, given, given["locationId"], path, errors)
    if at is None:
        return
    item, location = at
    row = ctx.shop.levels.row(location, item)
    if not_stocked(ctx, row):
        errors.append(user_error([*path, "locationId"], NOT_STOCKED, "ITEM_NOT_STOCKED_AT_LOCATION"))
        return
    before, expected = persisted(ctx, row, name), given["changeFromQuantity"]
    if expected is not None and expected != before:
        errors.append(user_error([*path, "changeFromQuantity"], STALE, "CHANGE_FROM_QUANTITY_STALE"))
    plan.append(Row(row, location, item, "available", wanted - before, None))


def terminals(given: dict[str, Any]) -> list[dict[str, Any]]:
    """Return both ends of every movement."""
    return [change[end] for change in given["changes"] for end in ("from", "to")]


@mutation(
    "inventoryMoveQuantities",
    "inventoryAdjustmentGroup",
    needs_key=True,
    check=must_have("InventoryMoveQuantityTerminalInput", terminals),
)
def move(ctx: Context, input: dict[str, Any]) -> Outcome:
    """Move quantities between names at one location (shopify.md 1.5)."""
    errors = common_errors(input)
    uris = {end.get("ledgerDocumentUri") for end in terminals(input)} - {None}
    if len(uris) > 2:
        message = "The maximum of 2 ledger document URIs is exceeded."
        errors.append(user_error(["input", "changes"], message, "MAXIMUM_LEDGER_DOCUMENT_URIS"))
    plan: Plan = []
    for index, change in enumerate(input["changes"]):
        move_row(ctx, change, index, plan, errors)
    return finish(ctx, "move", input, plan, errors)


def move_row(ctx: Context, change: dict[str, Any], index: int, plan: Plan, errors: Errors) -> None:
    """Check one movement and plan its two rows."""
    path = ["input", "changes", str(index)]
    ends = {"from": change["from"], "to": change["to"]}
    quantity = change["quantity"]
    wrong = [side for side, end in ends.items() if end["name"] not in ADJUSTABLE]
    errors.extend(user_error([*path, side, "name"], INVALID_NAME, "INVALID_QUANTITY_NAME") for side in wrong)
    if quantity < 0:
        message = "The quantity can't be negative."
        errors.append(user_error([*path, "quantity"], message, "INVALID_QUANTITY_NEGATIVE"))
    if ends["from"]["locationId"] != ends["to"]["locationId"]:
        message = "The quantities can't be moved between different locations."
        errors.append(user_error(path, message, "DIFFERENT_LOCATIONS"))
    if ends["from"]["name"] == ends["to"]["name"]:
        message = "The quantity names for each change can't be the same."
        errors.append(user_error(path, message, "SAME_QUANTITY_NAME"))
    at = place(ctx, change, ends["from"]["locationId"], path, errors, ("from", "to"))
    if at is None or wrong:
        return
    item, location = at
    row = ctx.shop.levels.row(location, item)
    for side, sign in (("from", -1), ("to", 1)):
        end = ends[side]
        uri = end.get("ledgerDocumentUri")
        errors.extend(ledger_errors(end["name"], uri, [*path, side]))
        expected = end["changeFromQuantity"]
        if expected is not None and expected != persisted(ctx, row, end["name"]):
            field = [*path, side, "changeFromQuantity"]
            errors.append(user_error(field, STALE, "CHANGE_FROM_QUANTITY_STALE"))
        plan.append(Row(row, location, item, end["name"], sign * quantity, uri))


@mutation("inventoryActivate", "inventoryLevel", needs_key=True)
def activate(
    ctx: Context,
    inventoryItemId: str,
    locationId: str,
    available: int | None = None,
    onHand: int | None = None,
    stockAtLegacyLocation: bool = False,
) -> Outcome:
    """Stock an item at a location (shopify.md 1.6; rows 46-49)."""
    shop = ctx.shop
    variant = shop.by_item.get(number_of(inventoryItemId, "InventoryItem"))
    location = shop.locations.get(number_of(locationId, "Location"))
    if variant is None:
        message = "The product couldn't be stocked because the inventory item wasn't found."
        return no_level(user_error(["inventoryItemId"], message))
    if location is None:
        message = "The product couldn't be stocked because the location wasn't found."
        return no_level(user_error(["locationId"], message))
    if available is not None and onHand is not None:
        message = (
            f"The product couldn't be stocked at {location.name} because not allowed to set available"
            " and on_hand quantities at the same time."
        )
        return no_level(user_error(["available"], message), user_error(["onHand"], message))
    for field, value in (("available", available), ("onHand", onHand)):
        if value is not None and abs(value) > SET_LIMIT:
            message = (
                f"The product couldn't be stocked at {location.name} because the quantity needs to be"
                " between -1 billion and 1 billion."
            )
            return no_level(user_error([field], message))
    row = shop.levels.row(location.id, variant.item)
    errors: Errors = []
    if row is not None and shop.levels.active[row]:
        given = {"available": (available, "available"), "onHand": (onHand, "an on_hand")}
        for field, (value, words) in given.items():
            if value is not None:
                message = (
                    f"Not allowed to set {words} quantity when the item is already active at the location."
                )
                errors.append(user_error([field], message))
        return {"inventoryLevel": ref(level_id(ctx, row)), "userErrors": errors}
    row = switch_on(ctx, location.id, variant.item)
    wanted = available if available is not None else onHand
    if wanted is not None:
        name = "available" if available is not None else "on_hand"
        delta = wanted - shop.levels.get(row, name)
        apply(ctx, "activate", [Row(row, location.id, variant.item, "available", delta, None)], "other", None)
    return {"inventoryLevel": ref(level_id(ctx, row)), "userErrors": []}


def no_level(*errors: dict[str, Any]) -> Outcome:
    """Answer without a level."""
    return {"inventoryLevel": None, "userErrors": list(errors)}


def switch_on(ctx: Context, location: int, item: int) -> int:
    """Create or re-activate a level; return its row."""
    (row,) = level_rows(ctx.shop, [(location, item)], active=True)
    ctx.shop.levels.set_active(row, True)
    ctx.shop.touch_level(row)
    ctx.shop.announce("inventory_levels/connect", row, ctx.event_id)
    return row


def switch_off(ctx: Context, row: int) -> None:
    """Deactivate a level; its quantities stay."""
    ctx.shop.levels.set_active(row, False)
    ctx.shop.touch_level(row)
    ctx.shop.announce("inventory_levels/disconnect", row, ctx.event_id)


def only_active(ctx: Context, row: int) -> bool:
    """Say whether a level is the last active one of its item."""
    levels = ctx.shop.levels
    return not any(levels.active[other] for other in levels.rows_of(levels.item[row]) if other != row)


@mutation("inventoryDeactivate")
def deactivate(ctx: Context, inventoryLevelId: str) -> Outcome:
    """Take an item off a location (row 50)."""
    parsed = parse(inventoryLevelId)
    if parsed is None or parsed.type != "InventoryLevel":
        raise wrong_type(inventoryLevelId)
    row = row_of_level(ctx, parsed.number, parsed.item)
    if row is None:
        gone = "product" if ctx.shop.by_item.get(parsed.item) is None else "location"
        message = f"The product couldn't be unstocked because the {gone} was deleted."
        return {"userErrors": [user_error(None, message)]}
    if not ctx.shop.levels.active[row]:
        return {"userErrors": []}
    if only_active(ctx, row):
        name = ctx.shop.locations[ctx.shop.levels.location[row]].name
        message = (
            f"The product couldn't be unstocked from {name} because products need to be stocked"
            " at a minimum of 1 location."
        )
        return {"userErrors": [user_error(None, message)]}
    switch_off(ctx, row)
    return {"userErrors": []}


@mutation("inventoryBulkToggleActivation", "inventoryItem", "inventoryLevels")
def toggle(ctx: Context, inventoryItemId: str, inventoryItemUpdates: list[dict[str, Any]]) -> Outcome:
    """Activate and deactivate one item at several locations (row 51); all or nothing."""
    shop = ctx.shop
    variant = shop.by_item.get(number_of(inventoryItemId, "InventoryItem"))
    nothing: Outcome = {"inventoryItem": None, "inventoryLevels": None}
    if variant is None:
        message = "The quantity couldn't be updated because the inventory item was not found."
        return nothing | {
            "userErrors": [user_error(["inventoryItemId"], message, "INVENTORY_ITEM_NOT_FOUND")]
        }
    errors: Errors = []
    wanted: dict[int, bool] = {}
    for index, update in enumerate(inventoryItemUpdates):
        location = shop.locations.get(number_of(update["locationId"], "Location"))
        if location is None:
            path = ["inventoryItemUpdates", str(index), "locationId"]
            message = "The quantity couldn't be updated because the location was not found."
            errors.append(user_error(path, message, "LOCATION_NOT_FOUND"))
        else:
            wanted[location.id] = update["activate"]
    if errors:
        return nothing | {"userErrors": errors}
    active = {
        shop.levels.location[row] for row in shop.levels.rows_of(variant.item) if shop.levels.active[row]
    }
    after = (active - {one for one, on in wanted.items() if not on}) | {
        one for one, on in wanted.items() if on
    }
    if active and not after:
        message = NEEDS_ONE_LOCATION
        path = ["inventoryItemUpdates", "0", "locationId"]
        error = user_error(path, message, "CANNOT_DEACTIVATE_FROM_ONLY_LOCATION")
        return nothing | {"userErrors": [error]}
    for number, on in wanted.items():
        if on and number not in active:
            switch_on(ctx, number, variant.item)
        elif not on and number in active:
            switch_off(ctx, shop.levels.row(number, variant.item))
    rows = [shop.levels.row(number, variant.item) for number, on in wanted.items() if on]
    return {
        "inventoryItem": ref(inventoryItemId),
        "inventoryLevels": [ref(level_id(ctx, row)) for row in rows],
        "userErrors": [],
    }


@mutation("inventoryItemUpdate", "inventoryItem")
def item_update(ctx: Context, id: str, input: dict[str, Any]) -> Outcome:
    """Change an inventory item (shopify.md 1.7; row 52)."""
    known = {"sku": "sku", "tracked": "tracked", "requiresShipping": "requires_shipping", "cost": "cost"}
    strange = set(input) - set(known)
    if strange:
        raise AdminError(
            "NOT_SIMULATED", f"InventoryItemInput.{min(strange)} is not simulated by the local shop."
        )
    variant = ctx.shop.by_item.get(number_of(id, "InventoryItem"))
    if variant is None:
        message = "The product couldn't be updated because it does not exist."
        return {"inventoryItem": None, "userErrors": [user_error(["id"], message)]}
    for name, value in input.items():
        setattr(variant, known[name], str(value) if name == "cost" and value is not None else value)
    variant.item_updated = ctx.shop.clock.now()
    ctx.shop.put(variant)
    ctx.shop.announce("inventory_items/update", variant, ctx.event_id)
    return {"inventoryItem": ref(id), "userErrors": []}

"""Inventory items, levels, quantities, adjustment groups and locations."""

from typing import Any

from fakeshop.clock import iso
from fakeshop.errors import AdminError, access_denied, bad_request
from fakeshop.gids import gid, level_gid, number_of
from fakeshop.levels import STORED
from fakeshop.nodes.base import Context, Node, connection, found, money
from fakeshop.records import Location, Variant
from fakeshop.search import Fields, Filter
from fakeshop.shop import Entry

# Order, display name, and whether a quantity is part of on_hand (shopify.md 1.2).
DISPLAY = {
    "available": "Available",
    "committed": "Committed",
    "damaged": "Damaged",
    "incoming": "Incoming",
    "on_hand": "On hand",
    "quality_control": "Quality control",
    "reserved": "Reserved",
    "safety_stock": "Safety stock",
}
IN_HAND = ["available", "committed", "damaged", "quality_control", "reserved", "safety_stock"]


class InventoryItemNode(Node):
    """An inventory item; its record is the variant."""

    attributes = "tracked requiresShipping sku"
    times = "createdAt"

    def id(self) -> str:
        return gid("InventoryItem", self.it.item)

    def legacyResourceId(self) -> str:
        return str(self.it.item)

    def updatedAt(self) -> str | None:
        return iso(self.it.item_updated)

    def duplicateSkuCount(self) -> int:
        if self.it.sku is None:
            return 0
        variants = self.ctx.shop.all(Variant).values()
        return sum(1 for other in variants if other.sku == self.it.sku) - 1

    def unitCost(self) -> dict[str, Any] | None:
        return None if self.it.cost is None else money(self.it.cost, self.ctx.shop.settings.currency)

    def inventoryLevel(self, locationId: str, includeInactive: bool = False) -> Any:
        return level_at(self.ctx, number_of(locationId, "Location"), self.it.item, includeInactive)

    def inventoryLevels(self, includeInactive: bool = False, **args: Any) -> Any:
        levels = self.ctx.shop.levels
        rows = [row for row in levels.rows_of(self.it.item) if includeInactive or levels.active[row]]
        rows = list(found(self.ctx, "inventoryLevels", rows, args, level_fields(self.ctx)))
        by_location = {levels.location[row]: row for row in rows}
        return connection(
            self.ctx, sorted(by_location), args, lambda key: InventoryLevelNode(self.ctx, by_location[key])
        )

    def locationsCount(self) -> dict[str, Any]:
        active = self.ctx.shop.levels.active
        rows = self.ctx.shop.levels.rows_of(self.it.item)
        return {"count": sum(active[row] for row in rows), "precision": "EXACT"}

    def variant(self) -> Any:
        return Node.CLASSES["ProductVariant"](self.ctx, self.it)

    def variants(self, **args: Any) -> Any:
        return connection(self.ctx, [self.it.id], args, lambda _: self.variant())


class InventoryLevelNode(Node):
    """A level; ``it`` is its row."""

    def id(self) -> str:
        return level_id(self.ctx, self.it)

    def isActive(self) -> bool:
        return bool(self.ctx.shop.levels.active[self.it])

    def canDeactivate(self) -> bool:
        levels = self.ctx.shop.levels
        others = [
            row for row in levels.rows_of(levels.item[self.it]) if row != self.it and levels.active[row]
        ]
        return bool(others)

    def createdAt(self) -> str | None:
        return iso(self.ctx.shop.levels.created[self.it])

    def updatedAt(self) -> str | None:
        return iso(self.ctx.shop.levels.updated[self.it])

    def item(self) -> InventoryItemNode:
        shop = self.ctx.shop
        return InventoryItemNode(self.ctx, shop.by_item[shop.levels.item[self.it]])

    def location(self) -> Any:
        shop = self.ctx.shop
        return LocationNode(self.ctx, shop.locations[shop.levels.location[self.it]])

    def quantities(self, names: list[str]) -> list[dict[str, Any]]:
        levels = self.ctx.shop.levels
        row = self.it
        unknown = [name for name in names if name not in DISPLAY]
        if unknown:
            raise bad_request(f"Invalid quantity names: {', '.join(unknown)}")
        location = self.ctx.shop.locations[levels.location[row]]
        item, updated = levels.item[row], iso(levels.updated[row])
        start = f"gid://shopify/InventoryQuantity/{location.level_number}?inventory_item_id={item}&name="
        return [
            {
                "__typename": "InventoryQuantity",
                "id": start + name,
                "name": name,
                "quantity": levels.get(row, name),
                "updatedAt": None if name == "on_hand" else updated,
            }
            for name in names
        ]


class LocationNode(Node):
    """A place that holds stock."""

    attributes = "name"
    times = "createdAt updatedAt"

    def id(self) -> str:
        return gid("Location", self.it.id)

    def legacyResourceId(self) -> str:
        return str(self.it.id)

    def isActive(self) -> bool:
        return self.it.active

    def fulfillsOnlineOrders(self) -> bool:
        return self.it.fulfills_online

    def shipsInventory(self) -> bool:
        return self.it.fulfills_online

    def isFulfillmentService(self) -> bool:
        return self.it.legacy

    def hasActiveInventory(self) -> bool:
        rows = self.ctx.shop.levels.rows.get(self.it.id, {})
        return any(self.ctx.shop.levels.active[row] for row in rows.values())

    def address(self) -> dict[str, Any]:
        known = (
            "address1",
            "address2",
            "city",
            "country",
            "countryCode",
            "phone",
            "province",
            "provinceCode",
        )
        address = {name: self.it.address.get(name) for name in (*known, "zip", "latitude", "longitude")}
        lines = [address[name] for name in ("address1", "address2", "city", "country") if address[name]]
        return address | {"formatted": lines}

    def inventoryLevel(self, inventoryItemId: str, includeInactive: bool = False) -> Any:
        item = number_of(inventoryItemId, "InventoryItem")
        return level_at(self.ctx, self.it.id, item, includeInactive)

    def inventoryLevels(self, includeInactive: bool = False, **args: Any) -> Any:
        levels = self.ctx.shop.levels
        rows = levels.rows.get(self.it.id, {})
        keys: Any = levels.items_at(self.it.id)
        if args.get("query"):
            chosen = found(self.ctx, "inventoryLevels", rows.values(), args, level_fields(self.ctx))
            keys = sorted(levels.item[row] for row in chosen)
        if not includeInactive and levels.inactive_at(self.it.id):
            keys = [item for item in keys if levels.active[rows[item]]]
        return connection(self.ctx, keys, args, lambda item: InventoryLevelNode(self.ctx, rows[item]))


class InventoryAdjustmentGroupNode(Node):
    """What one call changed; its record is the entry of the journal."""

    attributes = "reason"

    def id(self) -> str:
        return gid("InventoryAdjustmentGroup", self.it.group)

    def createdAt(self) -> str | None:
        return iso(self.it.at)

    def referenceDocumentUri(self) -> str | None:
        return self.it.reference

    def staffMember(self) -> Any:
        if "read_users" not in self.ctx.scopes:
            raise access_denied("staffMember", ("read_users",))
        return None

    def app(self) -> dict[str, Any]:
        return {"id": gid("App", self.ctx.app.id), "title": self.ctx.app.client_id}

    def changes(
        self,
        inventoryItemIds: list[str] | None = None,
        locationIds: list[str] | None = None,
        quantityNames: list[str] | None = None,
    ) -> list[dict[str, Any]]:
        shown = (
            (name, delta, item, location, ledger)
            for name, delta, item, location, ledger in with_on_hand(self.it)
            if (quantityNames is None or name in quantityNames)
            and (inventoryItemIds is None or gid("InventoryItem", item) in inventoryItemIds)
            and (locationIds is None or gid("Location", location) in locationIds)
        )
        return [self._change(*change) for change in shown]

    def _change(self, name: str, delta: int, item: int, location: int, ledger: str | None) -> dict[str, Any]:
        shop = self.ctx.shop
        return {
            "name": name,
            "delta": delta,
            "ledgerDocumentUri": ledger,
            "quantityAfterChange": None,
            "item": item_node(self.ctx, item),
            "location": LocationNode(self.ctx, shop.locations[location]),
        }


def with_on_hand(entry: Entry) -> list[tuple[str, int, int, int, str | None]]:
    """Add to the changes the rows of on_hand that mirror them (rows 21, 22, 44)."""
    moves: dict[tuple[int, int], int] = {}
    for name, delta, item, location, _ in entry.changes:
        if name in IN_HAND:
            moves[item, location] = moves.get((item, location), 0) + delta
    rows = []
    for change in entry.changes:
        rows.append(change)
        if entry.event != "move" and change[0] in IN_HAND and moves[change[2], change[3]]:
            rows.append(("on_hand", change[1], change[2], change[3], None))
    return rows


def item_node(ctx: Context, item: int | None) -> InventoryItemNode | None:
    """Return an item; None when it is unknown."""
    variant = ctx.shop.by_item.get(item)
    return None if variant is None else InventoryItemNode(ctx, variant)


def location_node(ctx: Context, number: int | None) -> LocationNode | None:
    """Return a location; None when it is unknown."""
    location = ctx.shop.get(Location, number)
    return None if location is None else LocationNode(ctx, location)


def level_at(ctx: Context, location: int | None, item: int | None, inactive: bool) -> Any:
    """Return a level; an inactive one only when asked for."""
    if location is None or item is None:
        return None
    row = ctx.shop.levels.row(location, item)
    if row is None or not (inactive or ctx.shop.levels.active[row]):
        return None
    return InventoryLevelNode(ctx, row)


def level_id(ctx: Context, row: int) -> str:
    """Return the id of a level."""
    levels = ctx.shop.levels
    return level_gid(ctx.shop.locations[levels.location[row]].level_number, levels.item[row])


def row_of_level(ctx: Context, number: int, item: int | None) -> int | None:
    """Find the row that a level id means."""
    location = next((one for one in ctx.shop.locations.values() if one.level_number == number), None)
    return None if location is None or item is None else ctx.shop.levels.row(location.id, item)


def item_fields() -> Fields:
    """Return the filters of inventory items."""
    return Fields(
        {
            "created_at": Filter("time", lambda variant: variant.created),
            "updated_at": Filter("time", lambda variant: variant.item_updated),
            "id": Filter("id", lambda variant: variant.item),
            "sku": Filter("exact", lambda variant: variant.sku),
        },
        words=("sku",),
    )


def level_fields(ctx: Context) -> Fields:
    """Return the filters of inventory levels, whose records are rows."""
    levels = ctx.shop.levels
    numbers = {location.id: location.level_number for location in ctx.shop.locations.values()}
    return Fields(
        {
            "created_at": Filter("time", lambda row: levels.created[row]),
            "updated_at": Filter("time", lambda row: levels.updated[row]),
            "inventory_item_id": Filter("id", lambda row: levels.item[row]),
            "id": Filter("id", lambda row: numbers[levels.location[row]]),
        },
        others=frozenset({"inventory_group_id"}),
    )


def location_fields() -> Fields:
    """Return the filters of locations."""
    return Fields(
        {
            "created_at": Filter("time", lambda location: location.created),
            "id": Filter("id", lambda location: location.id),
            "name": Filter("text", lambda location: location.name),
            "active": Filter("bool", lambda location: location.active),
            "legacy": Filter("bool", lambda location: location.legacy),
        },
        words=("name",),
        others=frozenset(
            {"address1", "address2", "city", "country", "geolocated", "pickup_in_store", "province"}
        ),
    )


def inventory_properties(_ctx: Context) -> dict[str, Any]:
    """Return the eight quantity names."""
    names = [
        {
            "name": name,
            "displayName": shown,
            "belongsTo": ["on_hand"] if name in IN_HAND else [],
            "comprises": IN_HAND if name == "on_hand" else [],
            "isInUse": True,
        }
        for name, shown in DISPLAY.items()
    ]
    return {"quantityNames": names}


def resource_not_found(given: str) -> AdminError:
    """Refuse an id of another type (rows 82, 99)."""
    return AdminError("RESOURCE_NOT_FOUND", f"Invalid id: {given}")


assert set(DISPLAY) == {*STORED, "on_hand"}

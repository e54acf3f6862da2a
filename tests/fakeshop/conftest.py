"""One local shop for all tests here; each test finds it empty but for the shop ``demo``."""

from typing import Any

import pytest

from fakeshop.testing import TOKEN, ShopServer, new_key

ADJUST = """mutation Adjust($input: InventoryAdjustQuantitiesInput!, $key: String!) {
  inventoryAdjustQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id createdAt reason referenceDocumentUri
      changes { name delta quantityAfterChange ledgerDocumentUri } }
    userErrors { code field message }
  }
}"""
SET = """mutation Set($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id changes { name delta } } userErrors { code field message } } }"""
MOVE = """mutation Move($input: InventoryMoveQuantitiesInput!, $key: String!) {
  inventoryMoveQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id changes { name delta } } userErrors { code field message } } }"""
LEDGER = "logistics://count/1"

CATALOGUE = {
    "shops": [
        {
            "shop": "demo",
            "access_token": TOKEN,
            "client_id": "demo-app",
            "client_secret": "demo-secret",
            "locations": ["Store", "Warehouse", "Pop-up"],
            "products": [
                {
                    "title": "Mug",
                    "variants": [
                        {"sku": "MUG-R", "title": "Red", "levels": {"Store": 10, "Warehouse": 50}},
                        {"sku": "MUG-B", "title": "Blue", "levels": {"Store": 5}},
                    ],
                },
                {"title": "Set", "variants": [{"sku": "SET", "bundle": True, "levels": {"Store": 0}}]},
                {"title": "Cap", "status": "DRAFT", "variants": [{"sku": "CAP", "levels": {"Warehouse": 7}}]},
            ],
        }
    ]
}


class Demo:
    """The shop ``demo`` with short names for what tests say again and again."""

    def __init__(self, server: ShopServer) -> None:
        self.server = server
        levels = server.levels("demo")
        self.items = {one["sku"]: one["item"] for one in levels}
        self.variants = {one["sku"]: one["variant"] for one in levels}
        self.locations = {one["name"]: one["id"] for one in server.describe("demo")["locations"]}

    def item(self, sku: str) -> str:
        return f"gid://shopify/InventoryItem/{self.items[sku]}"

    def location(self, name: str) -> str:
        return f"gid://shopify/Location/{self.locations[name]}"

    def level(self, sku: str, location: str = "Store") -> dict[str, Any]:
        (found,) = [one for one in self.server.levels("demo", sku=sku) if one["location_name"] == location]
        return found

    def change(self, sku: str, delta: int, location: str = "Store", **more: Any) -> dict[str, Any]:
        place = {"inventoryItemId": self.item(sku), "locationId": self.location(location)}
        return {"delta": delta, "changeFromQuantity": None} | place | more

    def quantity(self, sku: str, quantity: int, location: str = "Store", **more: Any) -> dict[str, Any]:
        place = {"inventoryItemId": self.item(sku), "locationId": self.location(location)}
        return {"quantity": quantity, "changeFromQuantity": None} | place | more

    def call(self, document: str, variables: Any = None, **more: Any) -> dict[str, Any]:
        return self.server.graphql("demo", document, variables, **more)

    def adjust(self, *changes: dict[str, Any], key: str | None = None, **more: Any) -> dict[str, Any]:
        """Adjust; return the payload."""
        return self.adjust_body(*changes, key=key, **more)["data"]["inventoryAdjustQuantities"]

    def adjust_body(
        self, *changes: dict[str, Any], key: str | None = None, version: str = "2026-10", **more: Any
    ) -> dict[str, Any]:
        given = {"name": "available", "reason": "correction", "changes": list(changes)} | more
        return self.call(ADJUST, {"input": given, "key": key or new_key()}, version=version)

    def set(self, *quantities: dict[str, Any], key: str | None = None, **more: Any) -> dict[str, Any]:
        given = {"name": "available", "reason": "correction", "quantities": list(quantities)} | more
        body = self.call(SET, {"input": given, "key": key or new_key()})
        return body["data"]["inventorySetQuantities"]

    def move(self, *changes: dict[str, Any]) -> dict[str, Any]:
        given = {"reason": "correction", "referenceDocumentUri": "our://move/1", "changes": list(changes)}
        body = self.call(MOVE, {"input": given, "key": new_key()})
        return body["data"]["inventoryMoveQuantities"]


@pytest.fixture(scope="session")
def server(shop_server: ShopServer) -> ShopServer:
    return shop_server


@pytest.fixture
def demo(server: ShopServer) -> Demo:
    server.reset()
    server.seed(CATALOGUE)
    return Demo(server)


def codes(payload: dict[str, Any]) -> list[str]:
    """Return the codes of the user errors of a payload."""
    return [error["code"] for error in payload["userErrors"]]


def top(body: dict[str, Any]) -> tuple[str, str]:
    """Return code and message of the first top-level error."""
    error = body["errors"][0]
    return error["extensions"]["code"], error["message"]

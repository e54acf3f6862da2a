"""A shop with a catalogue that a test can change, and a database of the test's own."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from fakeshop.testing import TOKEN, ShopServer
from oms import database
from oms.database import Connection
from oms.products.import_in_bulk import import_shop
from oms.shopify.client import ShopifyClient

LOCATIONS = [{"id": 7001, "name": "Online"}, {"id": 7002, "name": "New York"}]


def variant(number: int, sku: str | None = None, /, **values: Any) -> dict[str, Any]:
    """A variant whose inventory item is its number + 1,000."""
    return {"id": number, "inventory_item_id": number + 1_000, "sku": sku, "levels": {"Online": 1}} | values


def product(number: int, title: str, *variants: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {"id": number, "title": title, "variants": list(variants)} | values


@dataclass
class Catalogue:
    """The shop `demo` and others, as the OMS sees them."""

    server: ShopServer
    db: Connection
    dsn: str
    pauses: list[float] = field(default_factory=list)

    def offer(self, *products: dict[str, Any], shop: str = "demo", age: float = 0) -> None:
        """Replace the catalogue; all of it was changed `age` seconds ago."""
        self.server.clock(-age)
        self.server.seed(
            {
                "shops": [
                    {"shop": shop, "access_token": TOKEN, "locations": LOCATIONS, "products": list(products)}
                ]
            }
        )
        self.server.clock(0)

    def set_up(self, shop: str = "demo", identifier: str = "SKU") -> None:
        """Make a shop known to the OMS, with the location 7001."""
        self.db.execute(
            """insert into oms.product_store (product_store_id, store_name) values ('STORE', 'Store')
               on conflict do nothing"""
        )
        self.db.execute(
            """insert into oms.shop (shop_id, shop_name, connection_id, product_store_id, product_identifier)
               values (%s, 'Shop', 'shopify', 'STORE', %s)""",
            (shop, identifier),
        )
        self.db.execute(
            """insert into oms.shop_location (shop_id, shopify_location_id, location_name)
               values (%s, 7001, 'Online')""",
            (shop,),
        )

    def client(self, shop: str = "demo") -> ShopifyClient:
        return ShopifyClient(self.server.base(shop), TOKEN, patience=5)

    def load(self, shop: str = "demo", **params: Any) -> dict[str, Any]:
        return import_shop(self.db, self.client(shop), shop, params, "test/1", sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        time.sleep(0.02)

    def rows(self, query: str) -> list[tuple]:
        return self.db.execute(query).fetchall()

    def identified(self) -> set[tuple[str, str, str]]:
        """(internal name, type, value) of everything that is valid."""
        return set(
            self.rows(
                """select internal_name, identification_type_id, id_value
                     from oms.product_identification join oms.product using (product_id)
                    where thru_date is null"""
            )
        )

    def rejects(self) -> list[tuple]:
        return self.rows(
            """select shopify_id, error_code from oms.product_import_reject
                where import_id = (select max(import_id) from oms.product_import) order by shopify_id"""
        )


@pytest.fixture
def catalogue(shop_server: ShopServer, oms_dsn: str) -> Iterator[Catalogue]:
    shop_server.reset()
    with database.connect(oms_dsn, autocommit=True) as db:
        made = Catalogue(shop_server, db, oms_dsn)
        made.set_up()
        yield made

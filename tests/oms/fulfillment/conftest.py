"""The store of the worked examples: orders reserved there, packed and shipped."""

from dataclasses import dataclass, field
from itertools import count

import pytest

from oms.fulfillment import packing
from oms.orders.taking_in import Line
from tests.oms import one_item
from tests.oms.world import World


@dataclass
class Store:
    """Store TOKYO (101 at the till) with products and orders."""

    world: World
    _orders: count = field(default_factory=lambda: count(1001))

    def stock(self, sku: str, qoh: int) -> int:
        product = self.world.products.get(sku) or self.world.product(sku)
        for kind, value in (("SKU", sku), ("UPCA", f"45{sku}")):
            self.world.db.execute(
                """insert into oms.product_identification (product_id, identification_type_id, id_value)
                   values (%s, %s, %s) on conflict do nothing""",
                (product, kind, value),
            )
        self.world.stock(product, "TOKYO", qoh)
        return product

    def order(self, *lines: tuple[str, int], facility: str = "TOKYO") -> int:
        """An order of another channel with these lines, reserved at the store."""
        name = f"NE#{next(self._orders)}"
        wanted = [Line(self.world.products[sku], quantity) for sku, quantity in lines]
        order = one_item.take_in(self.world.db, None, name, wanted)
        one_item.broker(self.world.db, order, facility)
        return order

    def pack(self, order: int, items: list[int] | None = None, key: str | None = None) -> int:
        key = key or f"test:{order}:{items}"
        return packing.pack(self.world.db, order, "TOKYO", items, key=key)

    def position(self, sku: str) -> tuple[int, int]:
        return self.world.db.execute(
            "select qoh, atp from oms.inventory_item where product_id = %s", (self.world.products[sku],)
        ).fetchone()

    def reservations(self) -> int:
        return self.world.db.execute("select count(*) from oms.inventory_reservation").fetchone()[0]


def open_store(world: World) -> Store:
    world.facility("TOKYO")
    world.db.execute(
        "update oms.facility set external_id = '101', deplete_on_pack = true where facility_id = 'TOKYO'"
    )
    world.db.execute("update oms.product_store set time_zone = 'Asia/Tokyo'")
    return Store(world)


@pytest.fixture
def store(world: World) -> Store:
    return open_store(world)


@pytest.fixture
def plain_store(store: Store) -> Store:
    """The same without deplete_on_pack."""
    store.world.db.execute("update oms.facility set deplete_on_pack = false where facility_id = 'TOKYO'")
    return store

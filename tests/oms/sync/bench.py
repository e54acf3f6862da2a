"""A shop and an OMS that know each other, for the tests of the pushes: what people do on either side."""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any, Literal

import pytest
from psycopg import sql as composed

from fakeshop.testing import TOKEN, ShopServer
from oms import crashpoints, database
from oms.database import Connection
from oms.shopify import bulk
from oms.shopify.budget import Deadline
from oms.shopify.client import ShopifyClient, gid
from oms.sync.errors import LinesLeft
from oms.sync.options import Mode, PushOptions, Report
from oms.sync.push import push_products, push_shop
from tests.oms import one_item
from tests.oms.world import World

PATIENCE = 2.0
FIRST_ID = 7_000_000_000_000


class Bench:
    """One product store with facilities, one or more shops; every step is committed.

    Products are named by SKU in both worlds, locations by name.
    """

    def __init__(self, server: ShopServer, dsn: str) -> None:
        self.server = server
        self.dsn = dsn
        self.db: Connection = database.connect(dsn, autocommit=True)
        self.world = World(self.db)
        self.items: dict[tuple[str, str], int] = {}
        self.locations: dict[tuple[str, str], int] = {}
        self._runs = count(1)
        self._keys = count(1)
        self._clients: dict[tuple[str, str], ShopifyClient] = {}

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        self.db.close()

    # setting up

    def open_shop(
        self,
        shop: str,
        products: dict[str, Any],
        *,
        locations: dict[str, list[str]] | None = None,
        mode: str = "RECENT",
        **settings: Any,
    ) -> None:
        """Open a shop: products {sku: available or fields of a variant}, locations {name: facilities}."""
        locations = locations or {"Main": ["_NA_"]}
        catalogue = []
        for sku, given in products.items():
            fields = dict(given) if isinstance(given, dict) else {"levels": dict.fromkeys(locations, given)}
            numbers = {key: FIRST_ID + next(self._keys) for key in ("id", "inventory_item_id")}
            catalogue.append({"title": sku, "variants": [{"sku": sku, **numbers, **fields}]})
        self.server.seed(
            {
                "shops": [
                    {
                        "shop": shop,
                        "access_token": TOKEN,
                        "locations": list(locations),
                        "products": catalogue,
                        **settings,
                    }
                ]
            }
        )
        self.db.execute(
            """insert into oms.shop (shop_id, shop_name, connection_id, product_store_id)
               values (%s, %s, %s, 'STORE')""",
            (shop, shop, f"shopify_{shop}"),
        )
        for one in self.server.describe(shop)["locations"]:
            self._map_location(shop, one, locations[one["name"]], mode)
        for product in catalogue:
            self._map_product(shop, product["variants"][0])

    def _map_location(self, shop: str, location: dict, facilities: list[str], mode: str) -> None:
        self.locations[shop, location["name"]] = location["id"]
        channel = "FAC_GRP" if facilities == ["_NA_"] or len(facilities) > 1 else None
        self.db.execute(
            """insert into oms.shop_location
                      (shop_id, shopify_location_id, location_name, facility_group_id, sync_mode)
               values (%s, %s, %s, %s, %s)""",
            (shop, location["id"], location["name"], channel, mode),
        )
        for facility in facilities:
            self.db.execute(
                "insert into oms.shop_location_facility values (%s, %s, %s)",
                (shop, facility, location["id"]),
            )

    def _map_product(self, shop: str, variant: dict) -> None:
        sku = variant["sku"]
        self.items[shop, sku] = variant["inventory_item_id"]
        product = self.world.products.get(sku) or self.world.product(sku)
        self.db.execute(
            """insert into oms.shop_product
                      (shop_id, shopify_variant_id, shopify_product_id, shopify_inventory_item_id, product_id)
               values (%s, %s, %s, %s, %s)""",
            (shop, variant["id"], variant["id"], variant["inventory_item_id"], product),
        )

    def mode(self, mode: str, shop: str = "demo") -> None:
        self.db.execute("update oms.shop_location set sync_mode = %s where shop_id = %s", (mode, shop))

    # what happens in the OMS

    def move(
        self,
        sku: str,
        diff: int,
        facility: str = "WH",
        reason: str | None = "VAR_MANUAL",
        conn: Connection | None = None,
        effective_at: str = "now",
    ) -> None:
        """One ledger entry."""
        conn = conn or self.db
        product = self.world.products[sku]
        conn.execute(
            """insert into oms.inventory_item (product_id, facility_id) values (%s, %s)
               on conflict do nothing""",
            (product, facility),
        )
        conn.execute(
            """insert into oms.inventory_ledger
                      (inventory_item_id, qoh_diff, atp_diff, reason_id, source_key, effective_at)
               select inventory_item_id, %(diff)s, %(diff)s, %(reason)s, %(key)s, %(effective_at)s
                 from oms.inventory_item
                where product_id = %(product)s and facility_id = %(facility)s""",
            {
                "diff": diff,
                "reason": reason,
                "key": f"bench:{next(self._keys)}",
                "product": product,
                "facility": facility,
                "effective_at": effective_at,
            },
        )

    def import_order(self, order: dict, shop: str = "demo", **options: Any) -> int:
        """Take in an order of the shop as it was placed."""
        places = {
            line["id"]: number
            for number, lines in ((part["location"], part["lines"]) for part in order["fulfillment_orders"])
            for line in ({"id": one["line"]} for one in lines)
        }
        lines = [
            one_item.Line(
                self.world.products[line["sku"]], line["quantity"], str(line["id"]), places[line["id"]]
            )
            for line in order["lines"]
        ]
        return one_item.take_in(self.db, shop, str(order["id"]), lines, **options)

    # what happens in the shop behind our back

    def forget_level(self, sku: str, shop: str = "demo", location: str = "Main") -> None:
        """The item is no longer stocked at the location."""
        self.server.set_active(shop, sku, location, False)

    def unknown_item(self, sku: str, shop: str = "demo") -> None:
        """The OMS has an inventory item that Shopify does not know; its level seems compared."""
        for table in ("shop_product", "sync_level"):
            self.db.execute(
                composed.SQL(
                    """update {} set shopify_inventory_item_id = 404404
                        where shop_id = %s and shopify_inventory_item_id = %s"""
                ).format(composed.Identifier("oms", table)),
                (shop, self.items[shop, sku]),
            )

    def other_call(self, key: str, sku: str, delta: int, shop: str = "demo") -> None:
        """Somebody uses an idempotency key of ours for a change of their own."""
        change = {
            "changeFromQuantity": None,
            "delta": delta,
            "inventoryItemId": gid("InventoryItem", self.items[shop, sku]),
            "locationId": gid("Location", self.locations[shop, "Main"]),
        }
        given = {"changes": [change], "name": "available", "reason": "correction"}
        self.client(shop).mutate("adjust_inventory", {"input": given, "key": key})

    def start_foreign_bulk(self, shop: str = "demo") -> None:
        """Another bulk mutation of our app keeps the shop busy."""
        client = self.client(shop)
        path = bulk.upload(client, b'{"input":{},"key":"k"}', Deadline(5))
        bulk.start(client, "adjust_inventory", path, Deadline(5))

    # pushes

    def client(self, shop: str = "demo", version: str = "2026-10", token: str = TOKEN) -> ShopifyClient:
        """A client that lives as long as the test."""
        if (shop, version) not in self._clients or token != TOKEN:
            # the local shop reads the schema of another version at its first request
            answer = 3.0 if version == "2026-10" else 30.0
            self._clients[shop, version] = ShopifyClient(
                self.server.base(shop), token, version, patience=PATIENCE, timeout=(2.0, answer)
            )
        return self._clients[shop, version]

    def push(
        self,
        mode: Mode,
        shop: str = "demo",
        *,
        may_fail: bool = False,
        client: ShopifyClient | None = None,
        **options: Any,
    ) -> Report:
        """One run; with `may_fail` the report of a run that ended failed."""
        given = PushOptions(**{"push_seconds": PATIENCE, "retry_pause": 0.05} | options)
        try:
            return push_shop(
                lambda: database.connect(self.dsn),
                client or self.client(shop),
                shop,
                mode,
                given,
                f"test__{next(self._runs)}",
            )
        except LinesLeft as error:
            if not may_fail:
                raise
            return error.report

    def come_in(
        self,
        work: Callable[[Connection], Collection[int]],
        mode: Literal["RESTOCK", "UPLOAD"] = "RESTOCK",
        facility: str = "WH",
        shop: str = "demo",
        **options: Any,
    ) -> Report:
        """Do the work at a facility and push what it names."""
        given = PushOptions(**{"push_seconds": PATIENCE, "retry_pause": 0.05} | options)
        return push_products(
            lambda: database.connect(self.dsn),
            self.client(),
            shop,
            mode,
            [facility],
            work,
            given,
            f"test__{next(self._runs)}",
        )

    @contextmanager
    def at(self, point: str, act: Callable[[], Any], *, beside: bool = False) -> Iterator[Callable[[], Any]]:
        """Let something happen when a run first comes to a crash point; return how to ask for its result.

        The run waits until it has happened, or goes on `beside` it.
        """
        happening: list[Future] = []
        reach = crashpoints.point

        def reached(name: str) -> None:
            if name == point and not happening:
                happening.append(pool.submit(act))
                if not beside:
                    happening[0].result()
            reach(name)

        with ThreadPoolExecutor(1) as pool, pytest.MonkeyPatch.context() as patch:
            patch.setattr(crashpoints, "point", reached)
            yield lambda: happening[0].result()
        assert happening, f"no run came to {point}"
        happening[0].result()

    # what can be seen

    def online(self, sku: str) -> int:
        return self.world.online(self.world.products[sku])[0]

    def mark(self, shop: str = "demo") -> str | None:
        (mark,) = self.db.execute(
            "select min(snapshot::text) from oms.sync_mark where shop_id = %s", (shop,)
        ).fetchone()
        return mark

    def available(self, sku: str, shop: str = "demo", location: str = "Main") -> int:
        (level,) = self.server.levels(shop, sku=sku, location=location)
        return level["available"]

    def lines(self, shop: str = "demo") -> list[tuple[str, int, str]]:
        """All lines so far as (sku, delta, status)."""
        return self.db.execute(
            """select product.internal_name, line.delta, line.status
                 from oms.sync_line as line join oms.product using (product_id)
                where line.shop_id = %s
                order by line.line_id""",
            (shop,),
        ).fetchall()

    def batches(self, shop: str = "demo") -> list[tuple[int, str, int]]:
        """All batches so far as (line_count, status, attempts)."""
        return self.db.execute(
            """select line_count, status, attempts from oms.sync_batch
                where shop_id = %s order by created_at, batch_id""",
            (shop,),
        ).fetchall()

    def book(self, sku: str, shop: str = "demo", location: str = "Main") -> int:
        (book,) = self.db.execute(
            """select book from oms.sync_level
                where shop_id = %s and shopify_location_id = %s and shopify_inventory_item_id = %s""",
            (shop, self.locations[shop, location], self.items[shop, sku]),
        ).fetchone()
        return book

    def drifts(self) -> list[int]:
        return [row[0] for row in self.db.execute("select drift from oms.sync_look order by 1")]

    def applied(self, shop: str = "demo") -> list[tuple[str, int]]:
        """Every change of available that our API calls made, as (sku, delta), in order."""
        names = {item: sku for (of, sku), item in self.items.items() if of == shop}
        return [
            (names[item], delta)
            for entry in self.server.journal(shop)
            if entry["key"]
            for name, delta, item, *_ in entry["changes"]
            if name == "available"
        ]

    def requests(self, operation: str, shop: str = "demo") -> list[dict]:
        """Requests of one operation that reached the shop since the log was cleared."""
        return [entry for entry in self.server.log(shop) if operation in str(entry)]


@contextmanager
def bench(server: ShopServer, dsn: str) -> Iterator[Bench]:
    """A bench with a warehouse and an empty shop server."""
    server.reset()
    made = Bench(server, dsn)
    try:
        made.world.facility("WH", kind="WAREHOUSE")
        yield made
    finally:
        made.close()

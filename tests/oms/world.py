"""Master data and stock of a small business, written straight into the tables, for tests."""

from dataclasses import dataclass, field
from itertools import count

from oms.database import Connection


@dataclass
class World:
    """One product store, its channel FAC_GRP with the facility CONFIGURATION, and what a test adds."""

    db: Connection
    products: dict[str, int] = field(default_factory=dict)
    _keys: count = field(default_factory=count)

    def __post_init__(self) -> None:
        self.db.execute(
            "insert into oms.product_store (product_store_id, store_name) values ('STORE', 'Store')"
        )
        self.db.execute(
            """insert into oms.facility_group (facility_group_id, facility_group_name, product_store_id)
               values ('FAC_GRP', 'Online', 'STORE')"""
        )
        self.member("CONFIGURATION")

    def member(self, facility: str, group: str = "FAC_GRP") -> None:
        self.db.execute(
            "insert into oms.facility_group_member (facility_group_id, facility_id) values (%s, %s)",
            (group, facility),
        )

    def facility(
        self, name: str, *, member: bool = True, linked: bool = True, kind: str = "RETAIL_STORE"
    ) -> str:
        self.db.execute(
            "insert into oms.facility (facility_id, facility_name, facility_type_id) values (%s, %s, %s)",
            (name, name, kind),
        )
        if member:
            self.member(name)
        if linked:
            self.db.execute(
                """insert into oms.product_store_facility (product_store_id, facility_id)
                   values ('STORE', %s)""",
                (name,),
            )
        return name

    def product(self, sku: str) -> int:
        (self.products[sku],) = self.db.execute(
            "insert into oms.product (internal_name, product_name) values (%s, %s) returning product_id",
            (sku, sku),
        ).fetchone()
        return self.products[sku]

    def stock(
        self, product: int, facility: str, atp: int, qoh: int | None = None, location: str = "TLTLTLLL01"
    ):
        """Move the position of a product by one ledger entry."""
        self.db.execute(
            """insert into oms.inventory_item (product_id, facility_id, location_seq_id) values (%s, %s, %s)
               on conflict do nothing""",
            (product, facility, location),
        )
        self.db.execute(
            """insert into oms.inventory_ledger
                      (inventory_item_id, qoh_diff, atp_diff, reason_id, source_key)
               select inventory_item_id, %s, %s, 'VAR_MANUAL', %s
                 from oms.inventory_item
                where product_id = %s and facility_id = %s and location_seq_id = %s""",
            (atp if qoh is None else qoh, atp, f"test:{next(self._keys)}", product, facility, location),
        )

    def setting(
        self, product: int, facility: str, minimum: int = 0, allow_brokering: bool | None = None
    ) -> None:
        self.db.execute(
            """insert into oms.product_facility (product_id, facility_id, minimum_stock, allow_brokering)
               values (%(product)s, %(facility)s, %(minimum)s, %(allow)s)
               on conflict (product_id, facility_id) do update
                  set minimum_stock = %(minimum)s, allow_brokering = %(allow)s""",
            {"product": product, "facility": facility, "minimum": minimum, "allow": allow_brokering},
        )

    def shop(self, *products: int, shop_id: str = "demo", location: int = 1, **columns) -> None:
        """A shop with one location for the channel, and variants: inventory item = product + 1,000,000."""
        self.db.execute(
            """insert into oms.shop (shop_id, shop_name, connection_id, product_store_id)
               values (%(id)s, %(id)s, 'shopify_' || %(id)s, 'STORE')""",
            {"id": shop_id},
        )
        self.db.execute(
            """insert into oms.shop_location (shop_id, shopify_location_id, location_name, facility_group_id)
               values (%s, %s, 'Online', 'FAC_GRP')""",
            (shop_id, location),
        )
        self.db.execute("insert into oms.shop_location_facility values (%s, '_NA_', %s)", (shop_id, location))
        for product in products:
            self.db.execute(
                """insert into oms.shop_product (shop_id, shopify_variant_id, shopify_product_id, product_id,
                                                 shopify_inventory_item_id, tracked)
                   values (%s, %s, %s, %s, %s, %s)""",
                (shop_id, product, product, product, product + 1_000_000, columns.get("tracked", True)),
            )

    def order(self, product: int, quantity: int, facility: str = "_NA_", *, status: str = "APPROVED") -> int:
        """An order of one line that waits at a facility, without a reservation."""
        (order_id,) = self.db.execute(
            """insert into oms.order_header (product_store_id, external_id, status)
               values ('STORE', %s, %s) returning order_id""",
            (f"order-{next(self._keys)}", status),
        ).fetchone()
        self.db.execute("insert into oms.order_ship_group values (%s, 1, %s)", (order_id, facility))
        self.db.execute(
            """insert into oms.order_item
                      (order_id, order_item_seq, ship_group_seq, product_id, quantity, status)
               values (%s, 1, 1, %s, %s, %s)""",
            (order_id, product, quantity, "CANCELLED" if status == "CANCELLED" else "APPROVED"),
        )
        return order_id

    def online(self, product: int, **held) -> tuple[int, str | None]:
        """Online ATP of a product in FAC_GRP and the rule that made it 0, if one did."""
        return self.db.execute(
            "select online_atp, reason from oms.online_atp('FAC_GRP', %(ids)s, %(p)s, %(f)s, %(q)s)",
            {"ids": [product], "p": [], "f": [], "q": []} | held,
        ).fetchone()

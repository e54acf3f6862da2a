"""Packed orders: when units leave QOH, and what is refused (inventory.md 5.19; orders.md 6.9, 7.1, 13)."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from oms.fulfillment import packing
from oms.orders.errors import OrderError, PackedLocked
from tests.oms import one_item
from tests.oms.fulfillment.conftest import Store, open_store
from tests.oms.world import World


def test_t_nec_01_units_leave_the_shelf_when_they_are_packed(store: Store):
    store.stock("A", 10)
    order = store.order(("A", 1))
    assert (store.position("A"), store.reservations()) == ((10, 9), 1)

    store.pack(order)

    assert (store.position("A"), store.reservations()) == ((9, 9), 0)
    assert store.world.online(store.world.products["A"]) == (9, None)


def test_t_nec_03_shipping_takes_nothing_a_second_time(store: Store):
    store.stock("A", 10)
    shipment = store.pack(store.order(("A", 1)))

    assert packing.ship(store.world.db, shipment) == 0
    assert packing.ship(store.world.db, shipment) == 0

    assert store.position("A") == (9, 9)
    assert store.world.db.execute("select status from oms.order_header").fetchall() == [("COMPLETED",)]
    assert store.world.db.execute("select status from oms.shipment").fetchall() == [("SHIPPED",)]


def test_elsewhere_units_leave_when_they_are_shipped(plain_store: Store):
    plain_store.stock("A", 10)
    shipment = plain_store.pack(plain_store.order(("A", 2)))
    assert (plain_store.position("A"), plain_store.reservations()) == ((10, 8), 1)

    assert packing.ship(plain_store.world.db, shipment) == 2

    assert (plain_store.position("A"), plain_store.reservations()) == ((8, 8), 0)


def test_inv_27_packing_and_shipping_end_alike_in_both_models(store: Store):
    for sku, qoh, others in (("A", 10, 0), ("B", 4, 0)):
        store.stock(sku, qoh)
        assert others == 0
    shipment = store.pack(store.order(("A", 2), ("B", 1)))
    assert (store.position("A"), store.position("B")) == ((8, 8), (3, 3))

    packing.ship(store.world.db, shipment)

    assert (store.position("A"), store.position("B")) == ((8, 8), (3, 3))


def test_inv_27_exploded_items_of_a_product_are_one_shipment_item(store: Store):
    store.stock("A", 10)
    store.stock("B", 4)
    shipment = store.pack(store.order(("A", 1), ("A", 1), ("B", 1)))

    items = store.world.db.execute(
        """select internal_name, quantity from oms.shipment_item join oms.product using (product_id)
            where shipment_id = %s order by shipment_item_seq""",
        (shipment,),
    ).fetchall()
    assert items == [("A", 2), ("B", 1)]
    assert store.position("A") == (8, 8)
    packing.ship(store.world.db, shipment)
    assert store.world.db.execute("select distinct status from oms.order_item").fetchall() == [("COMPLETED",)]


def test_a_repeated_request_is_the_same_shipment(store: Store):
    store.stock("A", 10)
    order = store.order(("A", 1))

    assert store.pack(order, key="req-1") == store.pack(order, key="req-1")

    assert store.position("A") == (9, 9)


def test_the_items_of_an_order_may_be_packed_in_parts(store: Store):
    store.stock("A", 10)
    store.stock("B", 10)
    order = store.order(("A", 1), ("B", 1))

    first, second = store.pack(order, [1]), store.pack(order, [2])
    packing.ship(store.world.db, first)
    assert store.world.db.execute("select status from oms.order_header").fetchall() == [("APPROVED",)]
    packing.ship(store.world.db, second)

    assert store.world.db.execute("select status from oms.order_header").fetchall() == [("COMPLETED",)]


def test_what_is_not_reserved_here_or_packed_already_cannot_be_packed(store: Store):
    store.stock("A", 10)
    order = store.order(("A", 1))

    with pytest.raises(OrderError, match="item 7 cannot be packed at TOKYO"):
        store.pack(order, [1, 7])
    assert store.position("A") == (10, 9), "nothing of the request was done"
    store.pack(order)
    with pytest.raises(OrderError, match="nothing of it is reserved at TOKYO"):
        store.pack(order, key="another request")


def test_a_request_that_names_no_item_packs_none(store: Store):
    store.stock("A", 10)
    order = store.order(("A", 1))

    with pytest.raises(OrderError, match="names no item"):
        store.pack(order, [])

    assert (store.position("A"), store.reservations()) == ((10, 9), 1)


@pytest.mark.parametrize("deplete", [True, False])
def test_t_nec_07_a_packed_order_is_locked_whoever_asks(store: Store, deplete: bool):
    store.world.db.execute(
        "update oms.facility set deplete_on_pack = %s where facility_id = 'TOKYO'", (deplete,)
    )
    store.stock("A", 10)
    store.stock("B", 10)
    order = store.order(("A", 1), ("B", 1))
    shipment = store.pack(order, [1])
    before = (store.position("A"), store.position("B"), store.reservations())

    with pytest.raises(PackedLocked, match=f"shipment {shipment} of order {order} is packed"):
        packing.unpack(store.world.db, shipment)
    with pytest.raises(PackedLocked, match="PACKED_LOCKED"):
        one_item.release(store.world.db, order, 1)
    with pytest.raises(PackedLocked, match="PACKED_LOCKED"):
        one_item.cancel(store.world.db, order, 1, 1, restocked=False)
    with pytest.raises(PackedLocked, match="nothing was changed"):
        packing.refuse_packed(store.world.db, order, [1, 2])
    packing.refuse_packed(store.world.db, order, [2])

    assert (store.position("A"), store.position("B"), store.reservations()) == before


def test_unpacking_by_force_puts_everything_back_as_it_was(store: Store):
    store.stock("A", 10)
    order = store.order(("A", 2))
    shipment = store.pack(order)

    packing.unpack(store.world.db, shipment, force=True)
    packing.unpack(store.world.db, shipment, force=True)

    assert (store.position("A"), store.reservations()) == ((10, 8), 1)
    one_item.cancel(store.world.db, order, 1, 2, restocked=False)
    assert store.position("A") == (10, 10)


def test_a_store_may_leave_packed_orders_unlocked(store: Store):
    store.world.db.execute("update oms.product_store set lock_packed_orders = false")
    store.stock("A", 10)
    order = store.order(("A", 2))

    packing.unpack(store.world.db, store.pack(order))

    assert store.position("A") == (10, 8)
    store.pack(order, key="again")
    assert store.position("A") == (8, 8)


def test_a_shipped_order_cannot_be_unpacked(store: Store):
    store.stock("A", 10)
    shipment = store.pack(store.order(("A", 2)))
    packing.ship(store.world.db, shipment)

    with pytest.raises(OrderError, match="is SHIPPED, not packed"):
        packing.unpack(store.world.db, shipment, force=True)


def test_two_stations_packing_one_order_make_one_shipment(oms_dsn: str):
    """Side by side, each with its own request: one packs, the other finds nothing left."""
    with psycopg.connect(oms_dsn, autocommit=True) as conn:
        store = open_store(World(conn))
        store.stock("A", 10)
        order = store.order(("A", 1))

        def station(number: int) -> str:
            with psycopg.connect(oms_dsn, autocommit=True) as own:
                try:
                    packing.pack(own, order, "TOKYO", key=f"station {number}")
                except OrderError as error:
                    return str(error)
            return "packed"

        with ThreadPoolExecutor(4) as stations:
            answers = sorted(stations.map(station, range(4)))

        nothing = f"order {order}: nothing of it is reserved at TOKYO"
        assert answers == [nothing] * 3 + ["packed"]
        assert store.position("A") == (9, 9)


def test_t_nec_06_an_oversold_store_does_not_lower_the_others(store: Store):
    product = store.stock("A", 3)
    store.world.stock(product, store.world.facility("OSAKA"), -1)

    assert store.world.online(product) == (3, None)

"""What orders do to stock, queue demand and books (spec inventory.md 1.3, 6.7; orders.md 5.7)."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from oms.orders.errors import OrderError
from oms.orders.taking_in import Line
from tests.oms import one_item

LOCATION = 1


@pytest.fixture
def product(world):
    """A product with 10/10 at store A, sold by the shop `demo`."""
    product = world.product("P")
    world.stock(product, world.facility("A"), 10)
    world.shop(product, location=LOCATION)
    return product


def book(world) -> int:
    return world.db.execute("select coalesce(sum(book), 0)::int from oms.sync_level").fetchone()[0]


def committed(world) -> int:
    return world.db.execute("select sum(committed_quantity)::int from oms.order_item").fetchone()[0]


def stock(world, facility="A"):
    return world.db.execute(
        "select qoh, atp from oms.inventory_item where facility_id = %s", (facility,)
    ).fetchone()


def changes(world) -> list[str]:
    rows = world.db.execute(
        "select cause from oms.product_change where cause <> 'mapping' order by change_id"
    ).fetchall()
    return [cause for (cause,) in rows]


def sell(world, product, quantity=2, shop="demo", external_id="1001", **options):
    return one_item.take_in(world.db, shop, external_id, [Line(product, quantity, "L1", LOCATION)], **options)


def test_an_order_of_the_shop_lowers_online_and_book_alike(world, product):
    sell(world, product)

    assert world.online(product) == (8, None)
    assert world.db.execute(
        "select shopify_location_id, shopify_inventory_item_id, kind, amount from oms.sync_book"
    ).fetchall() == [(LOCATION, product + 1_000_000, "act", -2)]
    assert committed(world) == 2
    assert changes(world) == ["order taken in"]


def test_an_order_is_taken_in_once(world, product):
    first = sell(world, product)
    again = one_item.take_in(world.db, "demo", "1001", [Line(product, 9, "L9", LOCATION)])

    assert again == first
    assert (book(world), committed(world), changes(world)) == (-2, 2, ["order taken in"])


def test_inv_37_an_order_of_another_channel_is_demand_without_an_act(world, product):
    order = sell(world, product, shop=None)
    assert sell(world, product, shop=None) == order
    assert (world.online(product), book(world), committed(world)) == ((8, None), 0, 0)

    assert one_item.broker(world.db, order, "A") == 2
    assert (world.online(product), stock(world)) == ((8, None), (10, 8))
    assert one_item.release(world.db, order, 1) == 2
    assert (world.online(product), stock(world)) == ((8, None), (10, 10))
    assert one_item.cancel(world.db, order, 1, 2, restocked=False) == 2

    assert (world.online(product), book(world)) == ((10, None), 0)
    assert changes(world) == ["order taken in"] + [
        f"order item {event}" for event in ("reserved", "released", "cancelled")
    ]


@pytest.mark.parametrize(("restocked", "expected"), [(True, 0), (False, -2)])
@pytest.mark.parametrize("reserved", [True, False])
def test_a_cancellation_books_what_shopify_put_back(world, product, restocked, expected, reserved):
    order = sell(world, product)
    if reserved:
        one_item.reserve(world.db, order, 1, "A")

    assert one_item.cancel(world.db, order, 1, 2, restocked=restocked) == 2

    assert (book(world), committed(world), world.online(product)) == (expected, 0, (10, None))
    assert world.db.execute("select status from oms.order_header").fetchone() == ("CANCELLED",)


def test_t_can_04_a_line_is_cancelled_in_parts(world, product):
    order = sell(world, product, quantity=3)
    one_item.reserve(world.db, order, 1, "A")

    one_item.cancel(world.db, order, 1, 1, restocked=True)
    assert (stock(world), book(world), committed(world)) == ((10, 8), -2, 2)
    with pytest.raises(OrderError, match="3 to cancel, 2 are open"):
        one_item.cancel(world.db, order, 1, 3, restocked=True)
    one_item.cancel(world.db, order, 1, 2, restocked=True)

    assert (stock(world), book(world), committed(world)) == ((10, 10), 0, 0)
    assert one_item.cancel(world.db, order, 1, 1, restocked=True) == 0


def test_t_can_05_an_order_with_a_completed_item_ends_completed(world, product):
    order = one_item.take_in(
        world.db, "demo", "7", [Line(product, 1, "L1", LOCATION), Line(product, 2, "L2", LOCATION)]
    )
    one_item.reserve(world.db, order, 1, "A")
    assert one_item.ship(world.db, order, 1) == 1
    one_item.cancel(world.db, order, 2, 2, restocked=True)

    assert world.db.execute("select status from oms.order_header").fetchone() == ("COMPLETED",)
    assert one_item.cancel(world.db, order, 1, 1, restocked=True) == 0


def test_shipping_issues_the_units_and_shopify_learns_of_it_later(world, product):
    order = sell(world, product)
    one_item.reserve(world.db, order, 1, "A")

    assert one_item.ship(world.db, order, 1) == 2
    assert (stock(world), committed(world), book(world)) == ((8, 8), 2, -2)
    assert one_item.ship(world.db, order, 1) == 0
    one_item.fulfilled(world.db, order, 1)

    assert (committed(world), world.online(product)) == (0, (8, None))


def test_reserving_again_changes_nothing_and_elsewhere_asks_for_a_release(world, product):
    order = sell(world, product)
    world.facility("B")
    assert one_item.reserve(world.db, order, 1, "A") == 2

    assert one_item.reserve(world.db, order, 1, "A") == 0
    with pytest.raises(OrderError, match="is reserved at A"):
        one_item.reserve(world.db, order, 1, "B")
    one_item.release(world.db, order, 1)
    assert one_item.reserve(world.db, order, 1, "B") == 2

    assert (stock(world), stock(world, "B")) == ((10, 10), (0, -2))


def test_reservations_take_from_the_pick_face(world, product):
    world.facility("B")
    world.db.execute(
        "insert into oms.facility_location values ('B', 'PICK', 'FLT_PICKLOC'), ('B', 'A', 'FLT_BULK')"
    )

    one_item.broker(world.db, sell(world, product), "B")

    assert world.db.execute(
        "select location_seq_id, atp from oms.inventory_item where facility_id = 'B'"
    ).fetchall() == [("PICK", -2)]


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda db, order: one_item.reserve(db, order, 1, "_NA_"), "virtual"),
        (lambda db, order: one_item.reserve(db, order, 1, "MARS"), "does not exist"),
        (lambda db, order: one_item.reserve(db, order, 9, "A"), "item 9: does not exist"),
        (lambda db, order: one_item.ship(db, order, 1), "no reservation"),
        (lambda db, order: one_item.take_in(db, "demo", "x", []), "no lines"),
        (lambda db, order: one_item.take_in(db, "other", "x", [Line(1, 1)]), "shop other: not known"),
    ],
)
def test_what_cannot_be_is_refused(world, product, act, message):
    order = sell(world, product)

    with pytest.raises(OrderError, match=message):
        act(world.db, order)


def test_a_sale_without_its_location_is_refused_as_a_whole(world, product):
    with pytest.raises(OrderError, match="line 1 does not say at which Shopify location"):
        one_item.take_in(world.db, "demo", "x", [Line(product, 1, "L1", None)])

    assert world.db.execute("select count(*) from oms.order_header").fetchone() == (0,)


def test_an_untracked_product_has_no_level_to_book_at(world):
    product = world.product("G")
    world.shop(product, tracked=False)

    one_item.take_in(world.db, "demo", "x", [Line(product, 1, "L1", None)])

    assert (book(world), committed(world)) == (0, 1)


def test_one_of_several_stores_must_be_named(world, product):
    world.db.execute("insert into oms.product_store (product_store_id, store_name) values ('OTHER', 'Other')")
    with pytest.raises(OrderError, match="name one of several product stores"):
        sell(world, product, shop=None)

    assert sell(world, product, shop=None, product_store_id="OTHER")


def test_two_at_once_take_in_one_order(oms_dsn, world, product):
    """The second waits for the first and finds its order."""
    world.db.commit()
    with psycopg.connect(oms_dsn) as other, world.db.transaction():
        first = sell(world, product)
        other.execute("set lock_timeout = '200 ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            one_item.take_in(other, "demo", "1001", [Line(product, 2, "L1", LOCATION)])
    with psycopg.connect(oms_dsn) as other:
        assert one_item.take_in(other, "demo", "1001", [Line(product, 2, "L1", LOCATION)]) == first
        assert other.execute("select count(*) from oms.sync_book").fetchone() == (1,)


def test_two_at_once_add_lines_to_one_order(oms_dsn, world, product):
    order = sell(world, product)
    world.db.commit()

    def add(conn: psycopg.Connection) -> list[int]:
        return one_item.add_lines(conn, order, [Line(product, 1, "L1", LOCATION)])

    with (
        psycopg.connect(oms_dsn, autocommit=True) as one,
        psycopg.connect(oms_dsn, autocommit=True) as two,
        ThreadPoolExecutor(1) as pool,
    ):
        with one.transaction():
            assert add(one) == [2]
            second = pool.submit(add, two)
            while not blocked(one, two):
                time.sleep(0.02)
        assert second.result(20) == [3]


def test_two_at_once_finish_the_last_items_of_an_order(oms_dsn, world, product):
    """T-CAN-05, T-SHP-06: neither sees what the other has done, and one of them is the last."""
    another = world.product("Q")
    world.stock(another, "A", 10)
    order = one_item.take_in(
        world.db, "demo", "1001", [Line(product, 1, "L1", LOCATION), Line(another, 1, "L2")]
    )
    one_item.broker(world.db, order, "A")
    world.db.commit()

    with (
        psycopg.connect(oms_dsn, autocommit=True) as one,
        psycopg.connect(oms_dsn, autocommit=True) as two,
        ThreadPoolExecutor(1) as pool,
    ):
        with one.transaction():
            one_item.ship(one, order, 1)
            second = pool.submit(one_item.cancel, two, order, 2, 1, True)
            while not (second.done() or blocked(one, two)):
                time.sleep(0.02)
        second.result(20)
        assert one.execute("select status from oms.order_header").fetchone() == ("COMPLETED",)


def blocked(conn: psycopg.Connection, other: psycopg.Connection) -> bool:
    found = conn.execute("select cardinality(pg_blocking_pids(%s)) > 0", (other.info.backend_pid,))
    return found.fetchone()[0]


@pytest.mark.parametrize("end", ["shipped", "cancelled"])
def test_a_finished_order_takes_no_open_line(world, product, end):
    """orders.md 5.4. It would be demand of no figure, but booked: the next push sold its units twice."""
    order = sell(world, product)
    if end == "shipped":
        one_item.broker(world.db, order, "A")
        one_item.ship(world.db, order, 1)
    else:
        one_item.cancel(world.db, order, 1, 2, restocked=True)
    before = world.online(product), book(world)

    with pytest.raises(OrderError, match="takes no open line"):
        one_item.add_lines(world.db, order, [Line(product, 3, "L2", LOCATION)])
    one_item.add_lines(world.db, order, [Line(product, 3, "L2", None, "HISTORY")])

    assert (world.online(product), book(world)) == before


def test_a_restock_goes_to_the_level_of_the_sale_whatever_is_linked_now(world, product):
    order = sell(world, product)
    world.db.execute("update oms.shop_product set shopify_inventory_item_id = 5")

    one_item.cancel(world.db, order, 1, 2, restocked=True)

    assert world.db.execute("select shopify_inventory_item_id, book from oms.sync_level").fetchall() == [
        (product + 1_000_000, 0)
    ]


def test_a_restock_of_a_sale_that_had_no_level_goes_to_the_one_of_now(world, product):
    """The opening of that level leaves out K, so that the units have to come back with the act."""
    world.db.execute("update oms.shop_product set thru_date = now()")
    order = sell(world, product)
    assert book(world) == 0
    world.db.execute("update oms.shop_product set thru_date = null")

    one_item.cancel(world.db, order, 1, 2, restocked=True)

    assert book(world) == 2


def test_a_kit_is_reserved_with_its_components(world, product):
    """Cancelled in part and shipped, both move in their proportion (inventory.md 5.12)."""
    kit, gift_card = world.product("K"), world.product("G")
    world.stock(kit, "A", 5)
    world.db.execute(
        "update oms.product set product_type_id = 'GIFT_CARD' where product_id = %s", (gift_card,)
    )
    world.db.execute(
        """insert into oms.product_assoc (product_id, component_product_id, quantity)
           values (%(kit)s, %(product)s, 2), (%(kit)s, %(card)s, 1)""",
        {"kit": kit, "product": product, "card": gift_card},
    )

    def stocks() -> list[tuple[str, int, int]]:
        return world.db.execute(
            """select product.internal_name, qoh, atp
                 from oms.inventory_item join oms.product using (product_id) order by 1"""
        ).fetchall()

    order = one_item.take_in(world.db, None, "k", [Line(kit, 3)])
    assert world.online(product) == (4, None)
    assert one_item.reserve(world.db, order, 1, "A") == 3
    assert stocks() == [("K", 5, 2), ("P", 10, 4)]
    assert world.online(product) == (4, None)
    one_item.cancel(world.db, order, 1, 1, restocked=False)
    assert stocks() == [("K", 5, 3), ("P", 10, 6)]
    assert one_item.ship(world.db, order, 1) == 2

    assert stocks() == [("K", 3, 3), ("P", 6, 6)]
    assert world.db.execute("select count(*) from oms.inventory_reservation").fetchone() == (0,)


def test_a_kit_sold_at_a_till_takes_its_components_along_and_brings_them_back(world, product):
    kit = world.product("K")
    world.stock(kit, "A", 5)
    world.db.execute("insert into oms.product_assoc values (%s, %s, 2)", (kit, product))
    positions = """select product.internal_name, qoh, atp
                     from oms.inventory_item join oms.product using (product_id) order by 1"""

    order = one_item.take_in(world.db, "demo", "k", [Line(kit, 2, "L1", LOCATION, "HANDED_OVER", "A")])
    assert world.db.execute(positions).fetchall() == [("K", 3, 3), ("P", 6, 6)]
    assert one_item.return_received(world.db, order, 1, 1, "A", "r1") is True
    assert one_item.return_received(world.db, order, 1, 1, "A", "r1") is False

    assert world.db.execute(positions).fetchall() == [("K", 4, 4), ("P", 8, 8)]


def test_a_released_kit_gives_its_components_back(world, product):
    kit = world.product("K")
    world.stock(kit, "A", 5)
    world.db.execute("insert into oms.product_assoc values (%s, %s, 2)", (kit, product))
    order = one_item.take_in(world.db, None, "k", [Line(kit, 1)])
    one_item.reserve(world.db, order, 1, "A")

    assert one_item.issue(world.db, order, 1) == 1
    assert one_item.take_back(world.db, order, 1) == 1
    assert stock(world) == (10, 8)
    assert one_item.release(world.db, order, 1) == 1

    assert stock(world) == (10, 10)
    assert (world.online(product), world.online(kit)) == ((8, None), (4, None))

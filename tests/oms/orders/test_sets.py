"""Acts are about sets of items: refused item by item, locked in one order (spec orders.md 1.2)."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from oms.orders import cancelling, holding, leaving, taking_in
from oms.orders.errors import OrderError
from oms.orders.items import Ask
from oms.orders.taking_in import Line, MoreLines, NewOrder


@pytest.fixture
def products(world) -> list[int]:
    """Five products with 100 each at stores A and B, sold by the shop `demo` at location 1."""
    made = [world.product(f"P{number}") for number in range(5)]
    for facility in ("A", "B"):
        world.facility(facility)
        for product in made:
            world.stock(product, facility, 100)
    world.shop(*made, location=1)
    return made


def take_in(world, products, count: int = 3) -> list[int]:
    orders = [
        NewOrder("demo", str(number), [Line(product, 2, f"L{product}", 1) for product in products[:2]])
        for number in range(count)
    ]
    return taking_in.take_in(world.db, orders).or_raise()


def reserved(world) -> list[tuple]:
    return world.db.execute(
        "select order_id, order_item_seq, facility_id, quantity from oms.own_reservation order by 1, 2"
    ).fetchall()


def test_an_act_does_what_it_can_and_says_of_each_other_item_why_not(world, products):
    first, second, third = take_in(world, products)
    holding.broker(world.db, [(second, "B")]).or_raise()
    leaving.ship(world.db, [Ask(second, 1)]).or_raise()

    outcome = holding.reserve(
        world.db,
        [
            Ask(third, 2, facility_id="B"),
            Ask(first, 1, facility_id="A"),
            Ask(first, 2, facility_id="_NA_"),
            Ask(first, 9, facility_id="A"),
            Ask(second, 1, facility_id="A"),
            Ask(second, 2, facility_id="A"),
            Ask(third, 1, facility_id="MARS"),
        ],
    )

    assert outcome.units == 4
    assert [(one.order_id, one.order_item_seq, one.code) for one in outcome.refused] == [
        (first, 2, "VIRTUAL_FACILITY"),
        (first, 9, "UNKNOWN_ITEM"),
        (second, 1, "NOT_OPEN"),
        (second, 2, "RESERVED_ELSEWHERE"),
        (third, 1, "UNKNOWN_FACILITY"),
    ]
    assert reserved(world) == [(first, 1, "A", 2), (second, 2, "B", 2), (third, 2, "B", 2)]


def test_a_set_moves_what_its_items_would_have_moved_one_by_one(world, products):
    orders = take_in(world, products)
    holding.broker(world.db, [(order, "A") for order in orders]).or_raise()

    outcome = cancelling.cancel(
        world.db, [Ask(order, seq, 1) for order in orders for seq in (1, 2)], restocked=True
    )

    assert (outcome.units, outcome.refused) == (6, [])
    assert world.db.execute(
        "select product_id, qoh, atp from oms.inventory_item where facility_id = 'A' order by 1"
    ).fetchall() == [(products[0], 100, 97), (products[1], 100, 97)] + [
        (product, 100, 100) for product in products[2:]
    ]
    assert world.db.execute("select sum(book), count(*) from oms.sync_level").fetchone() == (-6, 2)
    assert {quantity for *_, quantity in reserved(world)} == {1}


def test_a_refusal_does_not_keep_the_other_orders_from_being_taken_in(world, products):
    lines = [Line(products[0], 1, "L", 1)]
    taken = taking_in.take_in(
        world.db,
        [
            NewOrder("demo", "good", lines),
            NewOrder("demo", "empty", []),
            NewOrder("nobody", "stranger", lines),
            NewOrder("demo", "unplaced", [Line(products[0], 1, "L"), *lines]),
            NewOrder("demo", "till", [Line(products[0], 1, "L", 1, "HANDED_OVER", "_NA_")]),
            NewOrder(None, "good", [Line(products[0], 1)]),
        ],
    )

    assert [one.code for one in taken.refused] == [
        "NO_LINES",
        "UNKNOWN_STORE",
        "NO_LOCATION",
        "VIRTUAL_FACILITY",
    ]
    assert [found is not None for found in taken.found] == [True, False, False, False, False, True]
    assert world.db.execute(
        "select shop_id, external_id from oms.order_header order by order_id"
    ).fetchall() == [(None, "good"), ("demo", "good")]
    more = taking_in.add_lines(
        world.db, [MoreLines(taken.found[0], lines), MoreLines(taken.found[5], lines), MoreLines(-1, lines)]
    )
    assert more.found == [[2], [2], None]
    assert [one.code for one in more.refused] == ["UNKNOWN_ORDER"]


def test_the_same_order_twice_in_a_set_is_taken_in_once(world, products):
    one = NewOrder("demo", "1", [Line(products[0], 1, "L", 1)])

    assert len(set(taking_in.take_in(world.db, [one, one]).or_raise())) == 1
    assert world.db.execute("select count(*) from oms.order_item").fetchone() == (1,)


def test_an_item_stands_once_in_a_set(world, products):
    (order,) = take_in(world, products, 1)

    with pytest.raises(OrderError, match="twice"):
        cancelling.cancel(world.db, [Ask(order, 1, 1), Ask(order, 1, 1)], restocked=False)


def test_sets_that_overlap_wait_for_each_other_in_one_order(oms_dsn, world, products):
    """Neither waits in a circle, whatever the order in which the items are named."""
    orders = take_in(world, products, 20)
    world.db.commit()
    there = [Ask(order, seq, facility_id="A") for order in orders for seq in (1, 2)]

    def turn_about(asks: list[Ask]) -> None:
        with psycopg.connect(oms_dsn, autocommit=True) as conn:
            for _ in range(5):
                holding.reserve(conn, asks)
                holding.release(conn, [Ask(one.order_id, one.order_item_seq) for one in asks])

    with ThreadPoolExecutor(3) as pool:
        for running in [pool.submit(turn_about, one) for one in (there, there[::-1], there[7:] + there[:7])]:
            running.result(120)

    assert reserved(world) == []
    assert world.db.execute("select count(*) from oms.inventory_item where atp <> 100").fetchone() == (0,)

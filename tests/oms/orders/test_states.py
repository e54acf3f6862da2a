"""States move as the table of moves allows, and each move leaves an event (spec orders.md 1.2, 1.3)."""

import re
from pathlib import Path

import psycopg
import pytest

from oms.fulfillment import packing
from oms.orders import holding, states
from oms.orders.items import Ask
from oms.orders.taking_in import Line
from tests.oms import one_item

OMS = Path(__file__).parents[3] / "include/oms"


@pytest.fixture
def order(world) -> int:
    """An order of three units and of one, that can be reserved at store A."""
    world.facility("A")
    products = [world.product("P"), world.product("Q")]
    for product in products:
        world.stock(product, "A", 10)
    return one_item.take_in(world.db, None, "1", [Line(products[0], 3), Line(products[1], 1)])


def events(world) -> list[tuple]:
    return world.db.execute(
        "select order_item_seq, kind, old, new, cause from oms.order_event order by event_id"
    ).fetchall()


def test_what_happens_to_an_order_leaves_its_events(world, order):
    holding.reserve(world.db, [Ask(order, seq, facility_id="A") for seq in (1, 2)]).or_raise()
    one_item.cancel(world.db, order, 1, 1, restocked=False)
    one_item.cancel(world.db, order, 2, 1, restocked=False)
    shipment = packing.pack(world.db, order, "A", key="k")
    packing.ship(world.db, shipment)

    assert events(world) == [
        (1, "FACILITY", "_NA_", "A", "reserved"),
        (2, "FACILITY", "_NA_", "A", "reserved"),
        (1, "QUANTITY", "3", "2", "cancelled in Shopify"),
        (2, "QUANTITY", "1", "0", "cancelled in Shopify"),
        (2, "STATE", "APPROVED", "CANCELLED", "cancelled in Shopify"),
        (None, "STATE", "PACKED", "SHIPPED", "shipped"),
        (1, "STATE", "APPROVED", "COMPLETED", "shipped"),
        (None, "STATE", "APPROVED", "COMPLETED", "shipped"),
    ]
    assert world.db.execute(
        "select count(*) from oms.order_event where shipment_id = %s", (shipment,)
    ).fetchone() == (1,)


def test_an_event_names_the_run_that_caused_it(world, order):
    one_item.reserve(world.db, order, 1, "A")
    with world.db.transaction():
        states.in_run(world.db, "manual__1")
        one_item.release(world.db, order, 1)

    assert world.db.execute("select run_id from oms.order_event order by event_id").fetchall() == [
        (None,),
        ("manual__1",),
    ]


def test_what_changes_nothing_leaves_no_event(world, order):
    one_item.reserve(world.db, order, 1, "A")
    before = events(world)

    one_item.reserve(world.db, order, 1, "A")
    one_item.issue(world.db, order, 1)
    one_item.take_back(world.db, order, 1)

    assert events(world) == before


@pytest.mark.parametrize("old", ["COMPLETED", "CANCELLED"])
def test_a_move_that_is_not_allowed_is_refused_by_the_database(world, order, old):
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="state_move"):
        world.db.execute(
            """insert into oms.order_event (order_id, order_item_seq, kind, old, new, cause)
               values (%s, 1, 'STATE', %s, 'APPROVED', 'test')""",
            (order, old),
        )


def test_history_is_append_only(world, order):
    one_item.reserve(world.db, order, 1, "A")

    with pytest.raises(psycopg.errors.RestrictViolation):
        world.db.execute("delete from oms.order_event")


def test_the_allowed_moves_are_between_states_that_there_are(world):
    """The checks of the tables and the table of moves know the same states."""
    for subject, table in (("ORDER", "order_header"), ("ITEM", "order_item"), ("SHIPMENT", "shipment")):
        (check,) = world.db.execute(
            """select pg_get_constraintdef(oid) from pg_constraint
                where conrelid = %s::regclass and contype = 'c'
                  and pg_get_constraintdef(oid) similar to '%%status = ANY%%(CREATED|INPUT)%%'""",
            (f"oms.{table}",),
        ).fetchone()
        named = world.db.execute(
            """select old_state from oms.state_move where subject = %(of)s
                union select new_state from oms.state_move where subject = %(of)s""",
            {"of": subject},
        ).fetchall()
        assert {state for (state,) in named} <= set(re.findall(r"'(\w+)'", check)), subject


def test_only_states_sets_a_status_of_an_order_or_an_item():
    setting = re.compile(r"update\s+oms\.order_(?:header|item)\b(?:(?!\bwhere\b).)*?\bstatus\s*=", re.S)
    setters = [
        str(path.relative_to(OMS))
        for path in OMS.rglob("*.sql")
        if "migrations" not in path.parts and setting.search(path.read_text())
    ]

    assert setters == ["orders/states.sql"]

"""What Shopify does itself is in the book of the level where it does it (spec inventory.md 6.7, 7.4)."""

from typing import Any

import pytest

from oms.fulfillment import packing
from oms.orders.errors import OrderError
from oms.orders.taking_in import Line
from tests.oms import one_item
from tests.oms.sync.bench import Bench


@pytest.fixture
def store(oms: Bench) -> Bench:
    """A store mapped one to one beside the e-commerce location; only the store has stock, 10."""
    oms.world.facility("S1")
    oms.open_shop(
        "demo",
        {"P": {"levels": {"Main": 10, "Store": 10}}},
        locations={"Main": ["_NA_"], "Store": ["S1"]},
        mode="DELTA",
    )
    oms.move("P", 10, "S1")
    oms.push("HARD")
    return oms


def shown(oms: Bench) -> tuple[int, int]:
    return oms.available("P"), oms.available("P", location="Store")


def books(oms: Bench) -> tuple[int, int]:
    return oms.book("P"), oms.book("P", location="Store")


def sell_online(oms: Bench) -> tuple[dict, int]:
    """Two units are sold at the e-commerce location, imported and brokered to the store."""
    order = oms.server.place_order("demo", {"sku": "P", "quantity": 2, "location": "Main"})
    number = oms.import_order(order)
    one_item.reserve(oms.db, number, 1, "S1")
    return order, number


def move_in_shop(oms: Bench, order: dict, location: str) -> None:
    """The fulfilment order moves to another location."""
    (place,) = (number for (_, name), number in oms.locations.items() if name == location)
    document = """mutation Move($id: ID!, $to: ID!) {
        fulfillmentOrderMove(id: $id, newLocationId: $to) { userErrors { message } } }"""
    (part,) = order["fulfillment_orders"]
    variables = {
        "id": f"gid://shopify/FulfillmentOrder/{part['id']}",
        "to": f"gid://shopify/Location/{place}",
    }
    answer = oms.server.graphql("demo", document, variables)
    assert answer["data"]["fulfillmentOrderMove"]["userErrors"] == [], answer


@pytest.mark.parametrize("push_first", [True, False])
def test_inv_49_a_the_fulfilment_order_will_be_moved(store: Bench, push_first: bool):
    order, number = sell_online(store)

    assert one_item.hold_at(store.db, number, 1, store.locations["demo", "Store"]) == 2
    assert books(store) == (10, 8)
    if push_first:
        store.push("DELTA")
        assert (store.lines(), shown(store)) == ([("P", -2, "APPLIED")], (6, 10))
    move_in_shop(store, order, "Store")
    store.push("DELTA")

    assert store.lines() == [("P", -2, "APPLIED")]
    assert shown(store) == (8, 8)
    assert (store.push("HARD").planned, store.drifts()) == (0, [])


def test_inv_49_a_the_move_is_given_up(store: Bench):
    _, number = sell_online(store)
    one_item.hold_at(store.db, number, 1, store.locations["demo", "Store"])
    store.push("DELTA")

    one_item.hold_at(store.db, number, 1, store.locations["demo", "Main"])
    assert books(store) == (6, 10)
    store.push("DELTA")

    assert shown(store) == (8, 8)
    assert (store.push("HARD").planned, store.drifts()) == (0, [])


def test_inv_49_a_nothing_drifts_while_the_move_is_under_way(store: Bench):
    order, number = sell_online(store)
    one_item.hold_at(store.db, number, 1, store.locations["demo", "Store"])

    assert (store.push("HARD").planned, store.drifts()) == (1, [])
    move_in_shop(store, order, "Store")
    assert (store.push("HARD").planned, store.drifts()) == (0, [])
    assert shown(store) == (8, 8)


def test_inv_49_b_it_stays(store: Bench):
    sell_online(store)
    assert books(store) == (8, 10)

    store.push("DELTA")

    assert store.lines() == [("P", -2, "APPLIED")]
    assert shown(store) == (8, 8)


def test_a_moved_order_is_cancelled_where_it_is_now(store: Bench):
    order, number = sell_online(store)
    one_item.hold_at(store.db, number, 1, store.locations["demo", "Store"])
    move_in_shop(store, order, "Store")
    store.push("DELTA")

    store.server.order_action("demo", order["id"], "cancel", restock=True)
    one_item.cancel(store.db, number, 1, 2, restocked=True)
    store.push("DELTA")

    assert shown(store) == books(store) == (10, 10)
    assert (store.push("HARD").planned, store.drifts()) == (0, [])


# a location that shows QOH


@pytest.fixture
def by_qoh(oms: Bench) -> Bench:
    """A store that shows QOH, 10, compared before anything was sold."""
    oms.world.facility("S1")
    oms.open_shop("demo", {"P": {"levels": {"Store": 10}}}, locations={"Store": ["S1"]}, mode="DELTA")
    oms.db.execute("update oms.shop_location set physical_basis = 'QOH'")
    oms.move("P", 10, "S1")
    oms.push("HARD")
    return oms


def on_hand(oms: Bench) -> int:
    return oms.server.levels("demo", sku="P", location="Store")[0]["on_hand"]


def figures(oms: Bench) -> tuple[int, int, int]:
    return oms.available("P", location="Store"), on_hand(oms), oms.book("P", location="Store")


def nothing_to_do(oms: Bench) -> bool:
    """Neither a delta nor a guarded comparison finds anything."""
    planned = [oms.push(mode).planned for mode in ("DELTA", "HARD")]
    return planned == [0, 0] and oms.drifts() == []


def test_inv_50_qoh_is_not_moved_by_an_order_but_by_its_fulfilment(by_qoh: Bench):
    oms = by_qoh
    order = oms.server.place_order("demo", {"sku": "P", "quantity": 2, "location": "Store"})
    assert nothing_to_do(oms)

    number = oms.import_order(order)
    one_item.reserve(oms.db, number, 1, "S1")
    assert nothing_to_do(oms)
    assert figures(oms) == (
        8,
        10,
        10,
    )

    one_item.ship(oms.db, number, 1)
    assert nothing_to_do(oms)
    one_item.fulfilling(oms.db, number, 1)
    oms.server.order_action("demo", order["id"], "fulfil")
    assert nothing_to_do(oms)
    one_item.fulfilled(oms.db, number, 1)
    assert nothing_to_do(oms)
    assert figures(oms) == (8, 8, 8)
    assert oms.lines() == []


@pytest.mark.parametrize(
    ("shipped", "restock", "lines"),
    [(False, True, []), (False, False, [+2]), (True, True, [-2]), (True, False, [])],
)
def test_inv_50_a_cancellation_moves_on_hand_only_if_units_are_lost(
    by_qoh: Bench, shipped: bool, restock: bool, lines: list[int]
):
    oms = by_qoh
    order = oms.server.place_order("demo", {"sku": "P", "quantity": 2, "location": "Store"})
    number = oms.import_order(order)
    one_item.reserve(oms.db, number, 1, "S1")
    if shipped:
        one_item.ship(oms.db, number, 1)

    oms.server.order_action("demo", order["id"], "cancel", restock=restock)
    one_item.cancel(oms.db, number, 1, 2, restocked=restock)
    oms.push("DELTA")

    assert [delta for _, delta, _ in oms.lines()] == lines
    assert on_hand(oms) == oms.book("P", location="Store") == (8 if shipped else 10)
    assert nothing_to_do(oms)


def test_inv_50_packed_units_have_left_qoh_before_shopify_hears_of_it(by_qoh: Bench):
    oms = by_qoh
    order = oms.server.place_order("demo", {"sku": "P", "quantity": 2, "location": "Store"})
    number = oms.import_order(order)
    one_item.reserve(oms.db, number, 1, "S1")

    one_item.issue(oms.db, number, 1)
    assert nothing_to_do(oms)
    one_item.ship(oms.db, number, 1)
    assert nothing_to_do(oms)
    oms.server.order_action("demo", order["id"], "fulfil")
    one_item.fulfilled(oms.db, number, 1)
    assert nothing_to_do(oms)
    assert figures(oms) == (8, 8, 8)


def test_inv_50_goods_that_come_back_are_on_hand_again(by_qoh: Bench):
    oms = by_qoh
    order = oms.server.place_order("demo", {"sku": "P", "quantity": 2, "location": "Store"})
    oms.server.order_action("demo", order["id"], "fulfil")
    place = oms.locations["demo", "Store"]
    line = Line(oms.world.products["P"], 2, "L", place, "HANDED_OVER", "S1")
    number = one_item.take_in(oms.db, "demo", str(order["id"]), [line])
    assert nothing_to_do(oms)
    assert on_hand(oms) == 8

    back = {"sku": "P", "quantity": 1, "restock_type": "RETURN", "location": place}
    oms.server.order_action("demo", order["id"], "refund", lines=[back])
    one_item.refunded(oms.db, number, 1, 1, "r1")
    one_item.return_received(oms.db, number, 1, 1, "S1", "r1")

    assert nothing_to_do(oms)
    assert on_hand(oms) == oms.book("P", location="Store") == 9


def test_another_basis_opens_the_books_anew(by_qoh: Bench):
    oms = by_qoh
    order = oms.server.place_order("demo", {"sku": "P", "quantity": 2, "location": "Store"})
    oms.import_order(order, facility_id="S1")
    oms.db.execute("update oms.shop_location set physical_basis = 'ATP'")

    assert oms.push("DELTA").needs_hard_sync == (oms.locations["demo", "Store"],)
    assert (oms.push("HARD").planned, oms.drifts()) == (0, [])

    assert oms.available("P", location="Store") == oms.book("P", location="Store") == 8


# orders that are over when they are first seen


@pytest.fixture
def opened(oms: Bench) -> Bench:
    oms.open_shop("demo", {"P": 10}, mode="DELTA")
    oms.move("P", 10)
    oms.push("HARD")
    return oms


def first_seen(oms: Bench, order: dict, state: one_item.State, **line: Any) -> int:
    (sold,) = order["lines"]
    place = order["fulfillment_orders"][0]["location"]
    one = Line(oms.world.products["P"], sold["quantity"], str(sold["id"]), place, state, **line)
    return one_item.take_in(oms.db, "demo", str(order["id"]), [one])


def test_inv_53_cancelled_before_its_import_mode_a_unguarded(oms: Bench):
    oms.open_shop("demo", {"P": 10})
    oms.move("P", 10)
    oms.push("HARD")
    order = oms.server.place_order("demo", {"sku": "P", "quantity": 2})
    oms.world.setting(oms.world.products["P"], "WH", 0, True)
    oms.push("RECENT")
    assert (oms.lines(), oms.available("P")) == ([("P", +2, "APPLIED")], 10)
    oms.server.order_action("demo", order["id"], "cancel", restock=True)
    assert oms.available("P") == 12

    first_seen(oms, order, "CANCELLED")
    oms.push("RECENT")

    assert oms.lines()[1:] == [("P", -2, "APPLIED")]
    assert oms.available("P") == oms.online("P") == 10


@pytest.mark.parametrize(
    ("restock", "state", "lines"),
    [(True, "CANCELLED", []), (False, "CANCELLED_NOT_RESTOCKED", [("P", +2, "APPLIED")])],
)
def test_an_order_that_was_cancelled_before_it_was_seen(opened: Bench, restock: bool, state, lines):
    order = opened.server.place_order("demo", {"sku": "P", "quantity": 2})
    opened.server.order_action("demo", order["id"], "cancel", restock=restock)

    number = first_seen(opened, order, state)
    opened.push("DELTA")

    assert opened.lines() == lines
    assert opened.available("P") == opened.online("P") == 10
    assert (opened.push("HARD").planned, opened.drifts()) == (0, [])
    assert opened.db.execute(
        "select status from oms.order_header where order_id = %s", (number,)
    ).fetchone() == ("CANCELLED",)


@pytest.mark.parametrize("written_off", ["by us", "by the till"])
def test_a_sale_at_a_till_of_the_shop_is_booked(opened: Bench, written_off: str):
    order = opened.server.place_order("demo", {"sku": "P", "quantity": 2})
    opened.server.order_action("demo", order["id"], "fulfil")

    if written_off == "by us":
        number = first_seen(opened, order, "HANDED_OVER", facility_id="WH")
        ledger = "select reason_id, qoh_diff, atp_diff from oms.inventory_ledger where order_id = %s"
        assert opened.db.execute(ledger, (number,)).fetchall() == [("SHOPIFY_POS_SALE", -2, -2)]
    else:
        opened.move("P", -2, reason="POS_SALE")
        first_seen(opened, order, "WRITTEN_OFF")

    assert opened.push("DELTA").planned == 0
    assert opened.available("P") == opened.online("P") == 8
    assert (opened.push("HARD").planned, opened.drifts()) == (0, [])


def test_history_has_no_effect(opened: Bench):
    line = Line(opened.world.products["P"], 2, state="HISTORY", facility_id="GENERAL_OPS_PARKING")

    one_item.take_in(opened.db, "demo", "1", [line])

    assert (opened.book("P"), opened.online("P"), opened.push("DELTA").planned) == (10, 10, 0)


def test_units_added_to_an_order_are_sold_like_the_others(opened: Bench):
    order = opened.server.place_order("demo", {"sku": "P", "quantity": 1})
    number = opened.import_order(order)
    opened.server.place_order("demo", {"sku": "P", "quantity": 2})  # the shop adds two units

    more = [Line(opened.world.products["P"], 1, "L1", opened.locations["demo", "Main"])] * 2
    assert one_item.add_lines(opened.db, number, more) == [2, 3]

    assert (opened.book("P"), opened.online("P"), opened.push("DELTA").planned) == (7, 7, 0)
    assert (opened.push("HARD").planned, opened.drifts()) == (0, [])


# cancellations decided in the OMS


@pytest.mark.parametrize("restocked", [True, False])
def test_units_that_were_kept_because_they_were_packed_are_cancelled_once_they_are_unpacked(
    opened: Bench, restocked: bool
):
    """5.19: packed, then cancelled by force. Shopify has cancelled them before, only we have to follow."""
    order = opened.server.place_order("demo", {"sku": "P", "quantity": 2})
    number = opened.import_order(order)
    one_item.reserve(opened.db, number, 1, "WH")
    shipment = packing.pack(opened.db, number, "WH", key="packed")
    opened.server.order_action("demo", order["id"], "cancel", restock=restocked)
    one_item.keep(opened.db, number, 1, 2, restocked=restocked)
    opened.push("DELTA")
    assert opened.available("P") == 8

    packing.unpack(opened.db, shipment, force=True)
    assert one_item.cancel_here(opened.db, number, 1, 2, upload=True) == 2
    opened.push("DELTA")

    assert opened.available("P") == opened.online("P") == 10
    assert (opened.push("HARD").planned, opened.drifts()) == (0, [])


def test_of_units_kept_in_part_the_others_are_still_uploaded(opened: Bench):
    order = opened.server.place_order("demo", {"sku": "P", "quantity": 3})
    number = opened.import_order(order)
    one_item.reserve(opened.db, number, 1, "WH")
    shipment = packing.pack(opened.db, number, "WH", key="packed")
    one_item.keep(opened.db, number, 1, 1, restocked=True)
    packing.unpack(opened.db, shipment, force=True)
    booked = opened.book("P")

    with pytest.raises(OrderError, match="4 to cancel, 3 are open"):
        one_item.cancel_here(opened.db, number, 1, 4, upload=True)
    assert one_item.cancel_here(opened.db, number, 1, 2, upload=True) == 2

    item = "select status, cancel_quantity, kept_quantity, committed_quantity from oms.order_item"
    assert opened.db.execute(item).fetchone() == ("APPROVED", 2, 0, 1)
    assert (opened.book("P"), opened.online("P")) == (booked + 1, 9)


@pytest.mark.parametrize("told_at_once", [True, False])
def test_a_cancellation_to_be_uploaded_counts_when_decided(opened: Bench, told_at_once: bool):
    order = opened.server.place_order("demo", {"sku": "P", "quantity": 2})
    number = opened.import_order(order)
    one_item.cancel_here(opened.db, number, 1, 2, upload=True)
    assert (opened.book("P"), opened.online("P")) == (10, 10)

    if told_at_once:
        opened.server.order_action("demo", order["id"], "cancel", restock=True)
    assert (opened.push("HARD").planned, opened.drifts()) == (0, [])
    if not told_at_once:
        opened.server.order_action("demo", order["id"], "cancel", restock=True)

    assert opened.push("DELTA").planned == 0
    assert opened.available("P") == 10


def test_an_upload_that_is_given_up_leaves_the_unit_on_sale(opened: Bench):
    order = opened.server.place_order("demo", {"sku": "P", "quantity": 2})
    number = opened.import_order(order)
    one_item.cancel_here(opened.db, number, 1, 2, upload=True)

    one_item.give_up_upload(opened.db, number, 1, 2)
    opened.push("DELTA")

    assert opened.lines() == [("P", +2, "APPLIED")]
    assert opened.available("P") == opened.online("P") == 10
    assert (opened.push("HARD").planned, opened.drifts()) == (0, [])


def test_without_upload_the_unit_is_on_sale_although_shopify_holds_it(opened: Bench):
    order = opened.server.place_order("demo", {"sku": "P", "quantity": 2})
    number = opened.import_order(order)

    assert one_item.cancel_here(opened.db, number, 1, 2, upload=False) == 2
    opened.push("DELTA")
    assert (opened.available("P"), opened.online("P")) == (10, 10)
    assert (opened.push("HARD").planned, opened.drifts()) == (0, [])

    opened.server.order_action("demo", order["id"], "cancel", restock=True)
    assert one_item.cancel(opened.db, number, 1, 2, restocked=True) == 0
    opened.push("DELTA")
    assert opened.available("P") == opened.online("P") == 10
    assert (opened.push("HARD").planned, opened.drifts()) == (0, [])

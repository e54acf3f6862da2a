"""The model of reconciling one line, by the examples and the figures that orders-addendum.md states of it."""

import pytest

from tests.oms.orders.reconcile_model import Oms, Shop, violation

MAIN, STORE, ELSEWHERE = "A", "B", "X"
HISTORIES = 3_000


@pytest.fixture
def shop():
    return Shop()


@pytest.fixture
def oms():
    return Oms()


def held(oms):
    return oms.count("OPEN", MAIN), oms.count("OPEN", STORE)


def test_random_histories_are_never_violated_and_the_second_look_is_empty():
    assert [found for seed in range(HISTORIES) if (found := violation(seed, events=30))] == []


def test_moves_before_cancelled_fulfilments_would_fail():
    assert any(violation(seed, events=30, unfulfil_first=False) for seed in range(100))


def test_T_CAN_09_a_refund_of_a_shipped_unit_cancels_no_live_one(shop, oms):
    shop.add(3, MAIN)
    shop.fulfil(2, MAIN)
    oms.reconcile(shop)  # the refund lowers currentQuantity, which nothing here looks at

    assert (oms.count("CANCELLED"), oms.count("DONE"), held(oms)) == (0, 2, (1, 0))


def test_T_CAN_12_only_what_was_not_shipped_is_cancelled(shop, oms):
    shop.add(5, MAIN)
    shop.fulfil(2, MAIN)
    oms.reconcile(shop)
    shop.remove(3, MAIN)
    oms.reconcile(shop)

    assert (oms.count("CANCELLED"), oms.count("DONE")) == (3, 2)


def test_T_UPD_07_a_unit_taken_off_and_put_back_is_a_third_item(shop, oms):
    shop.add(2, MAIN)
    oms.reconcile(shop)
    shop.remove(1, MAIN)
    shop.add(1, MAIN)
    oms.reconcile(shop)
    assert len(oms.items) == 3  # both edits read at once: what they leave is the same

    assert (oms.count("CANCELLED"), held(oms)) == (1, (2, 0))


def test_T_UPD_12_units_at_a_location_of_others_are_not_ours_and_come_back_as_new_items(shop, oms):
    shop.add(2, MAIN)
    oms.reconcile(shop)
    shop.move(2, MAIN, ELSEWHERE)
    oms.reconcile(shop)
    assert (oms.count("NOT_OURS"), held(oms)) == (2, (0, 0))

    shop.move(2, ELSEWHERE, MAIN)
    oms.reconcile(shop)
    assert (len(oms.items), oms.count("NOT_OURS"), held(oms)) == (4, 2, (2, 0))


def test_T_UPD_13_an_emptied_line_takes_new_units(shop, oms):
    shop.add(1, MAIN)
    oms.reconcile(shop)
    shop.remove(1, MAIN)
    oms.reconcile(shop)
    shop.add(1, MAIN)
    oms.reconcile(shop)

    assert (oms.count("CANCELLED"), held(oms)) == (1, (1, 0))


def test_T_ORD_25_units_are_held_where_their_fulfilment_orders_are(shop, oms):
    shop.add(2, MAIN)
    shop.add(1, STORE)
    oms.reconcile(shop)

    assert held(oms) == (2, 1)


def test_T_FUL_01_and_07_a_fulfilment_by_others_and_its_cancellation(shop, oms):
    shop.add(1, MAIN)
    oms.reconcile(shop)
    shop.fulfil(1, MAIN)
    oms.reconcile(shop)
    assert (oms.count("DONE"), held(oms)) == (1, (0, 0))

    shop.unfulfil(0, MAIN)
    oms.reconcile(shop)
    assert (len(oms.items), held(oms)) == (1, (1, 0))

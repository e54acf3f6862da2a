"""Online ATP and the figures of physical locations (spec inventory.md 2.2, 2.4, 6.3, 6.8)."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NUMBER_OF_FACILITIES = 4


def test_inv_19_one_facility_with_every_deduction(world):
    p = world.product("P")
    world.facility("IN")
    world.facility("OUT", member=False)
    world.stock(p, "IN", qoh=95, atp=90)  # of 100 units 5 lie in an excluded facility, 5 are reserved
    world.stock(p, "OUT", 5)
    world.setting(p, "IN", 5)
    world.setting(p, "CONFIGURATION", 5)
    world.order(p, 5)

    assert world.online(p) == (75, None)


def test_inv_19_safety_stock_of_each_store_and_one_threshold(world):
    p = world.product("P")
    for store, atp in {"A": 100, "B": 100, "C": 50}.items():
        world.facility(store)
        world.stock(p, store, atp)
        world.setting(p, store, 10)
    world.setting(p, "CONFIGURATION", 10)

    assert world.online(p) == (210, None)


@pytest.mark.parametrize(
    ("participates", "safety", "threshold", "online"), [(False, 5, 10, 20), (True, 2, 5, 87)]
)
def test_inv_19_a_store_takes_part_or_not(world, participates, safety, threshold, online):
    p = world.product("P")
    for store, atp in {"A": 20, "B": 10, "C": 10, "D": 10}.items():
        world.facility(store)
        world.stock(p, store, atp)
        world.setting(p, store, safety)
    world.facility("E", member=participates)
    world.stock(p, "E", 50)
    world.setting(p, "CONFIGURATION", threshold)

    assert world.online(p) == (online, None)


def test_inv_11_many_facilities_one_figure(world):
    p = world.product("P")
    for facility, atp, safety in (("New York", 10, 2), ("Tokyo", 1, 3), ("Warehouse", 40, 0)):
        world.facility(facility)
        world.stock(p, facility, atp)
        world.setting(p, facility, safety)
    world.facility("Outlet", member=False)
    world.stock(p, "Outlet", 7)
    world.setting(p, "CONFIGURATION", 5)
    world.order(p, 4)

    assert world.online(p) == (39, None)
    world.stock(p, "Tokyo", -1)
    assert world.online(p) == (39, None)
    world.stock(p, "New York", -3)
    assert world.online(p) == (36, None)


@pytest.mark.parametrize(
    ("first", "second", "online"),
    [(-4, 2, (0, "NET_NEGATIVE")), (-1, 9, (9, None)), (1, 2, (3, None)), (-2, 2, (2, None))],
)
def test_inv_08_negative_positions(world, first, second, online):
    p = world.product("P")
    world.stock(p, world.facility("A"), first)
    world.stock(p, world.facility("B"), second)

    assert world.online(p) == online


def test_a_product_without_a_position_has_a_row(world):
    world.facility("A")

    assert world.online(world.product("P")) == (0, None)


def test_all_products_at_once_without_the_parents(world):
    first, second = world.product("P"), world.product("Q")
    world.db.execute(
        "insert into oms.product (internal_name, product_name, is_virtual) values ('R', 'Parent', true)"
    )
    world.stock(first, world.facility("A"), 3)

    rows = world.db.execute("select product_id, online_atp from oms.online_atp('FAC_GRP')").fetchall()

    assert sorted(rows) == [(first, 3), (second, 0)]


@pytest.mark.parametrize(
    "exclude",
    [
        "update oms.facility_group_member set from_date = now() - interval '2 d',"
        " thru_date = now() - interval '1 d' where facility_id = 'A'",
        "update oms.facility_group_member set from_date = now() + interval '1 d' where facility_id = 'A'",
        "update oms.product_store_facility set from_date = now() + interval '1 d' where facility_id = 'A'",
        "delete from oms.product_store_facility where facility_id = 'A'",
        "update oms.facility set facility_type_id = 'VIRTUAL_FACILITY' where facility_id = 'A'",
        "insert into oms.product_facility (product_id, facility_id, allow_brokering)"
        " select product_id, 'A', false from oms.product",
    ],
)
def test_only_eligible_facilities_count(world, exclude):
    p = world.product("P")
    world.stock(p, world.facility("A"), 7)
    world.stock(p, world.facility("B"), 2)
    assert world.online(p) == (9, None)

    world.db.execute(exclude)

    assert world.online(p) == (2, None)


def test_the_highest_threshold_counts_and_one_switch_is_enough(world):
    p = world.product("P")
    world.stock(p, world.facility("A"), 20)
    world.facility("THRESHOLDS", kind="CONFIGURATION", linked=False)
    world.facility("ELSEWHERE", kind="CONFIGURATION", linked=False, member=False)
    world.setting(p, "CONFIGURATION", 3)
    world.setting(p, "THRESHOLDS", 5)
    world.setting(p, "ELSEWHERE", 9, allow_brokering=False)
    assert world.online(p) == (15, None)

    world.setting(p, "THRESHOLDS", 5, allow_brokering=False)

    assert world.online(p) == (0, "SWITCHED_OFF")


def test_inv_48_demand_counts_wherever_it_stands_until_it_is_reserved(world):
    p = world.product("P")
    world.stock(p, world.facility("A"), 10)
    world.order(p, 2, "A", status="CREATED")
    world.order(p, 1, "PRE_ORDER_PARKING")
    world.order(p, 5, status="CANCELLED")
    assert world.online(p) == (7, None)

    world.db.execute(
        """insert into oms.inventory_reservation (order_id, order_item_seq, inventory_item_id, quantity)
           select ship_group.order_id, 1, item.inventory_item_id, 2
             from oms.order_ship_group as ship_group
             join oms.inventory_item as item using (facility_id)"""
    )
    world.stock(p, "A", qoh=0, atp=-2)

    assert world.online(p) == (7, None)


def test_inv_51_a_waiting_kit_is_demand_for_its_components(world):
    component, kit, set_of_kits = world.product("C"), world.product("K"), world.product("S")
    world.stock(component, world.facility("A"), 3)
    world.stock(component, world.facility("B"), 3)
    contains = (
        "insert into oms.product_assoc (product_id, component_product_id, quantity) values (%s, %s, %s)"
    )
    world.db.execute(contains, (kit, component, 2))
    world.order(kit, 1, "A")
    assert world.online(component) == (4, None)
    assert figure(world, component, "ATP") == (1, None)

    world.db.execute(contains, (set_of_kits, kit, None))
    world.order(set_of_kits, 1)
    assert world.online(component) == (2, None)
    world.db.execute(contains, (kit, set_of_kits, 1))  # a circle ends the search, not the query
    assert world.online(component)[0] <= 2


def test_a_component_that_nobody_counts_limits_no_kit(world):
    belt, wrap, kit = world.product("C"), world.product("WRAP"), world.product("K")
    store = world.facility("A")
    for product in (belt, kit):
        world.stock(product, store, 3)
    for part in (belt, wrap):
        world.db.execute(
            "insert into oms.product_assoc (product_id, component_product_id) values (%s, %s)", (kit, part)
        )
    assert world.online(kit)[0] == figure(world, kit, "ATP")[0] == 0, "no wrap, no kit"

    world.shop(wrap, tracked=False)

    assert world.online(kit) == (3, None)
    assert figure(world, kit, "ATP") == (3, None)


def test_a_store_that_does_not_reserve_has_no_queue(world):
    p = world.product("P")
    world.stock(p, world.facility("A"), 10)
    world.order(p, 4)
    world.db.execute("update oms.product_store set reserve_inventory = false")

    assert world.online(p) == (10, None)


@pytest.mark.parametrize(("shares_a_facility", "online"), [(True, 8), (False, 10)])
def test_another_store_competes_where_it_is_served_by_the_same_facilities(world, shares_a_facility, online):
    p = world.product("P")
    world.stock(p, world.facility("A"), 10)
    world.facility("B", member=False, linked=False)
    world.db.execute("insert into oms.product_store (product_store_id, store_name) values ('OTHER', 'Other')")
    world.db.execute(
        "insert into oms.product_store_facility (product_store_id, facility_id) values ('OTHER', %s)",
        ("A" if shares_a_facility else "B",),
    )
    world.order(p, 2)
    world.db.execute("update oms.order_header set product_store_id = 'OTHER'")

    assert world.online(p) == (online, None)


def test_inv_36_a_held_preorder_shows_nothing_until_it_is_brokered(world):
    p = world.product("P")
    world.stock(p, world.facility("A"), 70)
    world.order(p, 3, "PRE_ORDER_PARKING")
    assert world.online(p) == (67, None)

    world.db.execute("update oms.product_store set hold_preorder_physical_inventory = true")
    assert world.online(p) == (0, "PREORDER_HOLD")
    world.db.execute("update oms.order_ship_group set facility_id = 'A'")
    assert world.online(p) == (67, None)


def test_changes_held_back_are_left_out_before_the_floor(world):
    p = world.product("P")
    world.stock(p, world.facility("A"), 4)
    world.stock(p, world.facility("B"), 10)
    world.setting(p, "A", 3)

    assert world.online(p, p=[p, p], f=["A", "A"], q=[5, -3]) == (10, None)
    assert world.online(p, p=[p], f=["A"], q=[-6]) == (17, None)


def figure(world, product, basis, **held):
    return world.db.execute(
        """select figure, reason
             from oms.facility_figure('A', %(basis)s, %(ids)s, %(p)s, %(f)s, %(q)s)""",
        {"basis": basis, "ids": [product], "p": [], "f": [], "q": []} | held,
    ).fetchone()


@pytest.mark.parametrize(("basis", "expected"), [("ATP", 6), ("COMPUTED_ATP", 3), ("QOH", 10)])
def test_figures_of_a_physical_location(world, basis, expected):
    p = world.product("P")
    world.facility("B")
    world.stock(p, world.facility("A"), qoh=10, atp=8)
    world.stock(p, "B", 90)
    world.setting(p, "A", 3)
    world.order(p, 2, "A")
    world.order(p, 1, "B")

    assert figure(world, p, basis) == (expected, None)


@pytest.mark.parametrize("basis", ["ATP", "COMPUTED_ATP", "QOH"])
def test_the_figure_of_a_physical_location_is_never_below_0_and_can_be_switched_off(world, basis):
    p = world.product("P")
    world.stock(p, world.facility("A"), -2)
    assert figure(world, p, basis) == (0, None)

    world.stock(p, "A", 9)
    assert figure(world, p, basis, p=[p, p], f=["A", "B"], q=[4, 100]) == (3, None)
    world.setting(p, "A", 0, allow_brokering=False)
    assert figure(world, p, basis) == (0, "SWITCHED_OFF")


positions = st.lists(
    st.tuples(
        st.integers(0, NUMBER_OF_FACILITIES - 1),
        st.sampled_from(["TLTLTLLL01", "BIN2"]),
        st.integers(-8, 12),
    ),
    max_size=8,
)
facilities = st.lists(
    st.fixed_dictionaries(
        {
            "member": st.booleans(),
            "linked": st.booleans(),
            "minimum": st.integers(0, 4),
            "allow": st.sampled_from([None, True, False]),
        }
    ),
    min_size=NUMBER_OF_FACILITIES,
    max_size=NUMBER_OF_FACILITIES,
)
orders = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.sampled_from(["_NA_", "F0", "PRE_ORDER_PARKING"]),
        st.sampled_from(["CREATED", "APPROVED", "CANCELLED"]),
    ),
    max_size=4,
)
held_back = st.lists(st.tuples(st.integers(0, NUMBER_OF_FACILITIES - 1), st.integers(-5, 5)), max_size=3)


def by_hand(facilities, positions, orders, held, threshold, hold):
    """Online ATP by the words of inventory.md 2.2, counted one unit after the other."""
    atp_of_all, sellable = 0, 0
    stocked = {number for number, _, _ in positions}
    for number, facility in enumerate(facilities):
        if not facility["member"] or not facility["linked"] or facility["allow"] is False:
            continue
        if number not in stocked:
            continue
        atp = sum(amount for at, _, amount in positions if at == number)
        atp -= sum(amount for at, amount in held if at == number)
        atp_of_all += atp
        if atp > facility["minimum"]:
            sellable += atp - facility["minimum"]
    waiting = [(quantity, at) for quantity, at, status in orders if status != "CANCELLED"]
    if atp_of_all < 0 or (hold and any(at == "PRE_ORDER_PARKING" for _, at in waiting)):
        return 0
    return max(0, sellable - threshold - sum(quantity for quantity, _ in waiting))


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facilities, positions, orders, held_back, st.integers(0, 5), st.booleans())
def test_online_atp_equals_a_count_by_hand(world, facilities, positions, orders, held, threshold, hold):
    world.db.execute("savepoint example")
    try:
        p = world.product("P")
        world.stock(world.product("OTHER"), world.facility("Z"), 50)
        for number, facility in enumerate(facilities):
            world.facility(f"F{number}", member=facility["member"], linked=facility["linked"])
            world.setting(p, f"F{number}", facility["minimum"], facility["allow"])
        for number, location, amount in positions:
            world.stock(p, f"F{number}", amount, location=location)
        for quantity, at, status in orders:
            world.order(p, quantity, at, status=status)
        world.setting(p, "CONFIGURATION", threshold)
        world.db.execute("update oms.product_store set hold_preorder_physical_inventory = %s", (hold,))

        online, _ = world.online(
            p, p=[p] * len(held), f=[f"F{number}" for number, _ in held], q=[amount for _, amount in held]
        )

        assert online == by_hand(facilities, positions, orders, held, threshold, hold)
    finally:
        world.db.execute("rollback to savepoint example")

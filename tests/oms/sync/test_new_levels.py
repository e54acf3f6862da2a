"""A level that was never compared, at a location that was: mode DELTA reads and compares it alone."""

import pytest

from oms.shopify.client import ShopifyClient, gid
from oms.sync.errors import TooManyDrops
from oms.sync.options import Mode
from tests.oms import one_item
from tests.oms.sync.bench import Bench
from tests.oms.sync.test_first_comparison import chunk_done, file_comes_in

READING = "LevelsOfItems"


def put_variant(oms: Bench, sku: str, item_of: str) -> None:
    """The product of a SKU is another variant of the shop from now on, with another inventory item."""
    item = oms.items["demo", item_of]
    oms.db.execute(
        "update oms.shop_product set thru_date = now() where shop_id = 'demo' and product_id = any(%s)",
        ([oms.world.products[sku], oms.world.products[item_of]],),
    )
    oms.db.execute(
        """insert into oms.shop_product
                  (shop_id, shopify_variant_id, shopify_product_id, shopify_inventory_item_id, product_id)
           values ('demo', %(id)s, %(id)s, %(item)s, %(product)s)""",
        {"id": item + 1, "item": item, "product": oms.world.products[sku]},
    )
    oms.items["demo", sku] = item


def take_out(oms: Bench, *skus: str) -> None:
    """The products are not in the shop yet, as far as the OMS knows."""
    oms.db.execute(
        "update oms.shop_product set thru_date = now() where product_id = any(%s)",
        ([oms.world.products[sku] for sku in skus],),
    )


def put_in(oms: Bench, *skus: str) -> None:
    oms.db.execute(
        "update oms.shop_product set thru_date = null where product_id = any(%s)",
        ([oms.world.products[sku] for sku in skus],),
    )


def track(oms: Bench, sku: str, tracked: bool) -> None:
    """Somebody lets Shopify keep stock of an item, or not."""
    document = """mutation ($id: ID!, $input: InventoryItemInput!) {
        inventoryItemUpdate(id: $id, input: $input) { userErrors { message } }
    }"""
    variables = {"id": gid("InventoryItem", oms.items["demo", sku]), "input": {"tracked": tracked}}
    answer = oms.server.graphql("demo", document, variables)
    assert answer["data"]["inventoryItemUpdate"]["userErrors"] == []


@pytest.fixture
def business(oms: Bench) -> Bench:
    """Product A was compared; NEW is in the shop (with 1 unit) and comes to the OMS later."""
    oms.open_shop("demo", {"A": 5, "NEW": 1}, mode="DELTA")
    take_out(oms, "NEW")
    oms.move("A", 5)
    oms.push("HARD")
    assert oms.lines() == []
    oms.server.clear_log()
    return oms


def test_a_new_variant_is_compared_by_the_next_push_and_not_only_by_a_hard_sync(business: Bench):
    put_in(business, "NEW")
    business.move("NEW", 7)
    business.move("A", -1)

    business.push("DELTA")

    assert sorted(business.lines()) == [("A", -1, "APPLIED"), ("NEW", +6, "APPLIED")]
    assert (business.available("NEW"), business.book("NEW")) == (7, 7)
    (reading,) = business.requests(READING)
    assert str(business.items["demo", "A"]) not in str(reading), "nothing else is read"

    business.move("NEW", -2)
    business.push("DELTA")
    assert business.available("NEW") == 5
    assert len(business.requests(READING)) == 1, "from then on it is sent from its book"


def test_stock_that_came_by_a_reset_is_in_its_first_comparison_and_sent_once(business: Bench):
    """Resets are held back from deltas until a comparison has seen them: this one has."""
    put_in(business, "NEW")
    business.move("NEW", 7, reason="VAR_EXT_RESET")
    business.move("A", 3, reason="VAR_EXT_RESET")
    business.push("DELTA")
    assert (business.available("NEW"), business.available("A")) == (7, 5)

    business.move("NEW", 1)
    business.push("DELTA")
    assert (business.available("NEW"), business.available("A")) == (8, 5)
    business.push("DELTA", include_all=True)
    business.move("NEW", 4, reason="VAR_EXT_RESET")
    business.push("DELTA", include_all=True)
    assert (business.available("NEW"), business.available("A")) == (8, 5)
    business.push("HARD")
    assert (business.available("NEW"), business.available("A")) == (12, 8)


def test_an_order_not_imported_stays_deducted_at_the_first_comparison(business: Bench):
    put_in(business, "NEW")
    order = business.server.place_order("demo", {"sku": "NEW", "quantity": 1})
    business.move("NEW", 7)

    business.push("DELTA")
    assert business.available("NEW") == 6

    business.import_order(order)
    assert business.push("DELTA").planned == 0
    assert business.available("NEW") == business.online("NEW") == 6


def test_a_product_made_again_with_the_same_sku(oms: Bench):
    """Its units sold before are committed at the old inventory item, not at the new one."""
    oms.open_shop("demo", {"A": 10, "AGAIN": 10}, mode="DELTA")
    take_out(oms, "AGAIN")
    oms.move("A", 10)
    oms.push("HARD")
    oms.import_order(oms.server.place_order("demo", {"sku": "A", "quantity": 2}))
    oms.push("DELTA")
    assert (oms.available("A"), oms.online("A")) == (8, 8)

    put_variant(oms, "A", "AGAIN")
    oms.push("DELTA")
    assert oms.server.levels("demo", sku="AGAIN")[0]["available"] == 8

    oms.move("A", 3)
    oms.push("DELTA")
    oms.push("HARD")
    assert oms.server.levels("demo", sku="AGAIN")[0]["available"] == oms.online("A") == 11
    assert oms.drifts() == []


def test_an_item_that_is_tracked_again(oms: Bench):
    oms.open_shop("demo", {"A": 5, "B": {"tracked": False, "levels": {"Main": 0}}}, mode="DELTA")
    oms.move("A", 5)
    oms.move("B", 3)
    assert oms.push("HARD").skipped == {"SKIPPED_UNTRACKED": 1}
    oms.move("B", 1)
    assert oms.push("DELTA").skipped == {"SKIPPED_UNTRACKED": 1}

    track(oms, "B", True)
    oms.move("B", 1)
    oms.push("DELTA")

    assert oms.available("B") == 5


def test_it_waits_for_its_first_stock(business: Bench):
    put_in(business, "NEW")

    report = business.push("DELTA")
    assert (report.skipped, report.planned) == ({"SKIPPED_WAITS_FOR_STOCK": 1}, 0)
    assert business.requests(READING) == []
    business.move("NEW", 0)  # a file has said that there is none

    business.push("DELTA")
    assert business.lines() == [("NEW", -1, "APPLIED")]
    assert business.push("DELTA").candidates == 0


def test_it_waits_for_a_file_that_comes_in_and_is_taken_up_after_it(business: Bench):
    put_in(business, "NEW")
    file_comes_in(business, chunks=1)
    business.move("NEW", 2)
    business.move("A", -1)

    report = business.push("DELTA")
    assert report.skipped == {"SKIPPED_WAITS_FOR_STOCK": 1}
    assert business.lines() == [("A", -1, "APPLIED")]
    assert business.available("NEW") == 1
    business.push("DELTA")

    chunk_done(business, 0)
    business.push("DELTA")
    assert business.available("NEW") == 2


def test_levels_that_would_be_emptied_are_left_and_keep_no_other_from_being_served(oms: Bench):
    new = [f"N{number}" for number in range(12)]
    oms.open_shop("demo", dict.fromkeys(["A", *new], 5), mode="DELTA")
    take_out(oms, *new)
    oms.move("A", 5)
    oms.push("HARD")
    put_in(oms, *new)
    for sku in new:
        oms.move(sku, 0)
    oms.move("N0", 5)
    oms.move("A", -1)

    with pytest.raises(TooManyDrops, match=r"11 of 12 sellable levels that are compared for the first time"):
        oms.push("DELTA")
    assert oms.lines() == [("A", -1, "APPLIED")]
    with pytest.raises(TooManyDrops):
        oms.push("DELTA")

    assert oms.push("HARD", max_drop_pct=None).applied == 11
    oms.move("N1", 2)
    oms.push("DELTA")
    assert (oms.available("N1"), oms.available("N2"), oms.available("N0")) == (2, 0, 5)


def test_a_shop_that_cannot_be_read_loses_no_change(business: Bench):
    put_in(business, "NEW")
    business.move("NEW", 7)
    business.move("A", -1)
    business.server.fault("reset", operation=READING, count=None)
    client: ShopifyClient = business.client()
    with pytest.raises(Exception, match=r"."):
        business.push("DELTA", client=client)
    business.server.clear_faults()

    business.push("DELTA")

    assert (business.available("NEW"), business.available("A")) == (7, 4)


def test_a_store_of_its_own(oms: Bench):
    oms.world.facility("S1")
    oms.open_shop("demo", {"A": 5, "NEW": 0}, locations={"Main": ["S1"]}, mode="DELTA")
    take_out(oms, "NEW")
    oms.move("A", 5, "S1")
    oms.push("HARD")
    put_in(oms, "NEW")
    oms.move("NEW", 3)
    assert oms.push("DELTA").skipped == {"SKIPPED_WAITS_FOR_STOCK": 1}, "stock elsewhere tells nothing"
    oms.move("NEW", 2, "S1")

    oms.push("DELTA")

    assert oms.available("NEW") == 2


def shipped(oms: Bench, sku: str, location: str = "Main", facility: str = "WH") -> tuple[dict, int]:
    """Two units are sold, and shipped by us; Shopify is not told yet."""
    order = oms.server.place_order("demo", {"sku": sku, "quantity": 2, "location": location})
    number = oms.import_order(order)
    one_item.reserve(oms.db, number, 1, facility)
    one_item.ship(oms.db, number, 1)
    return order, number


@pytest.mark.parametrize("begun", ["before the plan", "during the plan"])
@pytest.mark.parametrize("mode", ["DELTA", "HARD"])
def test_it_is_not_opened_during_a_fulfilment_of_ours(business: Bench, mode: Mode, begun: str):
    """Shopify has fulfilled, we have not stored its answer: the two do not know of the same orders."""
    put_in(business, "NEW")
    business.server.adjust("demo", "NEW", "Main", delta=6)
    business.move("NEW", 7)
    order, number = shipped(business, "NEW")

    def fulfil() -> None:
        one_item.fulfilling(business.db, number, 1)
        business.server.order_action("demo", order["id"], "fulfil")

    if begun == "before the plan":
        fulfil()
        report = business.push(mode)
    else:
        with business.at("plan.snapshot_taken", fulfil):
            report = business.push(mode)
    assert (report.skipped, report.planned) == ({"SKIPPED_BEING_FULFILLED": 1}, 0)
    one_item.fulfilled(business.db, number, 1)

    assert business.push("DELTA").planned == 0
    assert business.available("NEW") == business.online("NEW") == business.book("NEW") == 5
    assert business.push("DELTA").candidates == 0


def test_units_sold_of_the_item_before_are_not_the_new_one_s_where_qoh_is_shown(oms: Bench):
    oms.world.facility("S1")
    oms.open_shop("demo", {"A": 10, "AGAIN": 8}, locations={"Store": ["S1"]}, mode="DELTA")
    oms.db.execute("update oms.shop_location set physical_basis = 'QOH'")
    take_out(oms, "AGAIN")
    oms.move("A", 10, "S1")
    oms.push("HARD")
    order, number = shipped(oms, "A", "Store", "S1")

    put_variant(oms, "A", "AGAIN")
    oms.push("DELTA")
    one_item.fulfilling(oms.db, number, 1)
    oms.server.order_action("demo", order["id"], "fulfil")
    one_item.fulfilled(oms.db, number, 1)
    oms.push("DELTA")

    assert oms.server.levels("demo", sku="AGAIN")[0]["on_hand"] == 8
    assert (oms.push("HARD").planned, oms.drifts()) == (0, [])


@pytest.mark.parametrize("guarded", [False, True])
def test_recent_changes_do_not_empty_an_item_whose_stock_nobody_has_told(oms: Bench, guarded: bool):
    oms.open_shop("demo", {"A": 5, "NEW": 4})
    take_out(oms, "NEW")
    oms.move("A", 5)
    oms.push("RECENT")
    put_in(oms, "NEW")

    report = oms.push("RECENT", guard_undownloaded_orders=guarded)
    assert (report.skipped, oms.available("NEW")) == ({"SKIPPED_WAITS_FOR_STOCK": 1}, 4)
    assert oms.push("RECENT").candidates == 0
    oms.move("NEW", 7)

    oms.push("RECENT", guard_undownloaded_orders=guarded)
    assert oms.available("NEW") == 7
    oms.move("NEW", -7)
    oms.push("RECENT", guard_undownloaded_orders=guarded)
    assert oms.available("NEW") == 0


def test_a_hard_sync_takes_what_nobody_has_told_for_nothing_but_waits_for_a_file(business: Bench):
    put_in(business, "NEW")
    file_comes_in(business, chunks=1)

    report = business.push("HARD")
    assert (report.skipped, business.available("NEW")) == ({"SKIPPED_WAITS_FOR_STOCK": 1}, 1)
    chunk_done(business, 0)

    business.push("HARD")
    assert business.available("NEW") == 0

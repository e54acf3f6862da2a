"""What comes in is booked and pushed in one step (spec inventory.md 5.13, 5.20, 6.3, 7.4)."""

from collections.abc import Callable, Collection

import pytest

from oms import crashpoints
from oms.database import Connection
from oms.sync import snapshot
from oms.sync.errors import LinesLeft, SyncMisconfigured
from tests.oms import one_item
from tests.oms.sync.bench import Bench


class Killed(BaseException):
    """The process ends here."""


def receipt(
    oms: Bench, quantity: int = 5, facility: str = "WH", reason: str = "VAR_SCH_SHIP_RECV"
) -> Callable[[Connection], Collection[int]]:
    """R1: `quantity` of P are received; what was received before is not received again."""

    def work(conn: Connection) -> Collection[int]:
        product = oms.world.products["P"]
        conn.execute(
            """insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, reason_id, source_key)
               select inventory_item_id, %(quantity)s, %(quantity)s, %(reason)s, 'R1'
                 from oms.inventory_item
                where product_id = %(product)s and facility_id = %(facility)s
               on conflict do nothing""",
            {"quantity": quantity, "reason": reason, "product": product, "facility": facility},
        )
        return [product]

    return work


def opened(oms: Bench, available: int = 10, mode: str = "DELTA", **settings) -> None:
    """A shop whose level of P was compared when it showed what the OMS has at WH."""
    oms.open_shop("demo", {"P": available}, mode=mode, **settings)
    oms.move("P", available)
    oms.push("HARD", max_drop_pct=None)


@pytest.mark.parametrize("mode", ["DELTA", "RECENT"])
def test_inv_46_a_a_restock_is_pushed_once_however_it_dies(oms: Bench, monkeypatch, mode: str):
    opened(oms, mode=mode)

    def die(name: str) -> None:
        if name == "plan.stored":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(crashpoints, "point", die)
        with pytest.raises(Killed):
            oms.come_in(receipt(oms))
    assert (oms.available("P"), oms.book("P")) == (10, 15)

    assert oms.push("HARD").planned == 0
    assert oms.available("P") == 15
    assert oms.come_in(receipt(oms)).planned == 0
    assert oms.push("RECENT").planned == oms.push("DELTA").planned == 0
    assert oms.lines() == [("P", +5, "APPLIED")]
    assert oms.available("P") == oms.online("P") == 15


def test_inv_46_b_only_what_exceeds_the_safety_stock_is_pushed(oms: Bench):
    oms.open_shop("demo", {"P": 0}, mode="DELTA")
    oms.world.setting(oms.world.products["P"], "WH", 5)
    oms.move("P", 3)
    oms.push("HARD")

    oms.come_in(receipt(oms))

    assert oms.lines() == [("P", +3, "APPLIED")]
    assert oms.available("P") == oms.online("P") == 3


def test_inv_47_a_delta_before_the_upload_pushes_leaves_it_nothing(oms: Bench):
    opened(oms)
    oms.move("P", 5)
    oms.push("DELTA")
    assert oms.available("P") == 15

    report = oms.come_in(lambda conn: [oms.world.products["P"]], "UPLOAD")

    assert (report.planned, oms.available("P"), oms.online("P")) == (0, 15, 15)


def test_a_push_of_products_leaves_the_others_and_the_marks(oms: Bench):
    oms.open_shop("demo", {"P": 10, "Q": 10}, mode="DELTA")
    oms.move("P", 10)
    oms.move("Q", 10)
    oms.push("HARD")
    mark = oms.mark()
    oms.move("Q", -1)

    oms.come_in(receipt(oms))

    assert oms.mark() == mark
    assert (oms.available("P"), oms.available("Q")) == (15, 10)
    oms.push("DELTA")
    assert oms.lines() == [("P", +5, "APPLIED"), ("Q", -1, "APPLIED")]


def test_units_sold_and_not_imported_stay_deducted(oms: Bench):
    opened(oms)
    order = oms.server.place_order("demo", {"sku": "P", "quantity": 2})

    oms.come_in(receipt(oms))
    assert oms.available("P") == 13

    oms.import_order(order)
    assert oms.push("DELTA").planned == 0
    assert oms.online("P") == 13


def test_rows_held_back_stay_so_and_those_of_an_upload_never_are(oms: Bench):
    opened(oms)
    oms.move("P", 3, reason="VAR_EXT_RESET")

    oms.come_in(receipt(oms))
    assert oms.available("P") == 15

    (log_id,) = oms.db.execute(
        """insert into oms.import_log (config_id, dag_id, run_id, connection_id, remote_path, file_name,
                                       domain, kind, schedule_now)
           values ('IMP_INV_VAR_SHOPIFY', 'd', 'r', 'c', 'p', 'f', 'BALANCE', 'reset', true)
           returning log_id"""
    ).fetchone()

    def upload(conn: Connection) -> Collection[int]:
        conn.execute(
            """insert into oms.inventory_ledger
                      (inventory_item_id, qoh_diff, atp_diff, reason_id, log_id, line_number)
               select inventory_item_id, 2, 2, 'VAR_EXT_RESET', %s, 2 from oms.inventory_item""",
            (log_id,),
        )
        return [oms.world.products["P"]]

    oms.come_in(upload, "UPLOAD")

    assert oms.available("P") == 17
    assert oms.push("DELTA").planned == 0
    oms.push("HARD")
    assert oms.available("P") == oms.online("P") == 20


def test_all_locations_that_show_the_facility_are_pushed(oms: Bench):
    oms.world.facility("S1")
    oms.open_shop(
        "demo",
        {"P": {"levels": {"Main": 10, "Store": 10, "Other": 0}}},
        locations={"Main": ["_NA_"], "Store": ["S1"], "Other": ["WH"]},
        mode="DELTA",
    )
    oms.move("P", 10, "S1")
    oms.push("HARD")
    oms.move("P", 1)

    oms.come_in(receipt(oms, facility="S1"), facility="S1")

    shown = {place: oms.available("P", location=place) for place in ("Main", "Store", "Other")}
    assert shown == {"Main": 16, "Store": 15, "Other": 0}


@pytest.mark.parametrize(
    "off",
    [
        "update oms.shop set push_enabled = false",
        "update oms.shop_location set sync_mode = 'OFF'",
        "update oms.shop_location set compared = null",
    ],
)
def test_where_nothing_may_be_sent_the_receipt_is_booked_all_the_same(oms: Bench, off: str):
    opened(oms)
    oms.db.execute(off)

    report = oms.come_in(receipt(oms))

    assert (report.planned, oms.online("P"), oms.available("P")) == (0, 15, 10)
    oms.db.execute("update oms.shop set push_enabled = true")
    oms.mode("DELTA")
    oms.push("HARD")
    assert oms.available("P") == 15


def test_a_location_with_an_unanswered_batch_is_left_for_the_next_push(oms: Bench):
    opened(oms)
    oms.move("P", -1)
    oms.server.fault("lost_answer", operation="AdjustInventory", count=None)
    oms.push("DELTA", may_fail=True, push_seconds=0.2)

    with pytest.raises(LinesLeft):
        oms.come_in(receipt(oms), push_seconds=0.2)
    assert oms.online("P") == 14

    oms.server.clear_faults()
    assert oms.come_in(receipt(oms)).applied == 2
    assert oms.lines() == [("P", -1, "APPLIED"), ("P", +5, "APPLIED")]
    assert oms.available("P") == 14


def test_work_that_fails_leaves_nothing(oms: Bench):
    opened(oms)

    def fails(conn: Connection) -> Collection[int]:
        receipt(oms)(conn)
        raise ValueError("the shipment is cancelled")

    with pytest.raises(ValueError, match="cancelled"):
        oms.come_in(fails)

    assert (oms.online("P"), oms.lines()) == (10, [])


def test_an_unknown_shop_books_nothing(oms: Bench):
    opened(oms)
    with pytest.raises(SyncMisconfigured, match="no shop"):
        oms.come_in(receipt(oms), shop="mars")
    assert oms.online("P") == 10


def test_a_reset_that_commits_between_two_readings_is_not_sent(oms: Bench, monkeypatch):
    """Figures and rows held back are of one moment, although others commit while they are read."""
    opened(oms)
    real, calls = snapshot._add_levels, []

    def with_a_reset_before(*args) -> None:
        if not calls:
            oms.move("P", 4, reason="VAR_EXT_RESET")
        calls.append(args)
        real(*args)

    monkeypatch.setattr(snapshot, "_add_levels", with_a_reset_before)
    oms.come_in(lambda conn: [oms.world.products["P"]])

    assert len(calls) == 2
    assert oms.lines() == []


def test_an_order_during_the_receipt_is_in_figure_and_book_or_in_neither(oms: Bench):
    opened(oms)
    order = oms.server.place_order("demo", {"sku": "P", "quantity": 2})

    def work(conn: Connection) -> Collection[int]:
        number = oms.import_order(order)
        one_item.reserve(oms.db, number, 1, "WH")
        return receipt(oms)(conn)

    oms.come_in(work)

    assert oms.lines() == [("P", +5, "APPLIED")]
    assert oms.available("P") == oms.online("P") == 13

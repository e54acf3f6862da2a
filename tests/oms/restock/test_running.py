"""Restocks that are due: received once, sent once, whatever happens in between (INV-32, INV-46)."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from oms import catalog, crashpoints, database
from oms.inventory import receiving
from oms.restock import preparing, running
from oms.restock.errors import RestocksLeft
from tests.oms.restock.yard import AHEAD, R1, Yard


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("mode", ["DELTA", "RECENT"])
def test_inv_32_received_and_shown_once(yard: Yard, mode: str):
    yard.open("X", "Y", "Z", mode=mode)
    shipment = yard.prepared()
    yard.due()
    yard.oms.server.fault("lost_answer", operation="AdjustInventory", count=1)

    counts = yard.run(limit=2)

    assert counts == {"due": 1, "done": 1, "busy": 0, "applied": 3}
    assert yard.stock("X", "Y", "Z") == [(110, 110), (50, 50), (20, 20)]
    assert yard.shown("X", "Y", "Z") == [110, 50, 20]
    assert sorted(count for count, _, _ in yard.oms.batches()) == [1, 2]
    assert sum(attempts for _, _, attempts in yard.oms.batches()) == 3, "one batch is resent with its key"
    assert yard.status(shipment) == "DONE"
    reasons = "select distinct reason_id from oms.inventory_ledger where shipment_id is not null"
    assert yard.db.execute(reasons).fetchall() == [("VAR_SCH_SHIP_RECV",)]


def test_inv_32_again_receives_and_sends_nothing(yard: Yard):
    yard.open("X", "Y", "Z")
    shipment = yard.prepared()
    yard.due()
    yard.run(limit=2)
    applied = yard.oms.applied()

    assert yard.run()["due"] == 0
    assert yard.run(shipmentId=str(shipment))["due"] == 0
    assert yard.oms.push("DELTA").planned == 0
    assert yard.oms.push("RECENT").planned == 0

    assert yard.oms.applied() == applied
    assert yard.stock("X") == [(110, 110)]


def test_nothing_is_run_before_its_time_except_by_hand(yard: Yard, caplog: pytest.LogCaptureFixture):
    yard.open("X", "Y", "Z")
    shipment = yard.prepared()

    assert yard.run()["due"] == 0
    assert yard.run(shipmentId=shipment)["done"] == 1

    assert "ahead of its time" in caplog.text
    assert yard.shown("X") == [110]


def test_every_restock_that_is_due_gets_a_run_that_names_it(yard: Yard):
    yard.open("X", "Y", "Z")
    shipments = {str(yard.prepared()), str(yard.prepared(R1.replace("R1", "R2")))}
    assert yard.tick() == []
    yard.due()

    asked = yard.tick(limit=2)

    assert {one["conf"]["shipmentId"] for one in asked} == shipments
    assert {one["conf"]["limit"] for one in asked} == {2}
    assert all(f"restock_{one['conf']['shipmentId']}_" in one["trigger_run_id"] for one in asked)
    assert yard.tick() == [], "they are asked for once"
    assert yard.shown("X") == [10]
    for one in asked:
        assert yard.tick("operator_triggered", **one["conf"]) == []
    assert yard.shown("X") == [210]


def test_a_restock_of_whose_run_nothing_came_gets_another(yard: Yard):
    yard.open("X", "Y", "Z")
    yard.prepared()
    yard.due()
    (first,) = yard.tick()
    yard.db.execute("update oms.scheduled_restock set next_attempt_at = now()")

    (second,) = yard.tick()

    assert first["trigger_run_id"] != second["trigger_run_id"]
    for one in (first, second):
        yard.tick("operator_triggered", **one["conf"])
    assert yard.shown("X") == [110], "and both runs together carry it out once"


def test_more_restocks_than_airflow_starts_at_once_get_their_runs_look_by_look(yard: Yard):
    yard.open("X")
    yard.db.execute(
        """with made as (
               insert into oms.shipment (shipment_type_id, status, destination_facility_id)
               select 'INCOMING_SHIPMENT', 'APPROVED', 'WH'
                 from generate_series(1, 1100)
               returning shipment_id
           )
           insert into oms.scheduled_restock
                  (shipment_id, restock_name, shop_id, product_store_id, run_at, source_key, prepared_by)
           select shipment_id, 'R', 'demo', 'STORE',
                  now() - shipment_id * interval '1 second', shipment_id, 'p'
             from made"""
    )
    shipments = "select shipment_id::text from oms.scheduled_restock order by run_at"
    oldest = [number for (number,) in yard.db.execute(shipments)]

    first, second = yard.tick(), yard.tick()

    assert {one["conf"]["shipmentId"] for one in first} == set(oldest[:100])
    assert {one["conf"]["shipmentId"] for one in second} == set(oldest[100:200])


def test_a_restock_that_was_put_off_after_its_run_was_asked_for_keeps_its_time(yard: Yard):
    yard.open("X", "Y", "Z")
    shipment = yard.prepared()
    yard.due()
    (asked,) = yard.tick()
    yard.schedule(action="reschedule", shipmentId=shipment, runTime=AHEAD)

    yard.tick("operator_triggered", **asked["conf"])

    assert (yard.shown("X"), yard.status(shipment)) == ([10], "PENDING")
    yard.tick("manual", shipmentId=shipment)
    assert (yard.shown("X"), yard.status(shipment)) == ([110], "DONE")


def test_a_late_restock_is_run_at_once_and_says_so(yard: Yard, caplog: pytest.LogCaptureFixture):
    yard.open("X", "Y", "Z")
    yard.prepared()
    yard.due(minutes=90)

    yard.run()

    assert "is late by 1:30:" in caplog.text
    assert yard.shown("X") == [110]


def test_inv_46_a_killed_between_receipt_and_push_it_is_sent_by_whoever_comes(yard: Yard, monkeypatch):
    yard.open("X", "Y", "Z")
    shipment = yard.prepared()
    yard.due()

    def die(name: str) -> None:
        if name == "plan.stored":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(crashpoints, "point", die)
        with pytest.raises(Killed):
            yard.run()
    assert (yard.stock("X"), yard.shown("X")) == ([(110, 110)], [10])
    assert yard.status(shipment) == "RECEIVED"

    assert yard.oms.push("HARD").planned == 0
    assert yard.shown("X", "Y", "Z") == [110, 50, 20]
    assert yard.run() == {"due": 1, "done": 1, "busy": 0, "applied": 0}
    assert yard.stock("X") == [(110, 110)]


def test_inv_46_b_units_below_the_safety_stock_are_not_shown(yard: Yard):
    yard.oms.open_shop("demo", {"X": 0}, mode="DELTA")
    product = yard.oms.world.products["X"]
    yard.db.execute("insert into oms.product_identification values (%s, 'SKU', 'X')", (product,))
    yard.oms.world.setting(product, "WH", 5)
    yard.oms.move("X", 3)
    yard.oms.push("HARD")
    yard.prepared(f"X,5,{AHEAD},WH,STORE,demo,R1\n")
    yard.due()

    yard.run()

    assert (yard.stock("X"), yard.shown("X")) == ([(8, 8)], [3])


def test_a_shop_that_does_not_answer_holds_up_no_other_restock(yard: Yard):
    yard.open("X", "Y", "Z")
    yard.oms.open_shop("other", {"X": 10, "Q": 10}, locations={"Main": ["WH"]}, mode="DELTA")
    yard.oms.push("HARD", shop="other")
    first = yard.prepared()
    second = yard.prepared(f"X,1,{AHEAD},WH,STORE,other,R2\n")
    yard.due()
    yard.db.execute("update oms.shop set shop_id = shop_id")
    yard.oms.server.change_app("demo", installed=False)

    with pytest.raises(RestocksLeft, match=rf"1 of 2 restocks are not done: {first} \(R1\)"):
        yard.run()

    assert yard.status(second) == "DONE"
    assert yard.run()["due"] == 0, "the next attempt comes a minute later"
    yard.oms.server.change_app("demo", installed=True)
    yard.db.execute("update oms.scheduled_restock set next_attempt_at = now()")
    yard.run()
    assert yard.status(first) == "DONE"
    assert yard.stock("X") == [(111, 111)]
    assert yard.shown("X") == [111]


def test_what_was_received_by_hand_is_not_received_again(yard: Yard):
    yard.open("X", "Y", "Z")
    shipment = yard.prepared()
    with yard.db.transaction():
        receiving.receive_shipment(yard.db, shipment, items={1: receiving.Units(60)}, received_by="store")
    yard.due()

    yard.run()

    assert yard.stock("X", "Y", "Z") == [(110, 110), (50, 50), (20, 20)]
    assert yard.shown("X", "Y", "Z") == [110, 50, 20]


def test_all_received_by_hand_is_only_shown(yard: Yard):
    yard.open("X", "Y", "Z")
    shipment = yard.prepared()
    with yard.db.transaction():
        receiving.receive_shipment(yard.db, shipment, received_by="store")
    yard.due()

    yard.run()

    assert (yard.stock("X"), yard.shown("X"), yard.status(shipment)) == ([(110, 110)], [110], "DONE")


def test_where_pushes_are_off_the_restock_is_received_all_the_same(yard: Yard):
    yard.open("X", "Y", "Z")
    shipment = yard.prepared()
    yard.due()
    yard.db.execute("update oms.shop set push_enabled = false")

    yard.run()

    assert (yard.stock("X"), yard.shown("X"), yard.status(shipment)) == ([(110, 110)], [10], "DONE")
    yard.db.execute("update oms.shop set push_enabled = true")
    yard.oms.push("DELTA")
    assert yard.shown("X") == [110]


def test_two_runs_side_by_side_receive_and_send_once(yard: Yard):
    yard.open("X", "Y", "Z")
    yard.prepared()
    yard.due()

    def run(_: int) -> None:
        with database.connect(yard.oms.dsn, autocommit=True) as conn:
            given = yard.work(catalog.SCHEDULED_RESTOCK)
            running.run(type(given)(**vars(given) | {"conn": conn}))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, range(3)))

    assert yard.stock("X") == [(110, 110)]
    assert sorted(yard.oms.applied()) == [("X", 100), ("Y", 40), ("Z", 10)]


def test_the_figure_of_a_mapped_store_grows_with_its_restock(yard: Yard):
    yard.oms.world.facility("S1")
    yard.oms.open_shop("demo", {"X": 0}, locations={"Main": ["_NA_"], "Store": ["S1"]}, mode="DELTA")
    product = yard.oms.world.products["X"]
    yard.db.execute("insert into oms.product_identification values (%s, 'SKU', 'X')", (product,))
    yard.oms.move("X", 1, "S1")
    yard.oms.push("HARD", max_drop_pct=None)
    yard.prepared(f"X,5,{AHEAD},S1,STORE,demo,R1\n")
    yard.due()

    yard.run()

    assert [yard.oms.available("X", location=place) for place in ("Main", "Store")] == [6, 6]


def test_a_restock_changed_until_the_last_moment_is_run_as_it_is_then(yard: Yard):
    yard.open("X", "Y", "Z")
    shipment = yard.prepared(R1)
    yard.schedule(action="change_items", shipmentId=shipment, items={"X": 1, "Y": 0, "Z": 0})
    yard.due()

    yard.run()

    assert yard.shown("X", "Y", "Z") == [11, 10, 10]


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_restock_put_off_while_its_run_waits_is_not_received(yard: Yard, monkeypatch, cancelled: bool):
    yard.open("X", "Y", "Z")
    shipment = yard.prepared()
    yard.due()

    def meanwhile(name: str) -> None:
        if name == "plan.locked":
            with database.connect(yard.oms.dsn, autocommit=True) as person:
                if cancelled:
                    preparing.cancel(person, shipment)
                else:
                    preparing.reschedule(person, shipment, AHEAD)

    with monkeypatch.context() as patch:
        patch.setattr(crashpoints, "point", meanwhile)
        counts = yard.run()

    assert (counts["due"], counts["done"]) == (1, 0)
    assert yard.status(shipment) == ("CANCELLED" if cancelled else "PENDING")
    assert (yard.stock("X"), yard.shown("X")) == ([(10, 10)], [10])

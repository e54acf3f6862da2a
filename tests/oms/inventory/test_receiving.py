"""Receipts of incoming shipments (spec inventory.md 1.3, 3.6, 5.8; INV-30)."""

import psycopg
import pytest

from oms.__main__ import main
from oms.inventory import receiving
from oms.inventory.checking import breaches
from oms.inventory.receiving import ReceiptRefused, Units
from tests.oms.world import World

BY = "test"


def shipment(world: World, items: dict[str, int], facility: str = "BROOKLYN", **columns) -> int:
    """An incoming shipment with an item for each SKU; products and facility are made."""
    world.facility(facility)
    given = {"shipment_type_id": "IN_TRANSFER", "status": "SHIPPED", "external_id": None} | columns
    (shipment_id,) = world.db.execute(
        """insert into oms.shipment (shipment_type_id, status, external_id, destination_facility_id)
           values (%(shipment_type_id)s, %(status)s, %(external_id)s, %(facility)s) returning shipment_id""",
        given | {"facility": facility},
    ).fetchone()
    for number, (sku, quantity) in enumerate(items.items(), 1):
        world.db.execute(
            """insert into oms.shipment_item (shipment_id, shipment_item_seq, product_id, quantity)
               values (%s, %s, %s, %s)""",
            (shipment_id, number, world.product(sku), quantity),
        )
    return shipment_id


def stock(db) -> dict[tuple[str, str], tuple[int, int]]:
    found = db.execute(
        """select internal_name, location_seq_id, qoh, atp
             from oms.inventory_item join oms.product using (product_id)"""
    )
    return {(sku, location): (qoh, atp) for sku, location, qoh, atp in found}


def status(db) -> list[tuple]:
    return db.execute("select status, received_at is not null from oms.shipment").fetchall()


def test_inv_30_accepted_units_join_qoh_and_atp_at_the_destination(world):
    s1 = shipment(world, {"A": 60, "B": 3})
    assert stock(world.db) == {}, "nothing moves before it is received"

    received = receiving.receive_shipment(world.db, s1, received_by=BY)

    assert stock(world.db) == {("A", "TLTLTLLL01"): (60, 60), ("B", "TLTLTLLL01"): (3, 3)}
    assert [(item.sku, item.accepted, item.outstanding) for item in received.items] == [
        ("A", 60, 0),
        ("B", 3, 0),
    ]
    assert status(world.db) == [("RECEIVED", True)]
    assert breaches(world.db) == []
    assert world.db.execute(
        "select reason_id, shipment_id, source_key, run_id from oms.inventory_ledger order by source_key"
    ).fetchall() == [
        ("VAR_SHIP_RECV", s1, f"{s1}:1:1", BY),
        ("VAR_SHIP_RECV", s1, f"{s1}:2:1", BY),
    ]


@pytest.mark.parametrize("items", [None, {1: Units(60)}])
def test_inv_30_a_receipt_that_comes_again_does_nothing(world, items):
    s1 = shipment(world, {"A": 60})
    receiving.receive_shipment(world.db, s1, received_by=BY, items=items)

    again = receiving.receive_shipment(world.db, s1, received_by=BY, items=items)

    assert not again.is_new
    assert stock(world.db) == {("A", "TLTLTLLL01"): (60, 60)}


def test_a_shipment_comes_in_parts(world):
    s1 = shipment(world, {"A": 10, "B": 5})

    first = receiving.receive_shipment(world.db, s1, items={1: Units(4)}, received_by=BY)
    assert [item.outstanding for item in first.items] == [6]
    assert status(world.db) == [("SHIPPED", False)]
    receiving.receive_shipment(world.db, s1, receipt_no=2, received_by=BY)

    assert stock(world.db) == {("A", "TLTLTLLL01"): (10, 10), ("B", "TLTLTLLL01"): (5, 5)}
    assert status(world.db) == [("RECEIVED", True)]
    assert not receiving.receive_shipment(world.db, s1, received_by=BY).is_new, "the first one again"


def test_rejected_units_add_nothing(world):
    s1 = shipment(world, {"A": 10, "B": 2})

    receiving.receive_shipment(world.db, s1, items={1: Units(7, 3), 2: Units(0, 2)}, received_by=BY)

    assert stock(world.db) == {("A", "TLTLTLLL01"): (7, 7)}
    assert status(world.db) == [("RECEIVED", True)]


def test_units_go_to_the_pick_face(world):
    s1 = shipment(world, {"A": 1})
    world.db.execute("insert into oms.facility_location values ('BROOKLYN', 'PICK_1', 'FLT_PICKLOC')")

    receiving.receive_shipment(world.db, s1, received_by=BY)

    assert stock(world.db) == {("A", "PICK_1"): (1, 1)}


def test_another_reason_for_a_restock(world):
    s1 = shipment(world, {"A": 1}, shipment_type_id="INCOMING_SHIPMENT", status="INPUT")

    receiving.receive_shipment(world.db, s1, reason="VAR_SCH_SHIP_RECV", received_by=BY)

    assert world.db.execute("select reason_id from oms.inventory_ledger").fetchall() == [
        ("VAR_SCH_SHIP_RECV",)
    ]


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ({1: Units(11)}, "only 10 are outstanding"),
        ({1: Units(9, 2)}, "only 10 are outstanding"),
        ({2: Units(1)}, "has no item 2; it has 1"),
        ({1: Units(-1)}, "-1 accepted"),
        ({1: Units(0)}, "at least one unit"),
        ({}, "no unit"),
    ],
)
def test_a_receipt_that_cannot_be_is_refused(world, items, words):
    s1 = shipment(world, {"A": 10})

    with pytest.raises(ReceiptRefused, match=words):
        receiving.receive_shipment(world.db, s1, items=items, received_by=BY)

    assert stock(world.db) == {}


def test_a_receipt_number_stands_for_one_receipt(world):
    s1 = shipment(world, {"A": 10})
    receiving.receive_shipment(world.db, s1, items={1: Units(4)}, received_by=BY)

    with pytest.raises(ReceiptRefused, match="item 1: 4 accepted, 0 rejected; a further receipt"):
        receiving.receive_shipment(world.db, s1, items={1: Units(5)}, received_by=BY)
    with pytest.raises(ReceiptRefused, match="only 6 are outstanding"):
        receiving.receive_shipment(world.db, s1, receipt_no=2, items={1: Units(7)}, received_by=BY)

    assert stock(world.db) == {("A", "TLTLTLLL01"): (4, 4)}


def test_only_incoming_shipments_that_are_not_cancelled(world):
    outgoing = shipment(world, {"A": 1}, "ONE", shipment_type_id="SALES_SHIPMENT")
    cancelled = shipment(world, {"B": 1}, "TWO", status="CANCELLED")

    for shipment_id, words in ((outgoing, "goes out"), (cancelled, "cancelled"), (1, "no shipment 1")):
        with pytest.raises(ReceiptRefused, match=words):
            receiving.receive_shipment(world.db, shipment_id, received_by=BY)


def test_two_people_with_one_receipt(oms_dsn):
    with psycopg.connect(oms_dsn) as one, psycopg.connect(oms_dsn) as two:
        s1 = shipment(World(one), {"A": 5})
        one.commit()
        receiving.receive_shipment(one, s1, received_by="one")
        two.execute("set lock_timeout = '300ms'")

        with pytest.raises(psycopg.errors.LockNotAvailable):
            receiving.receive_shipment(two, s1, received_by="two")
        two.rollback()
        one.commit()
        assert not receiving.receive_shipment(two, s1, received_by="two").is_new

        assert stock(two) == {("A", "TLTLTLLL01"): (5, 5)}


def test_the_command_receives(oms_dsn, capsys):
    with psycopg.connect(oms_dsn, autocommit=True) as db:
        shipment(World(db), {"A": 5}, external_id="INBOUND-1001")

        assert main(["--dsn", oms_dsn, "receive", "INBOUND-1001", "--dry-run"]) == 0
        assert "nothing is written (dry run)" in capsys.readouterr().out
        assert stock(db) == {}

        assert main(["--dsn", oms_dsn, "receive", "INBOUND-1001", "--item", "1=3/1"]) == 0
        assert "3 accepted      1 rejected      1 outstanding of 5" in capsys.readouterr().out
        assert main(["--dsn", oms_dsn, "receive", "INBOUND-1001"]) == 0
        assert "taken in before" in capsys.readouterr().out
        assert main(["--dsn", oms_dsn, "receive", "INBOUND-1001", "--receipt", "2"]) == 0
        assert stock(db) == {("A", "TLTLTLLL01"): (4, 4)}

        assert main(["--dsn", oms_dsn, "receive", "NOPE"]) == 2
        assert "no incoming shipment has the id NOPE" in capsys.readouterr().err


def test_an_id_of_two_types_needs_the_type(world):
    shipment(world, {"A": 1}, "ONE", external_id="7")
    wanted = shipment(world, {"B": 1}, "TWO", external_id="7", shipment_type_id="PURCHASE_SHIPMENT")

    with pytest.raises(ReceiptRefused, match="IN_TRANSFER, PURCHASE_SHIPMENT; name the type"):
        receiving.find_shipment(world.db, "7")
    assert receiving.find_shipment(world.db, "7", "PURCHASE_SHIPMENT") == wanted
    assert receiving.find_shipment(world.db, str(wanted)) == wanted


def test_a_receipt_without_its_entry_is_a_breach(world):
    s1 = shipment(world, {"A": 5})
    world.db.execute(
        """insert into oms.shipment_receipt (shipment_id, shipment_item_seq, receipt_no, quantity_accepted,
                                             reason_id, received_by)
           values (%s, 1, 1, 5, 'VAR_SHIP_RECV', 'by hand')""",
        (s1,),
    )

    assert [(one.found, one.expected) for one in breaches(world.db)] == [("0/0 in the ledger", "5 accepted")]

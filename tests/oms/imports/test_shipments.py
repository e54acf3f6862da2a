"""Announced shipments: whole or not at all, once, and without moving stock (inventory.md 5.8, INV-30)."""

import gzip
import json
import string
import threading
from random import Random

import psycopg
import pytest

from oms import catalog
from oms.imports import applying, json_files
from oms.imports.errors import FileRefused
from oms.inventory import receiving
from tests.oms.imports.conftest import empty_staging, identify, product

JOB = catalog.IMPORT_INBOUND_SHIPMENT
SHORT = (
    "external-shipment-id,product-sku,quantity,origin-facility-id,destination-facility-id,item-external-id,"
    "tracking-number,shipment-attribute,shipment-type\n"
)
LONG = (
    "shipment-id,external-shipment-id,shipment-type,shipment-status,supplier-id,supplier-external-id,product-id,"
    "product-sku,id-type,quantity,serial-number,order-id,origin-facility-id,destination-facility-id,"
    "item-external-id,tracking-number,shipment-attribute,shipped-date\n"
)


LONG_TEXT = "".join(Random(1).choices(string.ascii_letters, k=9000))
"""Fits no index, not even packed."""


def line(shipment: str, sku: str, quantity: object, item: object = 1, **cells: str) -> str:
    origin, destination = cells.get("origin", "900"), cells.get("destination", "STORE_1")
    rest = (cells.get("tracking", ""), cells.get("attribute", ""), cells.get("type", ""))
    return ",".join(map(str, (shipment, sku, quantity, origin, destination, item, *rest))) + "\n"


def shipments(floor) -> dict[str, tuple]:
    """Type, status, origin, destination by external id."""
    rows = floor.conn.execute(
        """select external_id, shipment_type_id, status, origin_facility_id, destination_facility_id
             from oms.shipment"""
    )
    return {name: tuple(rest) for name, *rest in rows}


def items(floor) -> list[tuple]:
    """External id of the shipment, number, SKU, quantity, line of the order."""
    return floor.conn.execute(
        """select shipment.external_id, shipment_item_seq, internal_name, item.quantity, item.external_id
             from oms.shipment join oms.shipment_item as item using (shipment_id)
             join oms.product using (product_id) order by shipment_id, shipment_item_seq"""
    ).fetchall()


def receive(floor, name: str, **given) -> receiving.Received:
    with floor.conn.transaction():
        found = receiving.find_shipment(floor.conn, name)
        return receiving.receive_shipment(floor.conn, found, received_by="test", **given)


def test_inv_30_shipments_of_a_transfer_order(floor):
    s1, s2 = line("S1", "A", 60), line("S2", "A", 40)
    floor.bring(JOB, SHORT + s1, "1.csv").raise_if_open()
    assert floor.position("A") is None, "no stock moves by announcing"
    receive(floor, "S1")
    assert floor.position("A") == (60, 60)

    floor.bring(JOB, SHORT + s1, "2.csv").raise_if_open()
    assert floor.counts() == {"total": 1, "duplicate": 1}
    assert floor.notes() == [(2, "DUPLICATE")]
    floor.bring(JOB, SHORT + s2, "3.csv").raise_if_open()
    receive(floor, "S2")

    assert floor.position("A") == (100, 100)
    assert floor.conn.execute(
        "select distinct reason_id, shipment_id is not null from oms.inventory_ledger"
    ).fetchall() == [("VAR_SHIP_RECV", True)]


def test_the_short_form(floor):
    floor.bring(
        JOB,
        SHORT
        + line(
            "INBOUND-1001", "A", 11, 1, tracking="788944217767|77", attribute="EXTERNAL_ORDER_ID:TO0005374"
        )
        + line("INBOUND-1001", "B", "2.0", 2, tracking="788944217767"),
    ).raise_if_open()

    assert shipments(floor) == {"INBOUND-1001": ("IN_TRANSFER", "SHIPPED", "WH", "STORE_1")}
    assert items(floor) == [("INBOUND-1001", 1, "A", 11, "1"), ("INBOUND-1001", 2, "B", 2, "2")]
    assert floor.conn.execute(
        "select tracking_number from oms.shipment_package order by package_seq"
    ).fetchall() == [("788944217767",), ("77",)]
    assert floor.conn.execute("select attr_name, attr_value from oms.shipment_attribute").fetchall() == [
        ("EXTERNAL_ORDER_ID", "TO0005374")
    ]
    assert floor.counts() == {"total": 2, "applied": 2}
    assert floor.entries() == 0


def test_the_long_form(floor):
    (a,) = floor.conn.execute("select product_id from oms.product where internal_name = 'A'").fetchone()
    identify(floor.conn, a, "UPCA", "490")
    rows = (
        f",P1,purchase_shipment,SHIPMENT_PACKED,,4711,{a},,,5,SN-1,PO1,,102,1,,,2026-08-01\n"
        ",P1,PURCHASE_SHIPMENT,PACKED,,4711,,490,upca,3,SN-2,PO1,,STORE_2,2,,X:1|Y:2,2026-08-01\n"
    )

    floor.bring(JOB, LONG + rows).raise_if_open()

    assert shipments(floor) == {"P1": ("PURCHASE_SHIPMENT", "PACKED", None, "STORE_2")}
    assert floor.conn.execute(
        "select quantity, serial_number, external_order_id from oms.shipment_item order by shipment_item_seq"
    ).fetchall() == [(5, "SN-1", "PO1"), (3, "SN-2", "PO1")]
    assert floor.conn.execute(
        "select supplier_id, packed_at is not null, shipped_at from oms.shipment"
    ).fetchall() == [("4711", True, None)]
    assert len(floor.conn.execute("select from oms.shipment_attribute").fetchall()) == 2


def document(*orders: dict) -> str:
    return json.dumps(list(orders))


def order(name: str = "J1", *packages: dict, **rest) -> dict:
    return {
        "externalId": name,
        "transferOrderId": "TO0005374",
        "shippedDate": "2026-08-01T05:00:00+09:00",
        "packages": list(packages),
    } | rest


ITEM = {
    "externalId": "9",
    "itemExternalId": "1",
    "productIdType": "SKU",
    "productIdValue": "A",
    "quantity": 11,
}


@pytest.mark.parametrize("packed", [False, True])
def test_the_json_form(floor, packed):
    content = document(
        order(
            "J1",
            {"trackingNumber": "T1", "items": [ITEM, ITEM | {"productIdValue": "B", "quantity": "2"}]},
            {"trackingNumber": "T2"},
        ),
        order("J2", {"items": [ITEM | {"quantity": 1}]}, destinationFacilityId="STORE_2"),
    ).encode()
    name = "ship.json.gz" if packed else "ship.JSON"

    floor.bring(
        JOB,
        gzip.compress(content) if packed else content,
        name,
        originFacilityId="900",
        additionalParameters={"destinationFacilityId": "101"},
    ).raise_if_open()

    assert shipments(floor) == {
        "J1": ("IN_TRANSFER", "SHIPPED", "WH", "STORE_1"),
        "J2": ("IN_TRANSFER", "SHIPPED", "WH", "STORE_2"),
    }
    assert items(floor) == [("J1", 1, "A", 11, "1"), ("J1", 2, "B", 2, "1"), ("J2", 1, "A", 1, "1")]
    packages = floor.conn.execute("select tracking_number from oms.shipment_package order by 1").fetchall()
    assert packages == [("T1",), ("T2",)]
    assert floor.conn.execute(
        """select distinct external_order_id, shipped_at::text
             from oms.shipment join oms.shipment_item using (shipment_id)"""
    ).fetchall() == [("TO0005374", "2026-07-31 20:00:00+00")]


@pytest.mark.parametrize("separator", [None, ".", ","])
@pytest.mark.parametrize(
    ("written", "units"), [("1.000", 1), ("12.0", 12), ("1.125", None), ("1.5e3", None), ('"7"', 7)]
)
def test_decimals_of_a_json_number_follow_a_point_whatever_the_parameter(floor, separator, written, units):
    content = document(order("J1", {"items": [ITEM]})).replace('"quantity": 11', f'"quantity": {written}')

    floor.bring(
        JOB,
        content,
        "ship.json",
        originFacilityId="900",
        destinationFacilityId="101",
        decimalSeparator=separator,
    )

    assert items(floor) == ([] if units is None else [("J1", 1, "A", units, "1")])
    assert floor.rejects() == ([(2, "ERR_INVALID_NUMBER")] if units is None else [])


def test_rejected_items_of_json_come_back_as_csv(floor):
    content = document(order("J1", {"items": [ITEM, ITEM | {"productIdValue": "NOPE"}]}))
    floor.bring(JOB, content, "ship.json", originFacilityId="900", destinationFacilityId="101")
    assert (shipments(floor), floor.counts()) == ({}, {"total": 2, "rejected": 2})
    (name,) = floor.files(JOB, "error")
    assert name.endswith("_ship.csv")
    rejected = (floor.root / JOB.import_path / "error" / name).read_text()

    floor.bring(
        JOB, rejected.replace("NOPE", "B"), "again.csv", originFacilityId="900", destinationFacilityId="101"
    )

    assert items(floor) == [("J1", 1, "A", 11, "1"), ("J1", 2, "B", 11, "1")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'[{"externalId": "S1", "packages": [', "ERR_FORMAT"),
        (b'"text"', "ERR_FORMAT"),
        (b"[1]", "ERR_FORMAT"),
        (b'[{"externalId": {"a": 1}}]', "ERR_FORMAT"),
        (b'[{"externalId": "S1", "packages": "none"}]', "ERR_FORMAT"),
        (b'[{"externalId": "S1", "packages": [{"items": [3]}]}]', "ERR_FORMAT"),
        ('[{"externalId": "箱"}]'.encode("cp932"), "ERR_ENCODING"),
    ],
)
def test_json_that_is_not_what_it_should_be_refuses_the_file(floor, content, code):
    floor.bring(JOB, content, "ship.json")

    assert floor.fault()[:2] == ("DmlsFailed", code)
    assert shipments(floor) == {}
    assert floor.files(JOB, "error") == ["1_ship.json"]


def test_json_that_is_too_large_is_refused(floor, monkeypatch):
    monkeypatch.setattr(json_files, "MAX_BYTES", 10)

    floor.bring(JOB, document(order("J1", {"items": [ITEM]})), "ship.json")

    assert floor.fault()[:2] == ("DmlsFailed", "ERR_TOO_LARGE")


def test_a_shipment_of_json_without_items_is_not_passed_over(floor):
    floor.bring(
        JOB,
        document(order("J1"), order("J2", {"items": [ITEM]})),
        "ship.json",
        originFacilityId="900",
        destinationFacilityId="101",
    )

    assert list(shipments(floor)) == ["J2"]
    assert floor.rejects() == [(2, "ERR_REQUIRED")]


def test_other_imports_take_no_json(floor):
    floor.bring(catalog.IMPORT_PRODUCT_FACILITY, "[]", "a.json")

    assert floor.fault()[:2] == ("DmlsFailed", "ERR_FORMAT")


def test_one_bad_line_refuses_its_shipment_and_no_other(floor):
    floor.bring(
        JOB,
        SHORT + line("S1", "A", 1) + line("S2", "A", 2) + line("S1", "NOPE", 3, 2) + line("S1", "B", 4, 3),
    ).raise_if_open()

    assert items(floor) == [("S2", 1, "A", 2, "1")]
    assert floor.rejects() == [
        (2, "ERR_SHIPMENT_REFUSED"),
        (4, "ERR_PRODUCT_NOT_FOUND"),
        (5, "ERR_SHIPMENT_REFUSED"),
    ]
    messages = floor.conn.execute(
        "select error_message from oms.import_reject order by line_number"
    ).fetchall()
    assert all("line 4" in message and "NOPE" in message for (message,) in (messages[0], messages[2]))
    assert floor.counts() == {"total": 4, "applied": 1, "rejected": 3}


def test_a_corrected_reject_file_brings_the_whole_shipment(floor):
    floor.bring(JOB, SHORT + line("S1", "A", 1) + line("S1", "NOPE", 3, 2))
    (name,) = floor.files(JOB, "error")
    corrected = (floor.root / JOB.import_path / "error" / name).read_text().replace("NOPE,3", "B,3")

    floor.bring(JOB, corrected, "again.csv").raise_if_open()
    assert items(floor) == [("S1", 1, "A", 1, "1"), ("S1", 2, "B", 3, "2")]

    floor.bring(JOB, corrected, "once_more.csv").raise_if_open()
    assert floor.counts() == {"total": 2, "duplicate": 2}


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (line("", "A", 1), "external-shipment-id", "ERR_REQUIRED"),
        (line("S1", "", 1), "product-sku", "ERR_REQUIRED"),
        (line("S1", "A", ""), "quantity", "ERR_REQUIRED"),
        (line("S1", "A", 1, ""), "item-external-id", "ERR_REQUIRED"),
        (line("S1", "A", 1, origin=""), "origin-facility-id", "ERR_REQUIRED"),
        (line("S1", "A", 1, destination=""), "destination-facility-id", "ERR_REQUIRED"),
        (line("S1", "A", 1, origin="MARS"), "origin-facility-id", "ERR_FACILITY_NOT_FOUND"),
        (line("S1", "A", 1, destination="MARS"), "destination-facility-id", "ERR_FACILITY_NOT_FOUND"),
        (line("S1", "A", 1, destination="_NA_"), "destination-facility-id", "ERR_VIRTUAL_FACILITY"),
        (line("S1", "1.2E+12", 1), "product-sku", "ERR_PRODUCT_NOT_FOUND"),
        (line("S1", "PARENT", 1), "product-sku", "ERR_VIRTUAL_PRODUCT"),
        (line("S1", "A", 0), "quantity", "ERR_RANGE"),
        (line("S1", "A", -1), "quantity", "ERR_RANGE"),
        (line("S1", "A", 1000000001), "quantity", "ERR_RANGE"),
        (line("S1", "A", "1.5"), "quantity", "ERR_INVALID_NUMBER"),
        (line("S1", "A", "ten"), "quantity", "ERR_INVALID_NUMBER"),
        (line("S1", "A", 1, type="SALES_SHIPMENT"), "shipment-type", "ERR_SHIPMENT_TYPE"),
        (line("S1", "A", 1, attribute="colour"), "shipment-attribute", "ERR_SHIPMENT_ATTRIBUTE"),
        (line(LONG_TEXT, "A", 1), "external-shipment-id", "ERR_TOO_LONG"),
        (line("S1", "A", 1, LONG_TEXT), "item-external-id", "ERR_TOO_LONG"),
        (line("S1", "A", 1, attribute=f"X:1|{LONG_TEXT}:1"), "shipment-attribute", "ERR_TOO_LONG"),
    ],
)
def test_a_bad_value_is_set_aside_with_its_reason(floor, row, column, code):
    floor.bring(JOB, SHORT + row + line("S2", "A", 1)).raise_if_open()

    assert list(shipments(floor)) == ["S2"]
    assert floor.conn.execute("select error_column, error_code, raw from oms.import_reject").fetchall() == [
        (column, code, row.strip().encode())
    ]


@pytest.mark.parametrize(
    ("status", "date", "code"),
    [
        ("CANCELLED", "", "ERR_SHIPMENT_STATUS"),
        ("", "yesterday", "ERR_INVALID_TIMESTAMP"),
        ("", "2026-02-31", "ERR_INVALID_TIMESTAMP"),
    ],
)
def test_a_bad_status_or_date(floor, status, date, code):
    floor.bring(JOB, LONG + f",S1,,{status},,,,A,,1,,,WH,101,1,,,{date}\n").raise_if_open()

    assert floor.rejects() == [(2, code)]


def test_two_products_of_one_identifier_are_ambiguous(floor):
    for sku in ("E", "F"):
        identify(floor.conn, product(floor.conn, sku), "SKU", "TWICE")

    floor.bring(JOB, SHORT + line("S1", "TWICE", 1))

    assert floor.rejects() == [(2, "ERR_PRODUCT_AMBIGUOUS")]


def test_a_shipment_goes_to_one_place(floor):
    floor.bring(JOB, SHORT + line("S1", "A", 1) + line("S1", "B", 1, 2, destination="STORE_2"))

    assert shipments(floor) == {}
    assert floor.rejects() == [(2, "ERR_SHIPMENT_REFUSED"), (3, "ERR_SHIPMENT_CONFLICT")]


@pytest.mark.parametrize("broken", ["S1,A,1,900\n", line("S1", "A", 1).strip() + ",,\n", 'S1,"A,1\n'])
def test_a_line_that_may_belong_to_any_shipment_refuses_the_file(floor, broken):
    account = floor.bring(JOB, SHORT + line("S1", "A", 1) + broken + line("S2", "A", 1))

    assert floor.fault()[0] == "DmlsFailed"
    assert "line 3" in floor.fault()[2]
    assert shipments(floor) == {}
    with pytest.raises(FileRefused):
        account.raise_if_open()


@pytest.mark.parametrize("cut", [-1, -3, -30])
def test_a_file_that_is_cut_off_is_refused(floor, cut):
    floor.bring(JOB, (SHORT + line("S1", "A", 1) + line("S1", "B", 12))[:cut])

    assert floor.fault()[:2] == ("DmlsFailed", "ERR_TRUNCATED")
    assert shipments(floor) == {}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (SHORT.replace("quantity", "number") + line("S1", "A", 1), "ERR_HEADER"),
        ((SHORT + line("箱", "A", 1)).encode("cp932"), "ERR_ENCODING"),
        (b"PK\x03\x04", "ERR_FORMAT"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(floor, content, code):
    floor.bring(JOB, content)

    assert floor.fault()[:2] == ("DmlsFailed", code)


def test_a_shipment_that_changed_is_replaced_while_nothing_is_received(floor):
    floor.bring(JOB, SHORT + line("S1", "A", 60, tracking="T1", attribute="X:1") + line("S1", "B", 5, 2))

    floor.bring(
        JOB, SHORT + line("S1", "A", 50, tracking="T2", destination="STORE_2"), "b.csv"
    ).raise_if_open()

    assert items(floor) == [("S1", 1, "A", 50, "1")]
    assert shipments(floor)["S1"][-1] == "STORE_2"
    assert floor.conn.execute("select tracking_number from oms.shipment_package").fetchall() == [("T2",)]
    assert floor.conn.execute("select from oms.shipment_attribute").fetchall() == []
    assert floor.counts() == {"total": 1, "applied": 1}


@pytest.mark.parametrize("part", [receiving.Units(10), receiving.Units(60)])
def test_a_shipment_that_was_received_does_not_change_any_more(floor, part):
    floor.bring(JOB, SHORT + line("S1", "A", 60))
    receive(floor, "S1", items={1: part})

    floor.bring(JOB, SHORT + line("S1", "A", 50) + line("S2", "A", 1), "b.csv").raise_if_open()

    assert floor.rejects() == [(2, "ERR_SHIPMENT_RECEIVED")]
    assert items(floor) == [("S1", 1, "A", 60, "1"), ("S2", 1, "A", 1, "1")]
    assert floor.counts() == {"total": 2, "applied": 1, "rejected": 1}


def test_a_cancelled_shipment_is_refused(floor):
    floor.bring(JOB, SHORT + line("S1", "A", 60))
    floor.conn.execute("update oms.shipment set status = 'CANCELLED'")

    floor.bring(JOB, SHORT + line("S1", "A", 50), "b.csv")

    assert floor.rejects() == [(2, "ERR_SHIPMENT_CANCELLED")]


def test_the_order_of_lines_and_columns_makes_no_other_shipment(floor):
    floor.bring(JOB, SHORT + line("S1", "A", 1, 1, tracking="T2|T1") + line("S1", "B", 2, 2))
    header = (
        "item-external-id,quantity,product-sku,external-shipment-id,origin-facility-id,"
        "destination-facility-id,tracking-number\n"
    )

    floor.bring(JOB, header + "2,2,B,S1,WH,101,T1\n1,1,A,S1,WH,101,T2\n", "b.csv")

    assert floor.counts() == {"total": 2, "duplicate": 2}


def test_two_equal_lines_are_two_items(floor):
    floor.bring(JOB, SHORT + line("S1", "A", 6) + line("S1", "A", 6))
    receive(floor, "S1")

    assert floor.position("A") == (12, 12)


def test_of_two_files_in_one_run_the_newer_wins(floor):
    floor.drop(JOB, "1.csv", SHORT + line("S1", "A", 6) + line("S2", "A", 1))
    floor.drop(JOB, "2.csv", SHORT + line("S1", "A", 7))

    floor.run(JOB).raise_if_open()

    assert items(floor) == [("S1", 1, "A", 7, "1"), ("S2", 1, "A", 1, "1")]


@pytest.mark.parametrize(
    "group_by", [None, "external-shipment-id", "destination-facility-id", "tracking-number", "no_column"]
)
def test_a_shipment_is_never_in_two_chunks(floor, group_by):
    rows = "".join(
        line(f"S{n}", sku, n + 1, sku, destination=f"STORE_{n % 2 + 1}", tracking=f"{n}{sku}")
        for sku in "AB"
        for n in range(6)
    )

    floor.bring(JOB, SHORT + rows, groupBy=group_by, minChunkRows=1, maxChunks=3).raise_if_open()

    wanted = {None: 1, "destination-facility-id": 2}.get(group_by, 3)
    assert len(floor.chunks) == wanted
    assert len(items(floor)) == 12
    assert floor.counts() == {"total": 12, "applied": 12}


def test_lost_staging_is_landed_again(floor):
    floor.drop(JOB, "a.csv", SHORT + line("S1", "A", 1) + line("S2", "NOPE", 1) + line("S2", "A", 1, 2))
    chunks = floor.land(JOB)
    empty_staging(floor.conn)

    for chunk in chunks:
        floor.apply(chunk)
    floor.close(JOB).raise_if_open()

    assert items(floor) == [("S1", 1, "A", 1, "1")]
    assert floor.counts() == {"total": 3, "applied": 1, "rejected": 2}


def test_two_files_with_one_shipment_side_by_side(floor):
    floor.drop(JOB, "a.csv", SHORT + line("S1", "A", 6))
    (chunk,) = floor.land(JOB)
    with psycopg.connect(floor.dsn) as other:
        other.execute(
            """insert into oms.shipment (shipment_type_id, external_id, status, destination_facility_id)
               values ('IN_TRANSFER', 'S1', 'SHIPPED', 'STORE_1')"""
        )
        with psycopg.connect(floor.dsn, autocommit=True) as own:
            worker = threading.Thread(target=lambda: applying.apply_chunk(own, chunk, floor.open_sftp))
            worker.start()
            worker.join(0.5)
            assert worker.is_alive(), "it waits for the other's shipment"
            other.commit()
            worker.join(20)

    assert items(floor) == [("S1", 1, "A", 6, "1")]

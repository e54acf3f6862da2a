"""Files of NetSuite: each line of a document is booked once (spec inventory.md 3.6, 5.6, 5.7, INV-23)."""

import threading
import time

import psycopg
import pytest

from oms import catalog
from oms.imports import applying
from tests.oms.imports.conftest import identify

RECEIPT, TRANSFER = catalog.IMPORT_ITEM_RECEIPT, catalog.IMPORT_INVENTORY_TRANSFER
ADJUSTMENT = catalog.IMPORT_INVENTORY_ADJUSTMENT
HEADER = "externalFacilityId,idValue,idType,availableDelta,comments\n"


def line(quantity: int, document: str = "ItemReceipt # 88123", item: str = "3412", place: str = "7") -> str:
    return f"{place},{item},NETSUITE_PRODUCT_ID,{quantity},Inventory Adjusted from {document} in NetSuite\n"


@pytest.fixture
def erp(floor):
    """The floor of a retailer whose ERP calls the warehouse 7 and product A 3412."""
    floor.conn.execute("update oms.facility set external_id = '7' where facility_id = 'WH'")
    floor.conn.execute("update oms.facility set external_id = '8' where facility_id = 'STORE_1'")
    for sku, number in (("A", "3412"), ("B", "3413")):
        (product_id,) = floor.conn.execute(
            "select product_id from oms.product where internal_name = %s", (sku,)
        ).fetchone()
        identify(floor.conn, product_id, "NETSUITE_PRODUCT_ID", number)
    return floor


def take(floor, content: str, name: str, job=RECEIPT, **conf):
    floor.drop(job, name, HEADER + content)
    return floor.run(job, **conf)


def test_inv_23_a_document_exported_again_is_booked_once(erp):
    take(erp, line(12) + line(12), "1-ItemReceipt.csv")
    assert erp.position("A", "WH") == (24, 24)

    account = take(erp, line(12) + line(12) + line(5, "ItemReceipt # 88124"), "2-ItemReceipt.csv")

    account.raise_if_open()
    assert erp.position("A", "WH") == (29, 29)
    assert erp.counts() == {"total": 3, "applied": 1, "duplicate": 2}
    assert erp.notes() == [(2, "DUPLICATE"), (3, "DUPLICATE")]
    assert erp.conn.execute("select distinct reason_id, comments from oms.inventory_ledger").fetchall() == [
        ("VAR_INTEGR", "Inventory Adjusted from ItemReceipt # 88123 in NetSuite"),
        ("VAR_INTEGR", "Inventory Adjusted from ItemReceipt # 88124 in NetSuite"),
    ]


def test_inv_23_another_quantity_under_the_same_key_is_refused(erp):
    take(erp, line(12) + line(7), "1.csv")

    take(erp, line(12) + line(8) + line(1, item="3413"), "2.csv")

    assert erp.position("A", "WH") == (19, 19)
    assert erp.counts() == {"total": 3, "applied": 1, "duplicate": 1, "rejected": 1}
    assert erp.rejects() == [(3, "ERR_DOCUMENT_CHANGED")]
    assert erp.raw_rejects() == [line(8).rstrip().encode()]


@pytest.mark.parametrize(
    ("again", "counts"),
    [
        (line(12), {"total": 1, "duplicate": 1}),
        (line(12) * 3, {"total": 3, "applied": 1, "duplicate": 2}),
        (line(7), {"total": 1, "rejected": 1}),
    ],
    ids=["fewer", "more", "the first is missing"],
)
def test_inv_23_a_document_that_comes_again_with_other_lines(erp, again, counts):
    take(erp, line(12) * 2, "1.csv")

    take(erp, again, "2.csv")

    assert erp.counts() == counts


def test_5_7_a_transfer_is_a_change_at_each_place_and_types_are_apart(erp):
    take(
        erp,
        line(-4, "Inventory Transfer # 5") + line(4, "Inventory Transfer #5", place="8"),
        "t.csv",
        TRANSFER,
    )
    take(erp, line(3, "Inventory Adjustment # 5"), "a.csv", ADJUSTMENT)

    assert (erp.position("A", "WH"), erp.position("A", "STORE_1")) == ((-1, -1), (4, 4))
    assert erp.conn.execute("select document_key from oms.import_document_line order by 1").fetchall() == [
        ("InventoryAdjustment:5:7:3412:1",),
        ("InventoryTransfer:5:7:3412:1",),
        ("InventoryTransfer:5:8:3412:1",),
    ]


def test_a_row_that_names_no_document_is_a_plain_change(erp):
    for name in ("1.csv", "2.csv"):
        take(erp, f"7,3412,,2,\n7,3412,,2,{name}\n", name)

    assert erp.position("A", "WH") == (8, 8)


def test_rows_that_move_nothing_are_remembered_too(erp):
    """0 units, and a receipt that a later count contains: neither moves stock when it comes again."""
    late = HEADER.rstrip() + ",effectiveDate\n"
    receipt = line(12).rstrip() + ",2026-01-01T00:00:00Z\n"
    erp.drop(
        catalog.IMPORT_INVENTORY_RESET,
        "c.csv",
        "facilityId,idValue,availableQty,asOf\nWH,A,50,2026-02-01T00:00:00Z\n",
    )
    erp.run(catalog.IMPORT_INVENTORY_RESET)
    erp.drop(RECEIPT, "1.csv", late + receipt + line(0, item="3413").rstrip() + ",\n")
    erp.run(RECEIPT)
    assert erp.position("A", "WH") == (50, 50)

    take(erp, line(12) + line(0, item="3413"), "2.csv")

    assert erp.counts() == {"total": 2, "duplicate": 2}
    assert erp.position("A", "WH") == (50, 50)


def test_equal_lines_are_counted_over_the_file_whatever_its_chunks(erp):
    """The lines of one product lie in two chunks, by a column that says nothing of products."""
    header = HEADER.rstrip() + ",wave\n"
    content = "".join(line(q).rstrip() + f",{wave}\n" for q, wave in ((1, "x"), (2, "y"), (3, "x"), (4, "y")))
    erp.drop(RECEIPT, "1.csv", header + content)
    erp.run(RECEIPT, groupBy="wave", minChunkRows=1)
    assert len(erp.chunks) == 2

    take(erp, line(1) + line(2) + line(3) + line(4), "2.csv")

    assert (erp.counts(), erp.position("A", "WH")) == ({"total": 4, "duplicate": 4}, (10, 10))


def test_a_line_refused_before_is_booked_when_it_comes_again(erp):
    take(erp, line(12, item="NEW") + line(7) + line(5, item="NEW"), "1.csv")
    assert erp.rejects() == [(2, "ERR_PRODUCT_NOT_FOUND"), (4, "ERR_PRODUCT_NOT_FOUND")]
    identify(erp.conn, 10001, "NETSUITE_PRODUCT_ID", "NEW")

    take(erp, line(12, item="NEW") + line(7) + line(5, item="NEW") + line(1), "2.csv")

    assert erp.counts() == {"total": 4, "applied": 3, "duplicate": 1}


def test_a_line_below_zero_that_was_refused_may_come_again(erp):
    take(erp, line(-12), "1.csv", negativePolicy="reject")
    assert erp.rejects() == [(2, "ERR_NEGATIVE")]

    take(erp, line(-12) + line(1, item="3413"), "2.csv")

    assert erp.position("A", "WH") == (-12, -12)


def test_force_does_not_reach_document_lines(erp):
    take(erp, line(12), "1.csv")

    take(erp, line(12), "1.csv", force=True)

    assert (erp.counts(), erp.position("A", "WH")) == ({"total": 1, "duplicate": 1}, (12, 12))


def test_the_same_document_in_two_files_that_are_applied_at_once(erp):
    """The second waits for the first to commit, and then finds its lines."""
    erp.drop(RECEIPT, "1.csv", HEADER + line(12))
    (first,) = erp.land(RECEIPT)
    erp.drop(RECEIPT, "2.csv", HEADER + line(12) + line(1, item="3413"))
    second = erp.land(RECEIPT)[-1]
    with psycopg.connect(erp.dsn, autocommit=True) as one, psycopg.connect(erp.dsn, autocommit=True) as other:
        waiting = threading.Thread(target=applying.apply_chunk, args=(other, second, erp.open_sftp))
        with one.transaction():
            applying.apply_chunk(one, first, erp.open_sftp)
            waiting.start()
            while not erp.conn.execute(
                "select count(*) from pg_stat_activity where pid = %s and wait_event_type = 'Lock'",
                (other.info.backend_pid,),
            ).fetchone()[0]:
                assert waiting.is_alive()
                time.sleep(0.01)
        waiting.join()
    erp.close(RECEIPT)

    assert erp.position("A", "WH") == (12, 12)
    assert erp.counts() == {"total": 2, "applied": 1, "duplicate": 1}

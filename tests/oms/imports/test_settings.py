"""Files that set what holds for products at facilities: no stock moves (inventory.md 5.9, 5.10)."""

import threading

import psycopg
import pytest

from oms import catalog
from oms.imports import applying
from oms.imports.errors import FileRefused
from oms.inventory import figures
from tests.oms.imports.conftest import empty_staging

FACILITIES, THRESHOLDS = catalog.IMPORT_PRODUCT_FACILITY, catalog.IMPORT_PRODUCT_THRESHOLDS
HEADER = "product-sku,facility-id,facility-safety-stock,allow-brokering,allow-pickup,reorder-quantity\n"
THRESHOLD = "product-sku,facility-id,threshold\n"


def settings(floor) -> dict[tuple[str, str], tuple]:
    """Safety stock, brokering, pickup, reorder quantity by SKU and facility."""
    found = floor.conn.execute(
        """select internal_name, facility_id, minimum_stock, allow_brokering, allow_pickup, reorder_quantity
             from oms.product_facility join oms.product using (product_id)"""
    ).fetchall()
    return {(sku, facility): tuple(rest) for sku, facility, *rest in found}


def changes(floor) -> list[str]:
    """Products that became a recent change through a setting, each once."""
    return [
        sku
        for (sku,) in floor.conn.execute(
            """select distinct internal_name from oms.product_change join oms.product using (product_id)
                where cause = 'setting' order by 1"""
        )
    ]


def test_every_setting_of_a_product_at_a_facility(floor):
    floor.bring(FACILITIES, HEADER + "A,STORE_1,10,N,Y,20\nA,STORE_2,+3.0,y,n,\n").raise_if_open()

    assert settings(floor) == {
        ("A", "STORE_1"): (10, False, True, 20),
        ("A", "STORE_2"): (3, True, False, None),
    }
    assert floor.counts() == {"total": 2, "applied": 2}
    assert floor.entries() == 0, "settings move no stock"


def test_a_blank_cell_leaves_its_setting(floor):
    floor.bring(FACILITIES, HEADER + "A,STORE_1,10,N,Y,20\n")

    floor.bring(FACILITIES, HEADER + "A,STORE_1,,Y,,\nB,STORE_1,,,,\n", "b.csv")

    assert settings(floor) == {("A", "STORE_1"): (10, True, True, 20)}
    assert floor.counts() == {"total": 2, "applied": 1, "unchanged": 1}


def test_the_same_file_again_changes_nothing(floor):
    content = HEADER + "A,STORE_1,10,N,,\nB,CONFIGURATION,4,,,\n"
    floor.bring(FACILITIES, content)
    before = floor.conn.execute("select count(*) from oms.product_change").fetchone()

    floor.bring(FACILITIES, content).raise_if_open()

    assert floor.counts() == {"total": 2, "unchanged": 2}
    assert floor.conn.execute("select count(*) from oms.product_change").fetchone() == before


def test_the_last_value_of_a_setting_wins(floor):
    rows = "A,STORE_1,10,,,\nA,STORE_1,20,N,,\nA,STORE_1,30,,,\nB,STORE_1,1,,,\nB,STORE_1,0,,,\n"

    floor.bring(FACILITIES, HEADER + rows)

    assert settings(floor) == {("A", "STORE_1"): (30, False, None, None)}
    assert floor.counts() == {"total": 5, "applied": 2, "superseded": 2, "unchanged": 1}


def test_zero_is_a_value_and_no_row_means_the_default(floor):
    floor.bring(FACILITIES, HEADER + "A,STORE_1,5,,,\n")

    floor.bring(FACILITIES, HEADER + "A,STORE_1,0,,,\nB,STORE_1,0,,,\n", "b.csv")

    assert settings(floor) == {("A", "STORE_1"): (0, None, None, None)}
    assert floor.counts() == {"total": 2, "applied": 1, "unchanged": 1}


def test_a_configuration_facility_may_be_named(floor):
    floor.bring(FACILITIES, HEADER + "A,CONFIGURATION,10,,,\n").raise_if_open()

    assert settings(floor) == {("A", "CONFIGURATION"): (10, None, None, None)}


def test_what_moves_online_atp_is_a_recent_change(floor):
    floor.bring(FACILITIES, HEADER + "A,STORE_1,10,,,\nB,STORE_1,,N,,\nC,STORE_1,0,,,\n")
    assert changes(floor) == ["A", "B"]

    with psycopg.connect(floor.dsn, autocommit=True) as listener:
        listener.execute("listen oms_stock_changed")
        floor.bring(FACILITIES, HEADER + "A,STORE_1,11,,,\n", "b.csv")

        assert list(listener.notifies(timeout=5, stop_after=1)), "the push jobs hear of it"


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (",STORE_1,5,,,", "product-id", "ERR_REQUIRED"),
        ("A,,5,,,", "facility-id", "ERR_FACILITY_NOT_FOUND"),
        ("A,MARS,5,,,", "facility-id", "ERR_FACILITY_NOT_FOUND"),
        ("A,_NA_,5,,,", "facility-id", "ERR_VIRTUAL_FACILITY"),
        ("NOPE,STORE_1,5,,,", "product-sku", "ERR_PRODUCT_NOT_FOUND"),
        ("1.2E+12,STORE_1,5,,,", "product-sku", "ERR_PRODUCT_NOT_FOUND"),
        ("PARENT,STORE_1,5,,,", "product-sku", "ERR_VIRTUAL_PRODUCT"),
        ("A,STORE_1,-1,,,", "facility-safety-stock", "ERR_RANGE"),
        ("A,STORE_1,1000000001,,,", "facility-safety-stock", "ERR_RANGE"),
        ("A,STORE_1," + "9" * 60 + ",,,", "facility-safety-stock", "ERR_RANGE"),
        ("A,STORE_1,3.5,,,", "facility-safety-stock", "ERR_INVALID_NUMBER"),
        ('A,STORE_1,"1,200",,,', "facility-safety-stock", "ERR_INVALID_NUMBER"),
        ("A,STORE_1,ten,,,", "facility-safety-stock", "ERR_INVALID_NUMBER"),
        ("A,STORE_1,,,,-1", "reorder-quantity", "ERR_RANGE"),
        ("A,STORE_1,,,,x", "reorder-quantity", "ERR_INVALID_NUMBER"),
        ("A,STORE_1,,maybe,,", "allow-brokering", "ERR_INVALID_BOOLEAN"),
        ("A,STORE_1,,,Q,", "allow-pickup", "ERR_INVALID_BOOLEAN"),
        ("A,STORE_1,5", None, "ERR_TOO_FEW_COLUMNS"),
        ("A,STORE_1,5,,,,,", None, "ERR_TOO_MANY_COLUMNS"),
    ],
)
def test_a_bad_row_is_set_aside_and_the_others_apply(floor, row, column, code):
    floor.bring(FACILITIES, HEADER + f"{row}\nB,STORE_1,7,,,\n").raise_if_open()

    assert settings(floor) == {("B", "STORE_1"): (7, None, None, None)}
    assert floor.conn.execute("select error_column, error_code, raw from oms.import_reject").fetchall() == [
        (column, code, row.encode())
    ]
    assert floor.counts() == {"total": 2, "applied": 1, "rejected": 1}


def test_a_corrected_reject_file_is_taken(floor):
    floor.bring(FACILITIES, HEADER + "NOPE,STORE_1,5,,,\nB,STORE_1,7,,,\n")
    rejected = floor.files(FACILITIES, "error")[0]
    content = (floor.root / FACILITIES.import_path / "error" / rejected).read_text()

    floor.bring(FACILITIES, content.replace("NOPE", "A"), "again.csv").raise_if_open()

    assert settings(floor)[("A", "STORE_1")] == (5, None, None, None)


def test_ids_are_text_and_full_width_digits_are_numbers(floor):
    from tests.oms.imports.conftest import product

    product(floor.conn, "007")
    product(floor.conn, "7")

    floor.bring(FACILITIES, HEADER + "007,STORE_1,１２,,,\n")

    assert settings(floor) == {("007", "STORE_1"): (12, None, None, None)}


def test_an_identifier_of_two_products_is_ambiguous_and_the_product_id_is_not(floor):
    from tests.oms.imports.conftest import identify, product

    one, other = product(floor.conn, "E"), product(floor.conn, "F")
    identify(floor.conn, one, "UPCA", "490")
    identify(floor.conn, other, "UPCA", "490")
    header = "product-id,id-type,idValue,facility-external-id,minimum-stock\n"

    floor.bring(FACILITIES, header + f",upca,490,101,5\n{other},upca,490,101,6\n")

    assert settings(floor) == {("F", "STORE_1"): (6, None, None, None)}
    assert floor.rejects() == [(2, "ERR_PRODUCT_AMBIGUOUS")]


def test_two_names_of_two_facilities_conflict(floor):
    header = "product-sku,facility-id,facility-external-id,allow-pickup\n"

    floor.bring(FACILITIES, header + "A,STORE_1,102,Y\nA,STORE_1,101,Y\nA,101,,N\n")

    assert settings(floor) == {("A", "STORE_1"): (0, None, False, None)}
    assert floor.rejects() == [(2, "ERR_FACILITY_CONFLICT")]
    assert floor.counts() == {"total": 3, "applied": 1, "superseded": 1, "rejected": 1}


@pytest.mark.parametrize(
    ("header", "word"),
    [
        ("facility-id,allow-pickup", "product-sku"),
        ("product-id,allow-pickup", "facility-id"),
        ("product-id,facility-id", "facility-safety-stock"),
    ],
)
def test_a_header_without_its_columns_refuses_the_file(floor, header, word):
    account = floor.bring(FACILITIES, header + "\nA,B\n")

    status, code, message = floor.fault()
    assert (status, code) == ("DmlsFailed", "ERR_HEADER")
    assert word in message
    with pytest.raises(FileRefused):
        account.raise_if_open()


@pytest.mark.parametrize("job", [FACILITIES, THRESHOLDS])
def test_files_that_are_no_csv_in_utf_8_change_nothing(floor, job):
    header = HEADER if job is FACILITIES else THRESHOLD
    row = "A,CONFIGURATION,5" + (",,," if job is FACILITIES else "") + "\n"
    for name, content, code in [
        ("a.csv", (header + row + "箱,CONFIGURATION,5\n").encode("cp932"), "ERR_ENCODING"),
        ("b.csv", b"PK\x03\x04rest", "ERR_FORMAT"),
        ("c.csv", (header + row).encode("utf-16"), "ERR_ENCODING"),
    ]:
        floor.bring(job, content, name)
        assert floor.fault()[:2] == ("DmlsFailed", code)
    assert settings(floor) == {}


@pytest.mark.parametrize("job", [FACILITIES, THRESHOLDS])
def test_a_cut_off_settings_file_keeps_its_whole_rows(floor, job):
    header = HEADER if job is FACILITIES else THRESHOLD
    row = "A,CONFIGURATION,5" + (",,," if job is FACILITIES else "") + "\n"

    floor.bring(job, header + "\n" + row + "\n \nB,CONF").raise_if_open()

    assert settings(floor) == {("A", "CONFIGURATION"): (5, None, None, None)}
    assert floor.rejects() == [(6, "ERR_TOO_FEW_COLUMNS")]
    assert floor.counts() == {"total": 2, "applied": 1, "rejected": 1}


def test_a_file_without_rows_is_finished(floor):
    floor.bring(THRESHOLDS, THRESHOLD).raise_if_open()
    floor.bring(FACILITIES, "").raise_if_open()

    assert [status for (status,) in floor.logs()] == ["DmlsFinished", "DmlsFinished"]


def test_groups_are_applied_side_by_side(floor):
    rows = "".join(
        f"{sku},{place},{n},,,\n" for n, sku in enumerate("ABCD") for place in ("STORE_1", "STORE_2")
    )

    floor.bring(FACILITIES, HEADER + rows, groupBy="facility-id", minChunkRows=1).raise_if_open()

    assert [chunk["label"].split()[0] for chunk in floor.chunks] == ["STORE_1", "STORE_2"]
    assert settings(floor)[("D", "STORE_2")] == (3, None, None, None)
    assert floor.counts() == {"total": 8, "applied": 6, "unchanged": 2}


def test_of_two_files_in_one_run_the_newer_wins(floor):
    floor.drop(FACILITIES, "1.csv", HEADER + "A,STORE_1,1,N,,\n")
    floor.drop(FACILITIES, "2.csv", HEADER + "A,STORE_1,2,,,\n")

    floor.run(FACILITIES).raise_if_open()

    assert settings(floor) == {("A", "STORE_1"): (2, False, None, None)}


def test_a_newer_file_that_may_go_first_waits_for_older_settings_of_the_facility(floor):
    floor.drop(THRESHOLDS, "old.csv", THRESHOLD + "A,CONFIGURATION,1\n")
    floor.land(THRESHOLDS)
    floor.drop(FACILITIES, "new.csv", HEADER + "A,CONFIGURATION,2,,,\n")

    for chunk in floor.land(FACILITIES):
        floor.apply(chunk)

    assert settings(floor) == {("A", "CONFIGURATION"): (2, None, None, None)}
    assert floor.close(THRESHOLDS).lines[0].counts["applied"] == 1


def test_lost_staging_is_landed_again(floor):
    floor.drop(FACILITIES, "a.csv", HEADER + "A,STORE_1,1,,,\nNOPE,STORE_1,1,,,\n")
    chunks = floor.land(FACILITIES)
    empty_staging(floor.conn)

    assert floor.apply(chunks[0])["applied"] == 1
    floor.close(FACILITIES).raise_if_open()

    assert floor.counts() == {"total": 2, "applied": 1, "rejected": 1}
    assert len(floor.rejects()) == 1


def test_a_row_that_somebody_else_adds_meanwhile_is_changed(floor):
    floor.drop(FACILITIES, "a.csv", HEADER + "A,STORE_1,9,,,\n")
    (chunk,) = floor.land(FACILITIES)
    with psycopg.connect(floor.dsn) as other:
        other.execute(
            """insert into oms.product_facility (product_id, facility_id, minimum_stock, allow_pickup)
               select product_id, 'STORE_1', 4, false from oms.product where internal_name = 'A'"""
        )
        applied: list[dict] = []
        with psycopg.connect(floor.dsn, autocommit=True) as own:
            worker = threading.Thread(
                target=lambda: applied.append(applying.apply_chunk(own, chunk, floor.open_sftp))
            )
            worker.start()
            worker.join(0.5)
            assert worker.is_alive(), "it waits for the other's row"
            other.commit()
            worker.join(20)

    assert applied[0]["applied"] == 1
    assert settings(floor) == {("A", "STORE_1"): (9, None, False, None)}


class TestThresholds:
    def test_inv_29_a_threshold_comes_off_the_online_figure(self, floor):
        floor.conn.execute("insert into oms.product_store (product_store_id, store_name) values ('S', 'S')")
        floor.conn.execute(
            """insert into oms.facility_group (facility_group_id, facility_group_name, product_store_id)
               values ('FAC_GRP', 'Online', 'S')"""
        )
        for facility in ("STORE_1", "CONFIGURATION"):
            floor.conn.execute(
                """insert into oms.facility_group_member (facility_group_id, facility_id)
                   values ('FAC_GRP', %s)""",
                (facility,),
            )
        floor.conn.execute(
            "insert into oms.product_store_facility (product_store_id, facility_id) values ('S', 'STORE_1')"
        )
        floor.stock("A", 220, 220)

        floor.bring(THRESHOLDS, THRESHOLD + "A,CONFIGURATION,10\n").raise_if_open()

        assert [row.online_atp for row in figures.online_atp(floor.conn, "FAC_GRP", ["A"])] == [210]
        assert changes(floor) == ["A"]

    def test_inv_29_a_physical_store_has_no_threshold(self, floor):
        floor.bring(THRESHOLDS, THRESHOLD + "A,STORE_1,10\nA,CONFIGURATION,10\n").raise_if_open()

        assert floor.rejects() == [(2, "ERR_NOT_CONFIG_FACILITY")]
        assert settings(floor) == {("A", "CONFIGURATION"): (10, None, None, None)}

    def test_inv_29_a_blank_threshold_is_left(self, floor):
        floor.bring(THRESHOLDS, THRESHOLD + "A,CONFIGURATION,10\n")

        floor.bring(THRESHOLDS, THRESHOLD + "A,CONFIGURATION,\n", "b.csv").raise_if_open()

        assert settings(floor) == {("A", "CONFIGURATION"): (10, None, None, None)}
        assert floor.counts() == {"total": 1, "unchanged": 1}

    def test_a_product_of_several_tags_has_its_last_threshold(self, floor):
        floor.bring(THRESHOLDS, THRESHOLD + "A,CONFIGURATION,10\nB,CONFIGURATION,3\nA,CONFIGURATION,7\n")

        assert settings(floor)[("A", "CONFIGURATION")][0] == 7
        assert floor.counts() == {"total": 3, "applied": 2, "superseded": 1}

    @pytest.mark.parametrize("facility", [None, "OUTLET_CONFIG"])
    def test_rows_without_a_facility_mean_the_channel_of_the_run(self, floor, facility):
        floor.conn.execute(
            "insert into oms.facility values ('OUTLET_CONFIG', 'Outlet', null, 'CONFIGURATION')"
        )
        conf = {"facilityId": facility} if facility else {}

        floor.bring(THRESHOLDS, "internal-name,minimum_stock\nA,4\n", **conf).raise_if_open()

        assert settings(floor) == {("A", facility or "CONFIGURATION"): (4, None, None, None)}

    def test_an_unknown_channel_of_the_run_changes_nothing(self, floor):
        floor.bring(THRESHOLDS, "internal-name,threshold\nA,4\n", facilityId="MARS").raise_if_open()

        assert (settings(floor), floor.rejects()) == ({}, [(2, "ERR_FACILITY_NOT_FOUND")])
        (message,) = floor.conn.execute("select error_message from oms.import_reject").fetchone()
        assert "MARS" in message

    @pytest.mark.parametrize("value", ["-1", "ten", "10 units", "2.5", "1e3"])
    def test_a_threshold_is_a_whole_number(self, floor, value):
        floor.bring(THRESHOLDS, THRESHOLD + f"A,CONFIGURATION,{value}\n").raise_if_open()

        assert settings(floor) == {}
        assert len(floor.rejects()) == 1

"""How rows find their facility, product, location and figure (spec inventory.md 3.5)."""

import unicodedata

import pytest

from oms import catalog
from oms.parameters import BadParameter
from tests.oms.imports.conftest import RESET, RESET_JOB, identify, product


def both(floor, rows):
    floor.reset("facilityId,externalFacilityId,idValue,availableQty\n" + rows)


@pytest.mark.parametrize("row", ["STORE_1,,A,5", "101,,A,5", ",101,A,5", "STORE_1,101,A,5", "101,101,A,5"])
def test_a_facility_is_found_by_either_id(floor, row):
    both(floor, row + "\n")

    assert floor.position("A") == (5, 5)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("STORE_1,102,A,5", "ERR_FACILITY_CONFLICT"),
        (",STORE_1,A,5", "ERR_FACILITY_NOT_FOUND"),
        ("STORE_1,77,A,5", "ERR_FACILITY_NOT_FOUND"),
        ("77,101,A,5", "ERR_FACILITY_NOT_FOUND"),
        (",,A,5", "ERR_FACILITY_NOT_FOUND"),
        ("CONFIGURATION,,A,5", "ERR_VIRTUAL_FACILITY"),
        ("0101,,A,5", "ERR_FACILITY_NOT_FOUND"),
    ],
)
def test_a_facility_that_is_not_one_is_a_reject(floor, row, code):
    both(floor, row + "\n")

    assert floor.rejects() == [(2, code)]


def test_an_internal_id_beats_an_external_one(floor):
    floor.conn.execute("update oms.facility set external_id = 'STORE_2' where facility_id = 'STORE_1'")

    both(floor, "STORE_2,,A,5\n,STORE_2,B,6\n")

    assert floor.position("A", "STORE_2") == (5, 5)
    assert floor.position("B", "STORE_1") == (6, 6)


@pytest.mark.parametrize(
    ("id_type", "value"),
    [
        ("sku", "A"),
        ("", "A"),
        ("UPCA", "0012"),
        ("ERP-ID", "e 1"),
        ("erp_id", "e 1"),
        ("Shopify Product Id", "77"),
        ("shopifyProductId", "77"),
        ("SHOPIFY_PROD_ID", "77"),
    ],
)
def test_a_product_is_found_by_any_identifier_valid_today(floor, id_type, value):
    (product_id,) = floor.conn.execute(
        "select product_id from oms.product where internal_name = 'A'"
    ).fetchone()
    for kind, one in (("UPCA", "0012"), ("ERP_ID", "e 1"), ("SHOPIFY_PROD_ID", "77")):
        identify(floor.conn, product_id, kind, one)

    floor.reset(RESET + f"STORE_1,{id_type},{value},5\n")

    assert floor.position("A") == (5, 5)


def test_leading_zeros_are_part_of_an_id(floor):
    product(floor.conn, "012")

    floor.reset(RESET + "STORE_1,SKU,012,5\nSTORE_1,SKU,12,5\n")

    assert (floor.position("012"), floor.rejects()) == ((5, 5), [(3, "ERR_PRODUCT_NOT_FOUND")])


def test_a_shortened_number_is_refused_with_a_hint(floor):
    floor.reset(RESET + "STORE_1,UPCA,1.2E+12,5\n")

    ((code, message),) = floor.conn.execute(
        "select error_code, error_message from oms.import_reject"
    ).fetchall()
    assert code == "ERR_PRODUCT_NOT_FOUND"
    assert "format the column as text" in message


def known_as(floor, sku, kind, value):
    (product_id,) = floor.conn.execute(
        "select product_id from oms.product where internal_name = %s", (sku,)
    ).fetchone()
    identify(floor.conn, product_id, kind, value)


@pytest.mark.parametrize("id_type", ["UPC", "UPCA", "EAN", "EAN13", "ean-13", "GTIN", "gtin14", "Barcode"])
@pytest.mark.parametrize("stored", ["UPCA", "EAN", "GTIN"])
def test_kinds_of_barcodes_find_each_other(floor, id_type, stored):
    known_as(floor, "A", stored, "4006381333931")

    floor.reset(RESET + f"STORE_1,{id_type},4006381333931,5\n")

    assert floor.position("A") == (5, 5)


@pytest.mark.parametrize("written", ["012345678905", "0012345678905", "00012345678905"])
@pytest.mark.parametrize("stored", ["012345678905", "0012345678905", "00012345678905"])
def test_a_barcode_is_found_in_its_longer_and_shorter_forms(floor, stored, written):
    known_as(floor, "A", "UPCA", stored)

    floor.reset(RESET + f"STORE_1,EAN,{written},5\n")

    assert floor.position("A") == (5, 5)


def test_other_numbers_with_other_zeros_are_other_barcodes(floor):
    known_as(floor, "A", "UPCA", "0012")
    known_as(floor, "B", "SKU", "4006381333931")

    floor.reset(RESET + "STORE_1,UPC,12,5\nSTORE_1,UPC,4006381333931,5\nSTORE_1,ERP_ID,0012,5\n")

    assert floor.rejects() == [(line, "ERR_PRODUCT_NOT_FOUND") for line in (2, 3, 4)]


def test_a_barcode_of_two_products_is_ambiguous_except_for_who_has_it_as_it_is_written(floor):
    known_as(floor, "A", "UPCA", "012345678905")
    known_as(floor, "B", "GTIN", "0012345678905")

    floor.reset(RESET + "STORE_1,EAN,012345678905,5\nSTORE_1,UPC,012345678905,6\n")

    assert (floor.position("A"), floor.rejects()) == ((6, 6), [(2, "ERR_PRODUCT_AMBIGUOUS")])


@pytest.mark.parametrize(
    ("job", "content"),
    [
        (
            catalog.IMPORT_PRODUCT_FACILITY,
            "id-type,product-sku,external-facility-id,facility-safety-stock\n{},101,5\n",
        ),
        (catalog.IMPORT_INVENTORY_VARIANCE, "idType,idValue,externalFacilityId,availableDelta\n{},101,5\n"),
    ],
    ids=lambda one: getattr(one, "dag_id", ""),
)
def test_files_of_all_kinds_know_barcodes_and_tell_of_unknown_kinds(floor, job, content):
    known_as(floor, "A", "UPCA", "4006381333931")

    floor.bring(job, content.format("EAN,4006381333931")).raise_if_open()
    assert floor.counts() == {"total": 1, "applied": 1}

    floor.bring(job, content.format("RFID,4006381333931"))
    ((code, message),) = floor.conn.execute(
        "select error_code, error_message from oms.import_reject"
    ).fetchall()
    assert code == "ERR_ID_TYPE"
    assert message.startswith("unknown idType 'RFID'; known are EAN, ERP_ID, GTIN,")


def test_an_unknown_default_id_type_refuses_the_file_with_those_that_are_known(floor):
    floor.reset(RESET + "STORE_1,,A,5\n", defaultIdType="RFID")

    assert floor.fault()[:2] == ("DmlsFailed", "ERR_ID_TYPE")
    assert "known are EAN" in floor.fault()[2]


@pytest.mark.parametrize(
    "cell", ["Gro\u0308ße", "Größe\u00a0", '"\u3000Größe\u00a0"', "Gro\u0308ße\u200b", '"Gro\u0308ße"']
)
def test_an_identifier_is_found_in_any_form_of_unicode_and_with_blanks_that_nobody_sees(floor, cell):
    known_as(floor, "A", "ERP_ID", "Größe")

    floor.reset(RESET + f"STORE_1,ERP_ID,{cell},5\n").raise_if_open()

    assert floor.position("A") == (5, 5)


def test_a_refused_identifier_keeps_its_bytes(floor):
    line = "STORE_1,ERP_ID,Gro\u0308ße\u00a0,5".encode()

    floor.reset(RESET.encode() + line + b"\n")

    assert floor.raw_rejects() == [line]


def test_the_default_id_type_is_a_parameter(floor):
    (product_id,) = floor.conn.execute(
        "select product_id from oms.product where internal_name = 'A'"
    ).fetchone()
    identify(floor.conn, product_id, "UPCA", "4901")

    floor.reset(RESET + "STORE_1,,4901,5\n", defaultIdType="UPCA")

    assert floor.position("A") == (5, 5)


def test_an_identifier_of_two_products_is_a_reject_once(floor):
    product(floor.conn, "B2")
    floor.conn.execute(
        """insert into oms.product_identification (product_id, identification_type_id, id_value)
           select product_id, 'SKU', 'B' from oms.product where internal_name = 'B2'"""
    )

    floor.reset(RESET + "STORE_1,SKU,B,5\nSTORE_1,SKU,A,5\n")

    assert floor.rejects() == [(2, "ERR_PRODUCT_AMBIGUOUS")]
    assert floor.counts() == {"total": 2, "applied": 1, "rejected": 1}


def test_an_ended_identifier_is_not_ambiguous(floor):
    product(floor.conn, "B2")
    floor.conn.execute(
        """insert into oms.product_identification
                  (product_id, identification_type_id, id_value, from_date, thru_date)
           select product_id, 'SKU', 'B', now() - interval '2 days', now() - interval '1 day'
             from oms.product where internal_name = 'B2'"""
    )

    floor.reset(RESET + "STORE_1,SKU,B,5\n")

    assert floor.position("B") == (5, 5)


def test_a_product_id_wins_over_the_identifier(floor):
    (product_id,) = floor.conn.execute(
        "select product_id from oms.product where internal_name = 'A'"
    ).fetchone()

    floor.reset(f"facilityId,idValue,productId,availableQty\nSTORE_1,B,{product_id},5\nSTORE_1,B,x9,5\n")

    assert (floor.position("A"), floor.position("B")) == ((5, 5), None)
    assert floor.rejects() == [(3, "ERR_PRODUCT_NOT_FOUND")]


def test_a_location_is_that_of_the_row_then_the_pick_face(floor):
    floor.reset(
        "facilityId,locationSeqId,idValue,availableQty\nWH,BULK_1,A,5\nWH,,A,6\nSTORE_1,,A,7\nWH,NOWHERE,B,1\n"
    )

    assert floor.position("A", "WH", "BULK_1") == (5, 5)
    assert floor.position("A", "WH", "PICK_1") == (6, 6)
    assert floor.position("A", "STORE_1", "TLTLTLLL01") == (7, 7)
    assert floor.rejects() == [(5, "ERR_LOCATION_NOT_FOUND")]


def test_a_location_parameter_is_used_where_a_row_has_none(floor):
    floor.reset(RESET + "WH,SKU,A,5\nSTORE_1,SKU,A,5\n", locationSeqId="BULK_1")

    assert floor.position("A", "WH", "BULK_1") == (5, 5)
    assert floor.rejects() == [(3, "ERR_LOCATION_NOT_FOUND")]


@pytest.mark.parametrize(
    ("text", "units"),
    [("5", 5), ("+5", 5), ("-5", -5), ("5.0", 5), ("5.00", 5), ("007", 7), ("１２", 12), ("－３", -3),
     ("1000000000", 1_000_000_000), ("5.0000", 5), ("1234.000", 1234), ("５．０", 5)],
)  # fmt: skip
def test_whole_numbers_in_their_spellings(floor, text, units):
    floor.reset(RESET + f"STORE_1,SKU,A,{text}\n")

    assert floor.position("A") == (units, units)


@pytest.mark.parametrize(
    ("text", "code"),
    [("1000000001", "ERR_RANGE"), ("-1000000001", "ERR_RANGE"), ("99999999999999999999", "ERR_RANGE"),
     ("1_000", "ERR_INVALID_NUMBER"), ("1.5", "ERR_INVALID_NUMBER"), ("1e3", "ERR_INVALID_NUMBER"),
     ("0x10", "ERR_INVALID_NUMBER"), ("--5", "ERR_INVALID_NUMBER"), ("5.", "ERR_INVALID_NUMBER"),
     ("five", "ERR_INVALID_NUMBER"), ("1 000", "ERR_INVALID_NUMBER"), ("9" * 200, "ERR_RANGE"),
     ("NaN", "ERR_INVALID_NUMBER"), ("-", "ERR_INVALID_NUMBER"), ("1'000", "ERR_INVALID_NUMBER"),
     ("1.000.0", "ERR_INVALID_NUMBER"), ("1\u00a0000", "ERR_INVALID_NUMBER"),
     ("\u0661", "ERR_INVALID_NUMBER"), ("5,0", "ERR_INVALID_NUMBER"), ("1.000,0", "ERR_INVALID_NUMBER"),
     ("1.000.000", "ERR_INVALID_NUMBER")],
)  # fmt: skip
def test_anything_else_is_no_number(floor, text, code):
    floor.reset(RESET.replace(",", ";") + f"STORE_1;SKU;A;{text}\n", delimiter=";")

    assert floor.rejects() == [(2, code)]


def test_thousands_separators_are_refused(floor):
    floor.reset(RESET + 'STORE_1,SKU,A,"1,000"\n')

    assert floor.rejects() == [(2, "ERR_INVALID_NUMBER")]
    assert floor.raw_rejects() == [b'STORE_1,SKU,A,"1,000"']


@pytest.mark.parametrize(
    ("text", "readings"),
    [("1.000", "1000 or 1:"), ("12.000", "12000 or 12:"), ("-2.000", "-2000 or -2:"), ("1,000", "1000 or 1:"),
     ("１．０００", "1000 or 1:"), ("１，０００", "1000 or 1:"), ("1.250", "1250 or 1.25:"),
     ("+3,500", "+3500 or 3.5:")],
)  # fmt: skip
def test_a_figure_that_may_be_thousands_is_refused_with_both_readings(floor, text, readings):
    floor.reset(RESET.replace(",", ";") + f"STORE_1;SKU;A;{text}\n", delimiter=";")

    (code, message) = floor.conn.execute("select error_code, error_message from oms.import_reject").fetchone()
    assert code == "ERR_INVALID_NUMBER"
    assert f"may be {readings}" in message
    assert "decimalSeparator" in message


@pytest.mark.parametrize(
    ("separator", "text", "units"),
    [(".", "1.000", 1), (".", "1,000", 1000), (".", "1,000.0", 1000), (".", "-2.000", -2), (".", "5", 5),
     (",", "1.000", 1000), (",", "1,000", 1), (",", "1.000,0", 1000), (",", "5,0", 5),
     (",", "-12.000", -12000), (",", "1.234.567", 1234567), (",", "１．０００", 1000),
     (".", "1000,000", None), (",", "5.0", None), (",", "0.500", None), (".", "1.5", None),
     (",", "1,5", None), (",", "12.34.567", None)],
)  # fmt: skip
def test_the_decimal_separator_says_which_reading_is_meant(floor, separator, text, units):
    floor.reset(
        RESET.replace(",", ";") + f"STORE_1;SKU;A;{text}\n", delimiter=";", decimalSeparator=separator
    )

    assert floor.position("A") == (None if units is None else (units, units))
    assert floor.rejects() == ([(2, "ERR_INVALID_NUMBER")] if units is None else [])


def test_no_units_are_no_units_in_either_reading(floor):
    floor.stock("A", 5, 5)

    floor.reset(RESET + "STORE_1,SKU,A,0.000\n")

    assert floor.position("A") == (0, 0)


def test_no_other_decimal_separator_is_taken(floor):
    with pytest.raises(BadParameter, match="decimalSeparator"):
        floor.params(RESET_JOB, additionalParameters={"decimalSeparator": "'"})


FILES = [
    (catalog.IMPORT_INVENTORY_VARIANCE, "facilityId,idValue,availableDelta\nSTORE_1,A,{}\n"),
    (catalog.IMPORT_PRODUCT_FACILITY, "product-sku,facility-id,facility-safety-stock\nA,STORE_1,{}\n"),
    (catalog.IMPORT_PRODUCT_THRESHOLDS, "product-sku,facility-id,threshold\nA,CONFIGURATION,{}\n"),
    (
        catalog.IMPORT_INBOUND_SHIPMENT,
        "external-shipment-id,origin-facility-id,destination-facility-id,product-sku,item-external-id,quantity\n"
        "S1,STORE_2,STORE_1,A,1,{}\n",
    ),
]


@pytest.mark.parametrize(("job", "content"), FILES, ids=lambda value: getattr(value, "dag_id", ""))
def test_files_of_every_type_ask_for_the_decimal_separator(floor, job, content):
    floor.bring(job, content.format("1.000"), "a.csv")
    floor.bring(job, content.format("2.000"), "b.csv", decimalSeparator=",")

    (message,) = floor.conn.execute("select error_message from oms.import_reject").fetchone()
    assert "may be 1000 or 1" in message
    assert floor.counts() == {"total": 1, "applied": 1}


DECOMPOSED = unicodedata.normalize("NFD", "KÖLN")
UNSEEN = [DECOMPOSED, "\u200bKÖLN", f"{DECOMPOSED}\u2060", '"KÖLN\u00a0"', "\ufeffKÖLN"]


@pytest.fixture(params=["KÖLN", DECOMPOSED], ids=["composed", "decomposed"])
def cologne(floor, request):
    """A facility and its location, in either form of Unicode; known outside by that name too."""
    floor.conn.execute(
        """insert into oms.facility (facility_id, facility_name, external_id, facility_type_id)
           values (%(id)s, 'Cologne', %(id)s, 'RETAIL_STORE')""",
        {"id": request.param},
    )
    floor.conn.execute("insert into oms.facility_location values (%(id)s, %(id)s)", {"id": request.param})
    return request.param


@pytest.mark.parametrize("said", UNSEEN)
def test_facilities_and_locations_are_compared_like_identifiers(floor, cologne, said):
    rows = f"{said},,A,5,{said}\n,{said},B,6,{said}\nSTORE_1,,C,x,{said}\n"
    floor.reset("facilityId,externalFacilityId,idValue,availableQty,locationSeqId\n" + rows)

    assert floor.position("A", cologne, cologne) == (5, 5)
    assert floor.position("B", cologne, cologne) == (6, 6)
    assert floor.raw_rejects() == [rows.splitlines()[2].encode()]


@pytest.mark.parametrize("column", ["facility_id", "external_id"])
def test_two_facilities_that_differ_in_their_form_of_unicode_are_told_apart_by_nobody(floor, column):
    """A setup refuses them; a database may have them from before."""
    for number, name in enumerate(("KÖLN", DECOMPOSED)):
        ids = {"facility_id": f"C{number}", "external_id": None} | {column: name}
        floor.conn.execute(
            """insert into oms.facility (facility_id, facility_name, external_id, facility_type_id)
               values (%(facility_id)s, 'Cologne', %(external_id)s, 'RETAIL_STORE')""",
            ids,
        )
    for job, content in OF_FACILITIES:
        floor.bring(job, content.format("KÖLN"), f"{job.dag_id}.csv")

    assert {code for _, code in floor.rejects()} == {"ERR_FACILITY_AMBIGUOUS"}
    assert floor.conn.execute("select distinct error_message from oms.import_reject").fetchall() == [
        ("'KÖLN' is the id of several facilities, in different forms of Unicode; change that of all but one",)
    ]


OF_FACILITIES = [
    (catalog.IMPORT_INVENTORY_VARIANCE, "facilityId,idValue,availableDelta\n{},A,5\n"),
    (catalog.IMPORT_PRODUCT_FACILITY, "product-sku,facility-id,facility-safety-stock\nA,{},5\n"),
    (
        catalog.IMPORT_INBOUND_SHIPMENT,
        "external-shipment-id,origin-facility-id,destination-facility-id,product-sku,item-external-id,quantity\n"
        "S1,STORE_2,{},A,1,5\n",
    ),
]


@pytest.mark.parametrize(("job", "content"), OF_FACILITIES, ids=lambda value: getattr(value, "dag_id", ""))
def test_files_of_every_type_find_a_facility_in_either_form(floor, cologne, job, content):
    floor.bring(job, content.format("KÖLN\u200b"), "a.csv")
    floor.bring(job, content.format(DECOMPOSED).replace("S1", "S2"), "b.csv")

    assert floor.rejects() == []

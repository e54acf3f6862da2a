"""Ids by which an ERP knows products: without them no file of NetSuite finds any (inventory.md 3.5)."""

import psycopg
import pytest

from oms.__main__ import main
from oms.products import identifying
from oms.products.identifying import BadIdentifiers

HEADER = "sku,id_type,id_value\n"


@pytest.fixture
def shelf(world):
    """Products A, B and C with their SKUs; D has none."""
    for sku in "ABCD":
        world.product(sku)
    for sku in "ABC":
        give(world, sku, "SKU", sku)
    return world


def give(world, name: str, kind: str, value: str) -> None:
    world.db.execute(
        """insert into oms.product_identification (product_id, identification_type_id, id_value)
           values (%s, %s, %s)""",
        (world.products[name], kind, value),
    )


def identify(world, *rows: str) -> tuple[int, int]:
    with world.db.transaction():
        lines = (HEADER + "\n".join(rows) + "\n").splitlines(keepends=True)
        return identifying.identify(world.db, identifying.read(lines))


def known(world, kind: str = "NETSUITE_PRODUCT_ID") -> dict[str, str]:
    """Valid identifiers of a type, and whose they are."""
    found = world.db.execute(
        """select id_value, internal_name from oms.product_identification join oms.product using (product_id)
            where identification_type_id = %s and thru_date is null""",
        (kind,),
    )
    return dict(found.fetchall())


def test_products_get_the_ids_of_the_erp_with_their_zeros(shelf):
    assert identify(shelf, "A,NETSUITE_PRODUCT_ID,3412", " B ,netsuite-product-id,0034") == (2, 0)

    assert known(shelf) == {"3412": "A", "0034": "B"}


def test_an_id_is_kept_in_the_form_in_which_it_is_compared_and_its_kind_has_other_names(shelf):
    assert identify(shelf, "A,ERP-ID,Gro\u0308ße\u00a0", "A,ean13,4006381333931") == (2, 0)

    assert (known(shelf, "ERP_ID"), known(shelf, "EAN")) == ({"Größe": "A"}, {"4006381333931": "A"})


def test_the_same_file_again_changes_nothing(shelf):
    identify(shelf, "A,ERP_ID,1", "A,ERP_ID,2")

    assert identify(shelf, "A,ERP_ID,2", "A,ERP_ID,1", "A,ERP_ID,1") == (0, 0)


def test_an_id_that_the_file_no_longer_names_ends_and_others_stay(shelf):
    identify(shelf, "A,ERP_ID,1", "A,EAN,99", "B,ERP_ID,2")

    assert identify(shelf, "A,ERP_ID,3") == (1, 1)
    assert known(shelf, "ERP_ID") == {"3": "A", "2": "B"}
    assert known(shelf, "EAN") == {"99": "A"}


def test_two_products_swap_their_ids(shelf):
    identify(shelf, "A,ERP_ID,1", "B,ERP_ID,2")

    assert identify(shelf, "A,ERP_ID,2", "B,ERP_ID,1") == (2, 2)
    assert known(shelf, "ERP_ID") == {"1": "B", "2": "A"}


def test_every_fault_is_named_with_its_line_and_nothing_is_written(shelf):
    identify(shelf, "C,ERP_ID,7")
    give(shelf, "D", "SKU", "C")

    with pytest.raises(BadIdentifiers) as refused:
        identify(
            shelf, "A,ERP_ID,1", "B,ERP_ID,1", "NOPE,ERP_ID,2", "A,SKU,X", "A,COLOUR,red", "C,EAN,5", "B,EAN,"
        )
    with pytest.raises(BadIdentifiers, match="line 2: ERP_ID '7' is that of another product"):
        identify(shelf, "A,ERP_ID,7")

    assert [fault.split(";")[0] for fault in refused.value.faults] == [
        "line 2: ERP_ID '1' stands beside two products",
        "line 3: ERP_ID '1' stands beside two products",
        "line 4: no product has the SKU 'NOPE'",
        "line 5: SKU comes from the shop",
        "line 6: 'COLOUR' is no type of identifiers",
        "line 7: several products have the SKU 'C'",
        "line 8: sku, id_type and id_value must all be given",
    ]
    assert known(shelf, "ERP_ID") == {"7": "C"}


def test_a_file_without_its_columns_is_refused():
    with pytest.raises(BadIdentifiers, match="line 1: no column id_type, id_value; the columns are"):
        identifying.read(["sku,what\n"])


def test_an_id_that_the_database_cannot_hold_is_refused_with_its_line():
    with pytest.raises(BadIdentifiers, match="line 2: a cell holds the letter NUL"):
        identifying.read(["sku,id_type,id_value\n", "A,ERP_ID,1\0\n"])


def test_the_command_writes_what_its_dry_run_has_counted(oms_dsn, tmp_path, capsys):
    with psycopg.connect(oms_dsn) as conn:
        conn.execute("insert into oms.product (internal_name, product_name) values ('A', 'A')")
        conn.execute(
            """insert into oms.product_identification (product_id, identification_type_id, id_value)
               select product_id, 'SKU', 'A' from oms.product"""
        )
    file = tmp_path / "ids.csv"
    file.write_text("\ufeff" + HEADER + "A,ERP_ID,4711\n")
    command = ["--dsn", oms_dsn, "identify", str(file)]

    assert main([*command, "--dry-run"]) == 0
    assert main(command) == 0
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 identifiers would be added, 0 would be ended",
        "1 identifiers added, 0 ended",
        "0 identifiers added, 0 ended",
    ]
    file.write_text(HEADER + "B,ERP_ID,4711\n")
    assert main(command) == 2
    assert "line 2: no product has the SKU 'B'" in capsys.readouterr().err


def test_a_file_that_is_not_there_or_not_utf_8_is_said_without_a_traceback(oms_dsn, tmp_path, capsys):
    foreign = tmp_path / "ids.csv"
    foreign.write_bytes(HEADER.encode() + b"caf\xe9,ERP_ID,1\n")

    assert main(["--dsn", oms_dsn, "identify", str(tmp_path / "none.csv")]) == 2
    assert capsys.readouterr().err == f"{tmp_path}/none.csv: No such file or directory\n"
    assert main(["--dsn", oms_dsn, "identify", str(foreign)]) == 2
    assert "not UTF-8 (byte 24): save it as CSV in UTF-8" in capsys.readouterr().err


def test_a_line_that_says_nothing_is_no_row(shelf):
    assert identify(shelf, ",,", "A,ERP_ID,1", "\u3000,,", "\x1a") == (1, 0)

"""Large resets: rows that agree when they land are left out, and come back if their position moves."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from oms.imports import applying, lines
from oms.inventory.files import prefilter
from tests.oms.imports.conftest import RESET, RESET_JOB, VARIANCE, VARIANCE_JOB, empty_staging, identify

THREE = RESET + "STORE_1,SKU,A,8\nSTORE_1,SKU,B,5\nSTORE_2,SKU,A,3\nSTORE_1,SKU,NOPE,1\n"


@pytest.fixture(autouse=True)
def every_file_is_large(monkeypatch):
    monkeypatch.setattr(prefilter, "WORTH_ROWS", 1)


@pytest.fixture
def stocked(floor):
    floor.stock("A", 8, 8)
    floor.stock("B", 4, 4)
    floor.stock("A", 3, 3, "STORE_2")
    return floor


def resolved(floor):
    """Lines that were resolved one by one."""
    (table,) = floor.conn.execute(
        "select format('oms_staging.%I', tablename) from pg_tables where tablename ~ '^rows_[0-9]+$'"
    ).fetchone()
    return [line for (line,) in floor.conn.execute(f"select line_number from {table} order by 1").fetchall()]


def item(floor, sku, facility="STORE_1"):
    return floor.conn.execute(
        """select inventory_item_id from oms.inventory_item join oms.product using (product_id)
            where internal_name = %s and facility_id = %s""",
        (sku, facility),
    ).fetchone()[0]


def sell(conn, item_id):
    conn.execute(
        """insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, source_key)
           values (%s, -1, -1, gen_random_uuid()::text)""",
        (item_id,),
    )


def landed(floor, content=THREE, **conf):
    floor.drop(RESET_JOB, "reset.csv", content)
    return floor.land(RESET_JOB, **conf)


def finished(floor, chunks):
    for chunk in chunks:
        floor.apply(chunk)
    floor.close(RESET_JOB).raise_if_open()
    return floor.counts()


def test_rows_that_agree_are_counted_and_not_resolved(stocked):
    chunks = landed(stocked)

    assert resolved(stocked) == [3, 5]
    assert finished(stocked, chunks) == {"total": 4, "applied": 1, "unchanged": 2, "rejected": 1}
    assert stocked.position("B") == (5, 5)
    assert stocked.entries() == 1


@pytest.mark.parametrize("conf", [{}, {"minChunkRows": 1}, {"groupBy": ""}, {"groupBy": "idValue"}])
def test_a_sale_between_landing_and_applying_is_put_back(stocked, conf):
    chunks = landed(stocked, **conf)
    sell(stocked.conn, item(stocked, "A"))

    assert finished(stocked, chunks) == {"total": 4, "applied": 2, "unchanged": 1, "rejected": 1}
    assert (stocked.position("A"), stocked.position("A", "STORE_2")) == ((8, 8), (3, 3))


def test_a_sale_open_while_the_file_lands_and_committed_before_it_applies_is_put_back(stocked):
    with psycopg.connect(stocked.dsn) as sale:
        sell(sale, item(stocked, "A"))
        chunks = landed(stocked)
        assert resolved(stocked) == [3, 5]
        sale.commit()

    assert finished(stocked, chunks) == {"total": 4, "applied": 2, "unchanged": 1, "rejected": 1}
    assert stocked.position("A") == (8, 8)


def test_a_sale_open_while_the_file_applies_comes_after_it(stocked):
    chunks = landed(stocked)
    with psycopg.connect(stocked.dsn) as sale:
        sell(sale, item(stocked, "A"))
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(finished, stocked, chunks).result(timeout=20)["unchanged"] == 2
        sale.commit()

    assert stocked.position("A") == (7, 7)


def test_a_movement_there_and_back_leaves_the_row_unchanged(stocked):
    chunks = landed(stocked)
    stocked.move(item(stocked, "A"), -1, -1)
    stocked.move(item(stocked, "A"), 1, 1)

    assert finished(stocked, chunks) == {"total": 4, "applied": 1, "unchanged": 2, "rejected": 1}


def test_another_file_between_landing_and_applying_is_put_back(stocked):
    chunks = landed(stocked)
    stocked.drop(VARIANCE_JOB, "var.csv", VARIANCE + "STORE_2,,SKU,A,-2,,VAR_MANUAL,\n")
    variance = stocked.land(VARIANCE_JOB, force=True)
    stocked.apply(variance[0])
    assert stocked.position("A", "STORE_2") == (1, 1)

    finished(stocked, chunks)

    assert stocked.position("A", "STORE_2") == (3, 3)


@pytest.mark.parametrize("conf", [{}, {"minChunkRows": 1}])
def test_two_files_of_one_load_on_the_same_position(stocked, conf):
    stocked.drop(RESET_JOB, "a.csv", RESET + "STORE_1,SKU,A,9\nSTORE_2,SKU,A,3\n")
    stocked.drop(RESET_JOB, "b.csv", RESET + "STORE_1,SKU,A,8\nSTORE_2,SKU,A,3\n")

    account = stocked.run(RESET_JOB, **conf)

    account.raise_if_open()
    assert [(line.counts["applied"], line.counts["unchanged"]) for line in account.lines] == [(1, 1), (1, 1)]
    assert stocked.position("A") == (8, 8)
    assert stocked.entries() == 2


def test_chunks_in_any_order_and_much_later(stocked):
    chunks = landed(stocked, minChunkRows=1)
    assert len(chunks) == 2
    stocked.apply(chunks[1])
    sell(stocked.conn, item(stocked, "A"))
    sell(stocked.conn, item(stocked, "A", "STORE_2"))
    stocked.apply(chunks[0])
    stocked.apply(chunks[1])

    stocked.close(RESET_JOB).raise_if_open()

    after_one, after_two = stocked.position("A"), stocked.position("A", "STORE_2")
    assert sorted((after_one, after_two)) in ([(2, 2), (8, 8)], [(3, 3), (7, 7)])
    assert sum(stocked.counts().values()) == 8


@pytest.mark.parametrize("conf", [{}, {"minChunkRows": 1}])
def test_staging_lost_before_and_between_chunks_is_landed_again(stocked, conf):
    chunks = landed(stocked, **conf)
    sell(stocked.conn, item(stocked, "A"))

    for chunk in chunks:
        empty_staging(stocked.conn)
        stocked.apply(chunk)
    stocked.close(RESET_JOB).raise_if_open()

    assert stocked.counts() == {"total": 4, "applied": 2, "unchanged": 1, "rejected": 1}
    assert (stocked.position("A"), stocked.position("B")) == ((8, 8), (5, 5))


def test_a_position_named_twice_is_resolved_row_by_row(stocked):
    chunks = landed(stocked, RESET + "STORE_1,SKU,A,9\nSTORE_1,SKU,B,4\nSTORE_1,SKU,A,8\n")

    assert resolved(stocked) == [2, 4]
    assert finished(stocked, chunks) == {"total": 3, "unchanged": 2, "superseded": 1}
    assert stocked.position("A") == (8, 8)


def test_a_row_that_agreed_before_its_position_was_named_again_is_superseded(stocked, monkeypatch):
    monkeypatch.setattr(lines, "BLOCK", 30)

    chunks = landed(stocked, RESET + "STORE_1,SKU,A,8\nSTORE_1,SKU,B,4\nSTORE_2,SKU,A,3\nSTORE_1,SKU,A,9\n")

    assert resolved(stocked) == [2, 5]
    assert finished(stocked, chunks) == {"total": 4, "applied": 1, "unchanged": 2, "superseded": 1}
    assert stocked.position("A") == (9, 9)


def test_a_row_of_a_kind_that_shows_only_later_names_a_position_that_agreed(stocked, monkeypatch):
    monkeypatch.setattr(prefilter, "SAMPLED_LINES", 2)
    (product_id,) = stocked.conn.execute(
        "select product_id from oms.product where internal_name = 'A'"
    ).fetchone()
    identify(stocked.conn, product_id, "UPCA", "4711")

    chunks = landed(stocked, RESET + "STORE_1,SKU,A,8\nSTORE_1,SKU,B,4\nSTORE_1,UPCA,4711,9\n")

    assert resolved(stocked) == [2, 4]
    assert finished(stocked, chunks) == {"total": 3, "applied": 1, "unchanged": 1, "superseded": 1}
    assert stocked.position("A") == (9, 9)


@pytest.mark.parametrize(
    "rows", ['STORE_1,SKU,A,8\n"STORE_1",SKU,A,9\n', '"STORE_1",SKU,A,8\nSTORE_1,SKU,A,9\n']
)
def test_a_quoted_row_names_a_position_that_agreed(stocked, rows):
    chunks = landed(stocked, RESET + rows)

    assert resolved(stocked) == [2, 3]
    assert finished(stocked, chunks) == {"total": 2, "applied": 1, "superseded": 1}
    assert stocked.position("A") == (9, 9)


def test_a_plain_row_that_agrees_after_a_quoted_one_wins(stocked):
    chunks = landed(stocked, RESET + '"STORE_1",SKU,A,9\nSTORE_1,SKU,A,8\n')

    assert resolved(stocked) == [2, 3]
    assert finished(stocked, chunks) == {"total": 2, "unchanged": 1, "superseded": 1}
    assert stocked.position("A") == (8, 8)


def test_a_file_that_agrees_in_every_row_stages_nothing_and_is_finished(stocked):
    chunks = landed(stocked, RESET + "STORE_1,SKU,A,8\nSTORE_1,SKU,B,4\n")

    assert resolved(stocked) == []
    assert finished(stocked, chunks) == {"total": 2, "unchanged": 2}


@pytest.mark.parametrize(
    ("conf", "header"),
    [({}, "facilityId,externalFacilityId,idType,idValue,availableQty"), ({"groupBy": "idValue"}, None)],
)
def test_other_files_are_resolved_row_by_row(stocked, conf, header):
    content = "STORE_1,,SKU,A,8\n" if header else "STORE_1,SKU,A,8\n"

    chunks = landed(stocked, (f"{header}\n" if header else RESET) + content, **conf)

    assert resolved(stocked) == [2]
    assert finished(stocked, chunks) == {"total": 1, "unchanged": 1}


def test_facilities_by_their_external_id(stocked):
    stocked.conn.execute("update oms.facility set external_id = '101' where facility_id = 'STORE_1'")

    chunks = landed(stocked, "externalFacilityId,idValue,availableQty\n101,A,8\n101,B,9\nSTORE_1,A,8\n")

    assert resolved(stocked) == [3, 4]
    assert finished(stocked, chunks) == {"total": 3, "applied": 1, "unchanged": 1, "rejected": 1}


def test_a_position_named_twice_by_two_identifiers(stocked):
    stocked.conn.execute("update oms.facility set external_id = '101' where facility_id = 'STORE_1'")
    (product_id,) = stocked.conn.execute(
        "select product_id from oms.product where internal_name = 'A'"
    ).fetchone()
    identify(stocked.conn, product_id, "UPCA", "4711")

    assert finished(stocked, landed(stocked, RESET + "STORE_1,SKU,A,9\n101,UPCA,4711,8\n")) == {
        "total": 2,
        "unchanged": 1,
        "superseded": 1,
    }


def test_an_identifier_that_moves_to_another_product_leaves_the_row_with_its_product(stocked):
    chunks = landed(stocked)
    stocked.conn.execute("delete from oms.product_identification where id_value = 'A'")
    (product_id,) = stocked.conn.execute(
        "select product_id from oms.product where internal_name = 'C'"
    ).fetchone()
    identify(stocked.conn, product_id, "SKU", "A")
    stocked.stock("C", 1, 1)
    sell(stocked.conn, item(stocked, "A"))

    finished(stocked, chunks)

    assert (stocked.position("A"), stocked.position("C")) == ((8, 8), (1, 1))


def test_an_ambiguous_identifier_is_a_reject_and_nothing_else(stocked):
    (product_id,) = stocked.conn.execute(
        "select product_id from oms.product where internal_name = 'B'"
    ).fetchone()
    identify(stocked.conn, product_id, "SKU", "A")

    counts = finished(stocked, landed(stocked))

    assert counts == {"total": 4, "applied": 1, "rejected": 3}
    assert stocked.rejects() == [
        (2, "ERR_PRODUCT_AMBIGUOUS"),
        (4, "ERR_PRODUCT_AMBIGUOUS"),
        (5, "ERR_PRODUCT_NOT_FOUND"),
    ]


def test_a_facility_that_cannot_be_told_from_another_is_a_reject_and_nothing_else(stocked):
    """Their ids differ in their form of Unicode only; each has the figure of the row."""
    for name in ("KÖLN", "KO\u0308LN"):
        stocked.conn.execute(
            """insert into oms.facility (facility_id, facility_name, facility_type_id)
               values (%s, 'Cologne', 'RETAIL_STORE')""",
            (name,),
        )
        stocked.stock("A", 8, 8, facility=name)

    counts = finished(stocked, landed(stocked, "facilityId,idValue,availableQty\nKÖLN,A,8\nSTORE_1,A,9\n"))

    assert (counts, stocked.rejects()) == (
        {"total": 2, "applied": 1, "rejected": 1},
        [(2, "ERR_FACILITY_AMBIGUOUS")],
    )


def test_products_may_be_named_by_their_id(stocked):
    (product_id,) = stocked.conn.execute(
        "select product_id from oms.product where internal_name = 'A'"
    ).fetchone()
    chunks = landed(stocked, f"facilityId,productId,availableQty\nSTORE_1,{product_id},8\n")
    assert resolved(stocked) == []
    sell(stocked.conn, item(stocked, "A"))

    assert finished(stocked, chunks) == {"total": 1, "applied": 1}
    assert stocked.position("A") == (8, 8)


def test_a_copy_of_the_database_trusts_no_comparison_of_the_original(stocked):
    chunks = landed(stocked)
    (table,) = stocked.conn.execute(
        "select format('oms_staging.%I', tablename) from pg_tables where tablename ~ '^agreeing_'"
    ).fetchone()
    sell(stocked.conn, item(stocked, "A"))
    stocked.conn.execute(f"update {table} set database = 'another', mark = '9000000:9000000:'")

    finished(stocked, chunks)

    assert stocked.position("A") == (8, 8)


def test_applying_side_by_side_gives_what_one_after_the_other_gives(stocked):
    chunks = landed(stocked, minChunkRows=1)
    for store in ("STORE_1", "STORE_2"):
        sell(stocked.conn, item(stocked, "A", store))

    def apply(chunk):
        with psycopg.connect(stocked.dsn, autocommit=True) as conn:
            return applying.apply_chunk(conn, chunk, stocked.open_sftp)["applied"]

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(apply, chunks)) == 3
    stocked.close(RESET_JOB).raise_if_open()

    assert (stocked.position("A"), stocked.position("A", "STORE_2")) == ((8, 8), (3, 3))


def test_balances_below_zero_agree_too(stocked):
    stocked.stock("C", -2, -2)

    landed(stocked, RESET + "STORE_1,SKU,C,-2\nSTORE_1,SKU,A,-8\nSTORE_1,SKU,B,-4\n")

    assert resolved(stocked) == [3, 4]


@pytest.mark.parametrize("limit", ["MOST_NAMES", "MOST_CELLS", "MOST_PRODUCT_ID"])
def test_a_comparison_that_would_need_too_much_memory_is_not_made(stocked, monkeypatch, limit):
    monkeypatch.setattr(prefilter, limit, 1)

    chunks = landed(stocked)

    assert resolved(stocked) == [2, 3, 4, 5]
    assert finished(stocked, chunks) == {"total": 4, "applied": 1, "unchanged": 2, "rejected": 1}

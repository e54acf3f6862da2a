"""Which file goes first, who may run beside whom, and what happens when somebody dies (inventory.md 3.4)."""

import os
import string
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random

import psycopg
import pytest

from oms import locks
from oms.imports import applying, arrival, closing, landing
from oms.imports.errors import AccountOpen, FileRefused, OlderFileNotLanded, StagingLost
from tests.oms.imports.conftest import (
    RESET,
    RESET_JOB,
    VARIANCE,
    VARIANCE_JOB,
    empty_staging,
    product,
    sftp_client,
)

MINUS_TWO = VARIANCE + "STORE_1,,SKU,A,-2,,VAR_MANUAL,\n"


def test_inv_18_a_variance_that_goes_ahead_waits_for_an_older_reset_of_its_facility(floor):
    floor.stock("A", 8, 8)
    floor.drop(RESET_JOB, "reset.csv", RESET + "STORE_1,SKU,A,10\n")
    (reset_chunk,) = floor.land(RESET_JOB)
    floor.drop(VARIANCE_JOB, "var.csv", MINUS_TWO)
    (variance_chunk,) = floor.land(VARIANCE_JOB)

    floor.apply(variance_chunk)

    assert floor.position("A") == (8, 8)
    assert floor.apply(reset_chunk)["applied"] == 1
    assert (floor.position("A"), floor.entries()) == ((8, 8), 2)


def test_inv_18_a_reset_of_another_facility_is_not_waited_for(floor):
    floor.stock("A", 8, 8)
    floor.drop(RESET_JOB, "reset.csv", RESET + "STORE_2,SKU,A,10\n")
    floor.land(RESET_JOB)
    floor.drop(VARIANCE_JOB, "var.csv", MINUS_TWO)

    floor.apply(floor.land(VARIANCE_JOB)[0])

    assert (floor.position("A"), floor.position("A", "STORE_2")) == ((6, 6), None)


def test_inv_18_force_goes_ahead_of_the_reset(floor):
    floor.stock("A", 8, 8)
    floor.drop(RESET_JOB, "reset.csv", RESET + "STORE_1,SKU,A,10\n")
    floor.land(RESET_JOB)
    floor.drop(VARIANCE_JOB, "var.csv", MINUS_TWO)

    floor.apply(floor.land(VARIANCE_JOB, force=True)[0])

    assert floor.position("A") == (6, 6)


def test_inv_18_a_queued_file_takes_its_turn_behind_all_older_ones(floor):
    floor.stock("A", 8, 8)
    floor.drop(VARIANCE_JOB, "var.csv", MINUS_TWO)
    floor.land(VARIANCE_JOB)
    floor.drop(RESET_JOB, "reset.csv", RESET + "STORE_1,SKU,A,10\n")

    floor.apply(floor.land(RESET_JOB)[0])

    assert floor.position("A") == (10, 10)
    assert floor.conn.execute(
        "select array_agg(qoh_diff order by entry_id) from oms.inventory_ledger where log_id is not null"
    ).fetchone() == ([-2, 4],)


@pytest.mark.parametrize("status", ["DmlsHeld", "DmlsFailed", "DmlsCancelled"])
def test_a_log_that_is_held_failed_or_cancelled_is_not_waited_for(floor, status):
    floor.stock("A", 8, 8)
    floor.drop(RESET_JOB, "reset.csv", RESET + "STORE_1,SKU,A,10\n")
    floor.land(RESET_JOB)
    floor.conn.execute("update oms.import_log set status = %s", (status,))
    floor.drop(VARIANCE_JOB, "var.csv", MINUS_TWO)

    floor.apply(floor.land(VARIANCE_JOB)[0])

    assert floor.position("A") == (6, 6)


def test_files_of_one_run_are_applied_oldest_first(floor):
    for age, (name, figure) in enumerate((("z.csv", 1), ("a.csv", 2), ("m.csv", 3))):
        path = floor.drop(RESET_JOB, name, RESET + f"STORE_1,SKU,A,{figure}\n")
        moment = time.time() - 100 + age
        os.utime(path, (moment, moment))

    floor.run(RESET_JOB).raise_if_open()

    assert floor.position("A") == (3, 3)
    assert [name for (name,) in floor.logs("file_name")] == ["z.csv", "a.csv", "m.csv"]


def of_one_second(*paths):
    for path in paths:
        os.utime(path, (1_800_000_000, 1_800_000_000))


def test_of_one_second_the_higher_number_in_the_name_came_later(floor, caplog):
    names = ["count_10.csv", "count_9.csv", "count_9b.csv", "count_100.csv"]
    of_one_second(
        *[
            floor.drop(RESET_JOB, name, RESET + f"STORE_1,SKU,A,{figure}\n")
            for figure, name in enumerate(names)
        ]
    )

    floor.run(RESET_JOB).raise_if_open()

    assert [name for (name,) in floor.logs("file_name")] == [
        "count_9.csv",
        "count_9b.csv",
        "count_10.csv",
        "count_100.csv",
    ]
    assert floor.position("A") == (3, 3)
    assert (
        "count_9.csv and count_9b.csv and count_10.csv and count_100.csv were written in the same second and "
        "set the same position, such as A at STORE_1" in caplog.text
    )


@pytest.mark.parametrize("closed", [False, True])
def test_a_file_of_the_same_second_that_an_earlier_run_took_is_warned_of(floor, caplog, closed):
    of_one_second(floor.drop(RESET_JOB, "count_10.csv", RESET + "STORE_1,SKU,A,10\n"))
    floor.run(RESET_JOB).raise_if_open() if closed else floor.land(RESET_JOB)
    of_one_second(floor.drop(RESET_JOB, "count_9.csv", RESET + "STORE_1,SKU,A,9\nSTORE_1,SKU,B,9\n"))

    floor.land(RESET_JOB)

    assert "count_10.csv and count_9.csv were written in the same second" in caplog.text


def test_files_of_one_second_about_other_positions_are_not_warned_of(floor, caplog):
    of_one_second(
        floor.drop(RESET_JOB, "count_1.csv", RESET + "STORE_1,SKU,A,1\n"),
        floor.drop(RESET_JOB, "count_2.csv", RESET + "STORE_1,SKU,B,2\nSTORE_2,SKU,A,2\n"),
        floor.drop(VARIANCE_JOB, "var_1.csv", MINUS_TWO),
        floor.drop(VARIANCE_JOB, "var_2.csv", MINUS_TWO + "STORE_1,,SKU,B,-1,,,\n"),
    )
    floor.land(RESET_JOB)
    floor.land(VARIANCE_JOB)

    assert "same second" not in caplog.text


def test_files_that_are_grouped_by_something_else_than_a_position_are_loads_of_their_own(floor):
    header = "facilityId,idValue,availableQty,comments\n"
    floor.drop(RESET_JOB, "a.csv", header + "STORE_1,A,1,x\nSTORE_1,B,1,y\n")
    time.sleep(1.1)  # mtime has whole seconds
    floor.drop(RESET_JOB, "b.csv", header + "STORE_1,A,2,y\nSTORE_1,B,2,x\n")

    floor.run(RESET_JOB, groupBy="comments", minChunkRows=1).raise_if_open()

    assert [(chunk["load_id"], chunk["chunk_no"]) for chunk in floor.chunks] == [
        (1, 0),
        (1, 1),
        (2, 0),
        (2, 1),
    ]
    assert (floor.position("A"), floor.position("B")) == ((2, 2), (2, 2))


def many(facilities, rows):
    return RESET + "".join(
        f"F{facility},SKU,P{row},{row}\n" for facility in range(facilities) for row in range(rows)
    )


def facilities_and_products(floor, facilities, products):
    floor.conn.execute(
        """insert into oms.facility (facility_id, facility_name, facility_type_id)
           select 'F' || n, 'F', 'RETAIL_STORE' from generate_series(0, %s) as n""",
        (facilities - 1,),
    )
    for number in range(products):
        product(floor.conn, f"P{number}")


@pytest.mark.parametrize(
    ("facilities", "conf", "sizes"),
    [
        (40, {}, [180] * 8 + [120] * 8),
        (4, {}, [60] * 4),
        (40, {"groupBy": ""}, [2400]),
        (40, {"maxChunks": 40}, [60] * 40),
        (1, {}, [60]),
    ],
)
def test_inv_22_group_by(floor, facilities, conf, sizes):
    """The example's figures divided by 50: facilities of 60 rows instead of 3,000."""
    facilities_and_products(floor, facilities, 60)
    floor.drop(RESET_JOB, "reset.csv", many(facilities, 60))

    account = floor.run(RESET_JOB, minChunkRows=60, **conf)

    account.raise_if_open()
    assert sorted((chunk["rows"] for chunk in floor.chunks), reverse=True) == sizes
    assert account.changed == facilities * 59
    assert floor.conn.execute(
        """select count(*) from oms.inventory_item join oms.product using (product_id)
            where 'P' || qoh = internal_name"""
    ).fetchone() == (facilities * 59,)


def test_inv_22_a_chunk_is_labelled_with_its_facilities(floor):
    facilities_and_products(floor, 2, 60)

    floor.reset(many(2, 60), minChunkRows=60)

    assert [chunk["label"] for chunk in floor.chunks] == ["F0 (reset.csv)", "F1 (reset.csv)"]


def test_a_label_is_no_longer_than_airflow_takes_it(floor):
    facilities_and_products(floor, 2, 3)
    for number in range(3):
        floor.drop(RESET_JOB, f"{number}{'x' * 120}.csv", many(2, 3))

    floor.run(RESET_JOB, minChunkRows=6).raise_if_open()

    assert [len(chunk["label"]) for chunk in floor.chunks] == [250, 250]
    assert floor.chunks[0]["label"].startswith("F0 (0xxx")


def test_inv_22_a_few_rows_of_many_facilities_are_one_chunk(floor):
    facilities_and_products(floor, 12, 1)

    floor.reset(many(12, 1))

    assert [chunk["rows"] for chunk in floor.chunks] == [12]


def test_inv_22_a_group_never_spans_two_chunks(floor):
    facilities_and_products(floor, 1, 200)

    floor.reset(many(1, 200), groupBy="idValue", minChunkRows=10)

    assert len(floor.chunks) == 16
    assert sum(chunk["rows"] for chunk in floor.chunks) == 200
    assert floor.conn.execute(
        "select count(*), count(distinct group_key), count(distinct chunk_no) from oms.import_group"
    ).fetchone() == (200, 200, 16)


def test_a_group_of_any_length_is_a_group(floor):
    facilities_and_products(floor, 1, 4)
    long = "".join(Random(1).choices(string.ascii_letters, k=9000))
    rows = many(1, 4).splitlines()
    rows = [
        rows[0] + ",shelf",
        *(f"{row},{long if number < 2 else 'x'}" for number, row in enumerate(rows[1:])),
    ]

    floor.reset("\n".join(rows) + "\n", groupBy="shelf", minChunkRows=1).raise_if_open()

    assert [chunk["rows"] for chunk in floor.chunks] == [2, 2]


def test_chunks_side_by_side_give_what_one_after_the_other_gives(floor):
    facilities_and_products(floor, 12, 60)
    floor.drop(RESET_JOB, "reset.csv", many(12, 60))
    chunks = floor.land(RESET_JOB, minChunkRows=60)

    def apply(chunk):
        with psycopg.connect(floor.dsn, autocommit=True) as conn:
            return applying.apply_chunk(conn, chunk, floor.open_sftp)["applied"]

    with ThreadPoolExecutor(4) as pool:
        applied = sum(pool.map(apply, chunks + chunks))

    floor.close(RESET_JOB).raise_if_open()
    assert (applied, floor.entries()) == (2 * 12 * 59, 12 * 59)


def test_two_workers_on_one_file_land_it_once(floor, sftp_server):
    floor.stock("W", 10, 10)
    floor.drop(VARIANCE_JOB, "var.csv", VARIANCE + "STORE_1,,SKU,W,-2,,,\n")
    together = threading.Barrier(4)

    def work(number):
        with psycopg.connect(floor.dsn, autocommit=True) as conn, sftp_client(sftp_server) as sftp:
            run = landing.Run(VARIANCE_JOB.dag_id, f"worker_{number}")
            params = floor.params(VARIANCE_JOB)
            together.wait()
            for chunk in landing.land(conn, sftp, VARIANCE_JOB, params, run, arrival.find(sftp, params)):
                applying.apply_chunk(conn, chunk, floor.open_sftp)
            closing.close(conn, sftp, VARIANCE_JOB, run)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    floor.run(VARIANCE_JOB).raise_if_open()

    assert (floor.position("W"), floor.logs()) == ((8, 8), [("DmlsFinished",)])


def test_two_runs_at_the_same_time_with_files_of_the_same_positions(floor, sftp_server):
    facilities_and_products(floor, 4, 60)

    def work(number):
        with psycopg.connect(floor.dsn, autocommit=True) as conn, sftp_client(sftp_server) as sftp:
            floor.drop(RESET_JOB, f"reset_{number}.csv", many(4, 60).replace(",P", ",P"))
            run = landing.Run(RESET_JOB.dag_id, f"run_{number}")
            params = floor.params(RESET_JOB, remoteFilename=f"reset_{number}.csv", minChunkRows=60)
            for chunk in landing.land(conn, sftp, RESET_JOB, params, run, arrival.find(sftp, params)):
                applying.apply_chunk(conn, chunk, floor.open_sftp)
            closing.close(conn, sftp, RESET_JOB, run).raise_if_open()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))

    assert floor.logs() == [("DmlsFinished",)] * 3
    assert floor.entries() == 4 * 59


def test_a_reset_and_a_sale_at_the_same_time_are_one_after_the_other(floor):
    item = floor.stock("A", 8, 8)
    floor.drop(RESET_JOB, "reset.csv", RESET + "STORE_1,SKU,A,10\n")
    (chunk,) = floor.land(RESET_JOB)
    with psycopg.connect(floor.dsn) as sale, psycopg.connect(floor.dsn, autocommit=True) as importer:
        sale.execute(
            """insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, source_key)
               values (%s, -3, -3, 's')""",
            (item,),
        )
        with ThreadPoolExecutor(1) as pool:
            applying_it = pool.submit(applying.apply_chunk, importer, chunk, floor.open_sftp)
            time.sleep(0.3)
            assert not applying_it.done()
            sale.commit()
            applying_it.result(timeout=20)

    assert floor.position("A") == (10, 10)


def test_a_file_that_is_being_landed_is_waited_for(floor):
    floor.stock("A", 8, 8)
    floor.drop(VARIANCE_JOB, "var.csv", MINUS_TWO)
    with psycopg.connect(floor.dsn, autocommit=True) as lander:
        log_id = claim(lander, RESET_JOB)
        locks.take(lander, locks.IMPORT_LOG.of(log_id))
        (chunk,) = floor.land(VARIANCE_JOB)
        with ThreadPoolExecutor(1) as pool:
            applying_it = pool.submit(floor.apply, chunk)
            time.sleep(0.3)
            assert not applying_it.done()
            lander.execute("delete from oms.import_log where log_id = %s", (log_id,))
            locks.give_back(lander, locks.IMPORT_LOG.of(log_id))
            assert applying_it.result(timeout=20)["applied"] == 1


def test_a_file_whose_lander_died_is_named(floor):
    claim(floor.conn, RESET_JOB)
    floor.drop(VARIANCE_JOB, "var.csv", MINUS_TWO)
    (chunk,) = floor.land(VARIANCE_JOB)

    with pytest.raises(OlderFileNotLanded, match=r"gone/reset\.csv.*import_inventory_reset"):
        floor.apply(chunk)


def claim(conn, job):
    return conn.execute(
        """insert into oms.import_log (config_id, dag_id, run_id, connection_id, remote_path, file_name,
                                       domain, kind, schedule_now)
           values (%s, %s, 'dead', 'ftp_config', 'gone/reset.csv', 'reset.csv', 'BALANCE', 'reset', false)
           returning log_id""",
        (job.config_id, job.dag_id),
    ).fetchone()[0]


def test_a_run_that_could_not_apply_fails_and_the_next_one_goes_on(floor):
    floor.drop(RESET_JOB, "reset.csv", RESET + "STORE_1,SKU,A,5\n")
    floor.land(RESET_JOB)

    with pytest.raises(AccountOpen, match=r"reset\.csv"):
        floor.close(RESET_JOB).raise_if_open()
    assert floor.files(RESET_JOB) == ["reset.csv"]

    floor.run(RESET_JOB).raise_if_open()
    assert (floor.position("A"), floor.files(RESET_JOB)) == ((5, 5), [])


def test_a_run_without_files_of_its_own_fails_with_what_it_could_not_apply(floor):
    floor.drop(RESET_JOB, "reset.csv", RESET + "STORE_1,SKU,A,5\n")
    floor.land(RESET_JOB)

    floor.chunks = floor.land(RESET_JOB, fileNameRegex="nothing.*")

    with pytest.raises(AccountOpen, match=r"reset\.csv"):
        floor.close(RESET_JOB).raise_if_open()


def test_a_file_of_another_server_is_left_to_the_runs_of_that_server(floor):
    """Here it would be moved, its rejects written and its lost rows looked for where it is not."""
    floor.drop(RESET_JOB, "reset.csv", RESET + "STORE_1,SKU,A,5\n")
    other, here = {"propertyResource": "FTP_2"}, {"fileNameRegex": "nothing.*"}
    (chunk,) = floor.land(RESET_JOB, **other)

    assert floor.run(RESET_JOB, **here).lines == floor.chunks == []
    floor.apply(chunk)
    assert floor.run(RESET_JOB, **here).lines == []
    assert floor.logs("closed_at, connection_id") == [(None, "ftp_2")]

    run = floor.new_run(RESET_JOB)
    closing.close(floor.conn, floor.sftp, RESET_JOB, run, connection_id="ftp_2").raise_if_open()
    assert floor.files(RESET_JOB, "archive") == ["1_reset.csv"]


def test_a_close_that_is_repeated_rings_for_files_of_an_earlier_run_too(floor):
    """Killed after its last commit, it would else not wake the hard sync: nobody else sends a reset there."""
    floor.drop(RESET_JOB, "reset.csv", RESET + "STORE_1,SKU,A,5\n")
    floor.land(RESET_JOB)
    floor.chunks = floor.land(RESET_JOB, fileNameRegex="nothing.*")
    floor.apply(floor.chunks[0])

    first, again = floor.close(RESET_JOB), floor.close(RESET_JOB)

    assert (first.changed, first.changed_files) == (again.changed, again.changed_files) == (1, [1])


def test_closing_twice_changes_nothing(floor):
    floor.reset(RESET + "STORE_1,SKU,A,5\nSTORE_1,SKU,X,5\n")
    before = floor.files(RESET_JOB, "archive"), floor.files(RESET_JOB, "error"), floor.logs("closed_at")

    again = floor.close(RESET_JOB)

    again.raise_if_open()
    assert (
        floor.files(RESET_JOB, "archive"),
        floor.files(RESET_JOB, "error"),
        floor.logs("closed_at"),
    ) == before
    assert again.changed == 1


@pytest.mark.parametrize("min_chunk_rows", [1, 3000])
def test_staging_emptied_by_a_crash_is_landed_again(floor, min_chunk_rows):
    floor.drop(
        RESET_JOB, "reset.csv", RESET + "STORE_1,SKU,A,5\nSTORE_2,SKU,B,6\nSTORE_1,SKU,X,7\nSTORE_1,SKU,A,8\n"
    )
    chunks = floor.land(RESET_JOB, minChunkRows=min_chunk_rows)
    empty_staging(floor.conn)

    for chunk in chunks:
        floor.apply(chunk)
        empty_staging(floor.conn)
    floor.close(RESET_JOB).raise_if_open()

    assert (floor.position("A"), floor.position("B", "STORE_2")) == ((8, 8), (6, 6))
    assert floor.counts() == {"total": 4, "applied": 2, "superseded": 1, "rejected": 1}


def test_staging_that_cannot_be_landed_again_fails_the_file_and_what_is_there_now_is_a_new_one(floor):
    path = floor.drop(RESET_JOB, "reset.csv", RESET + "STORE_1,SKU,A,5\n")
    (chunk,) = floor.land(RESET_JOB)
    empty_staging(floor.conn)
    path.write_text(RESET + "STORE_1,SKU,A,6\n")

    with pytest.raises(StagingLost, match=r"reset\.csv.*nothing of it is applied"):
        floor.apply(chunk)

    assert floor.fault()[:2] == ("DmlsFailed", "ERR_STAGING_LOST")
    with pytest.raises(FileRefused, match=r"reset\.csv: the staged rows are gone"):
        floor.close(RESET_JOB).raise_if_open()
    floor.vary(VARIANCE + "STORE_1,,SKU,B,1,,,\n")
    floor.run(RESET_JOB).raise_if_open()
    assert (floor.position("A"), floor.position("B")) == ((6, 6), (1, 1))


def test_a_file_whose_rows_are_lost_does_not_hinder_the_other_of_its_load(floor):
    floor.drop(RESET_JOB, "a.csv", RESET + "STORE_1,SKU,A,5\n").touch()
    floor.drop(RESET_JOB, "b.csv", RESET + "STORE_1,SKU,B,6\n")
    (chunk,) = floor.land(RESET_JOB)
    empty_staging(floor.conn)
    (floor.root / RESET_JOB.import_path / "a.csv").unlink()
    with pytest.raises(StagingLost, match=r"a\.csv"):
        floor.apply(chunk)

    floor.run(RESET_JOB)

    assert floor.logs("file_name, status, closed_at is not null") == [
        ("a.csv", "DmlsFailed", True),
        ("b.csv", "DmlsFinished", True),
    ]
    assert floor.position("B") == (6, 6)


@pytest.mark.parametrize(
    ("job", "content"),
    [
        pytest.param(RESET_JOB, RESET + "STORE_1,SKU,A,5\nSTORE_2,SKU,B,6\n", id="reset"),
        pytest.param(VARIANCE_JOB, VARIANCE + "STORE_1,,SKU,A,5,,,\nSTORE_2,,SKU,B,6,,,\n", id="delta"),
    ],
)
def test_a_file_of_which_a_part_is_applied_is_held_until_it_is_put_back(floor, job, content):
    path = floor.drop(job, "a.csv", content)
    first, second = floor.land(job, minChunkRows=1, groupBy="facilityId")
    floor.apply(first)
    empty_staging(floor.conn)
    path.write_text(content.replace("6", "7"))
    with pytest.raises(StagingLost, match=r"a\.csv.*part of it is applied.*force"):
        floor.apply(second)
    assert floor.fault()[:2] == ("DmlsHeld", "ERR_STAGING_LOST")

    path.write_text(content)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    floor.run(job, remoteFilename="a.csv", force=True).raise_if_open()

    assert (floor.position("A"), floor.position("B", "STORE_2")) == ((5, 5), (6, 6))
    assert (floor.counts(), floor.entries()) == ({"total": 2, "applied": 2}, 2)
    assert (floor.files(job), floor.files(job, "archive")) == ([], ["1_a.csv"])


def test_nothing_is_left_in_staging_after_closing(floor):
    floor.reset(RESET + "STORE_1,SKU,A,5\n")

    assert floor.conn.execute(
        "select count(*) from pg_tables where tablename ~ '^[a-z]+_[0-9]+$'"
    ).fetchone() == (0,)


def test_the_account_is_a_table(floor):
    account = floor.reset(RESET + "STORE_1,SKU,A,5\nSTORE_1,SKU,X,5\n")

    assert account.table().splitlines() == [
        "log  file       status        total  applied  unchanged  superseded  duplicate  skipped  rejected",
        "1    reset.csv  DmlsFinished      2        1          0           0          0        0         1",
    ]

"""Many small files share tables, locks and statements; they end as if each had come alone."""

import os
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path

import psycopg
import pytest

from oms import crashpoints, database
from oms.imports import applying, arrival, claiming, closing, landing, together
from oms.imports.errors import OlderFileNotLanded, StagingLost
from oms.imports.jobs import Run
from oms.imports.packing import into_tasks
from sandbox import postgres, processes
from tests.oms.imports.conftest import (
    RESET,
    RESET_JOB,
    VARIANCE,
    VARIANCE_JOB,
    Floor,
    empty_staging,
    seed,
    sftp_client,
)

SECOND = 1_800_000_000


def drop_all(floor, files: dict[str, str], job=VARIANCE_JOB) -> None:
    """Files that came a second after each other."""
    for second, (name, content) in enumerate(files.items(), SECOND):
        os.utime(floor.drop(job, name, content), (second, second))


MIXED = {
    "good.csv": VARIANCE + "STORE_1,,SKU,A,-2,,VAR_DAMAGED,box crushed\n",
    "unknown.csv": VARIANCE + "STORE_1,,SKU,NOPE,1,,,\nSTORE_1,,SKU,A,1,,,\n",
    "floored.csv": VARIANCE + "STORE_1,,SKU,A,-50,,,\n",
    "back.csv": VARIANCE + "STORE_1,,SKU,A,5,,,\nSTORE_2,,SKU,B,0,,,\n",
    "quoted.csv": VARIANCE + '"STORE_1","","SKU","C","4","","","said ""yes"""\n',
    "other_header.csv": "facilityId,idValue,availableDelta\nSTORE_2,D,7\n",
    "kit.csv": VARIANCE + "STORE_1,,SKU,KIT,4,,,\n",
    "same_again.csv": VARIANCE + "STORE_1,,SKU,A,-2,,VAR_DAMAGED,box crushed\n",
    "empty.csv": "",
    "only_header.csv": VARIANCE,
    "cut.csv": VARIANCE + "STORE_1,,SKU,A,-2",
    "no_header.csv": "a,b,c\n1,2,3\n",
    "other_header_2.csv": "facilityId,idValue,availableDelta\nSTORE_2,D,-9\nSTORE_2,,1\n",
    "too_far.csv": VARIANCE + "STORE_1,,SKU,W,1000000000,,,\nSTORE_1,,SKU,W,1,,,\n",
    "long.csv": VARIANCE + "STORE_1,,SKU,B,1,,,\n" * 5000,
}


def outcome(floor) -> dict[str, list]:
    """All that files have left, by name; without numbers of runs, loads and entries."""
    of_file = "join oms.import_log using (log_id) order by log_id, line_number"
    return {
        "logs": floor.logs(
            """log_id, file_name, status, total_count, applied_count, unchanged_count, duplicate_count,
               skipped_count, rejected_count, error_code, error_message, duplicate_of_log_id, header,
               content_sha256,
               split_part(moved_to, '/', 4), split_part(reject_file, '/', 4)"""
        ),
        "entries": floor.conn.execute(
            f"""select log_id, line_number, inventory_item_id, qoh_diff, atp_diff, reason_id, comments
                  from oms.inventory_ledger {of_file}"""
        ).fetchall(),
        "rejects": floor.conn.execute(
            f"""select log_id, line_number, error_column, reject.error_code, reject.error_message, raw
                  from oms.import_reject as reject {of_file}"""
        ).fetchall(),
        "notes": floor.conn.execute(
            f"select log_id, line_number, outcome, message from oms.import_row_note {of_file}"
        ).fetchall(),
        "reject files": [
            (floor.root / VARIANCE_JOB.import_path / "error" / name).read_bytes()
            for name in floor.files(VARIANCE_JOB, "error")
        ],
        "tables": floor.conn.execute(
            "select tablename from pg_tables where schemaname = 'oms_staging' and tablename ~ '[0-9]'"
        ).fetchall(),
    }


@pytest.fixture(scope="module")
def alone() -> dict[str, list]:
    """What the files leave when each lands by itself."""
    return {}


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("fewest", [10_000, 2], ids=["alone", "together"])
def test_small_files_end_as_if_each_had_landed_alone(floor, alone, monkeypatch, fewest, lost):
    monkeypatch.setattr(together, "FEWEST", fewest)
    floor.stock("A", 10, 10)
    drop_all(floor, MIXED)

    run = floor.new_run(VARIANCE_JOB)
    chunks = floor.land(VARIANCE_JOB, run)
    shared = floor.conn.execute("select count(*) from oms.import_log where staged_with is not null")
    assert (shared.fetchone()[0] > 5) == (fewest == 2)
    if lost:
        empty_staging(floor.conn)
    for chunk in chunks:
        floor.apply(chunk)
    floor.close(VARIANCE_JOB, run)

    alone.setdefault("outcome", outcome(floor))
    assert outcome(floor) == alone["outcome"]
    assert floor.position("A") == (5, 5)


def test_a_corrected_reject_file_among_small_files_repairs_its_line(floor):
    floor.vary(VARIANCE + "STORE_1,,SKU,NOPE,3,,,\n", "wrong.csv")
    header = "error_line,error_column,error_code,error_message,error_log," + VARIANCE
    drop_all(
        floor,
        {
            "a.csv": VARIANCE + "STORE_1,,SKU,A,1,,,\n",
            "repair.csv": header + "2,,,,1,STORE_1,,SKU,B,3,,,\n",
            "repair_again.csv": header + "2,,,,1,STORE_1,,SKU,B,3,,,\n\n",
            "c.csv": VARIANCE + "STORE_1,,SKU,C,1,,,\n",
        },
    )

    floor.run(VARIANCE_JOB).raise_if_open()

    assert (floor.position("A"), floor.position("B"), floor.position("C")) == ((1, 1), (3, 3), (1, 1))


def test_of_small_files_one_that_a_person_cancels_is_left_out(floor):
    drop_all(floor, {f"{n}.csv": VARIANCE + f"STORE_1,,SKU,A,{10**n},,,\n" for n in range(3)})
    (chunk,) = floor.land(VARIANCE_JOB)
    floor.conn.execute("update oms.import_log set status = 'DmlsCancelled' where file_name = '1.csv'")

    floor.apply(chunk)

    assert floor.position("A") == (101, 101)


def locks_of_steps(floor, monkeypatch, job, files: int) -> dict[str, int]:
    """The most locks that the session of the import holds at each of its crash points."""
    most: dict[str, int] = {}
    query = "select count(*) from pg_locks where pid = pg_backend_pid() and database is not null"

    def count(name: str) -> None:
        most[name] = max(most.get(name, 0), floor.conn.execute(query).fetchone()[0])

    content = VARIANCE + "STORE_1,,SKU,A,{},,,{}\n" if job is VARIANCE_JOB else RESET + "STORE_1,SKU,A,{}\n"
    drop_all(floor, {f"{files}_{number}.csv": content.format(number, files) for number in range(files)}, job)
    with monkeypatch.context() as patch:
        patch.setattr(crashpoints, "point", count)
        floor.run(job).raise_if_open()
    return most


def test_the_locks_of_an_import_do_not_grow_with_its_files(floor, monkeypatch):
    monkeypatch.setattr(landing, "FILES_TOGETHER", 10)
    monkeypatch.setattr(closing, "FILES_TOGETHER", 10)
    few, many = (locks_of_steps(floor, monkeypatch, VARIANCE_JOB, files) for files in (20, 60))

    assert {name: (few[name], locks) for name, locks in many.items() if locks > few[name] + 5} == {}


@pytest.fixture(scope="module")
def narrow_server():
    """A Postgres that has a tenth of the usual room for locks."""
    home = Path(tempfile.mkdtemp(prefix="oms-narrow-"))
    home.chmod(0o711)
    cluster = postgres.prepare(home, port=processes.free_port(0))
    room = {"max_locks_per_transaction": "10", "max_connections": "12", "max_worker_processes": "0"}
    try:
        postgres.start(cluster, settings=postgres.THROW_AWAY | room, ends_with_us=True)
        yield cluster
    finally:
        postgres.destroy(cluster)
        shutil.rmtree(home, ignore_errors=True)


@pytest.mark.parametrize("job", [VARIANCE_JOB, RESET_JOB], ids=["variances", "resets"])
def test_a_backlog_passes_on_a_server_with_little_room_for_locks(narrow_server, sftp_server, sftp_root, job):
    """A tenth of the locks and a thirtieth of the 5,000 files (`tests/benchmarks/backlog.py` has all)."""
    name = f"narrow_{job.kind.name}"
    with psycopg.connect(narrow_server.dsn(), autocommit=True) as conn:
        conn.execute(f"create database {name}")
    dsn = narrow_server.dsn(name)
    database.migrate(dsn)
    (sftp_root / job.import_path).mkdir(parents=True)
    with psycopg.connect(dsn, autocommit=True) as conn, sftp_client(sftp_server) as sftp:
        seed(conn)
        floor = Floor(conn, sftp, sftp_root, dsn, lambda: sftp_client(sftp_server))
        content = RESET + "STORE_1,SKU,A,{}\n" if job is RESET_JOB else VARIANCE + "STORE_1,,SKU,A,1,,,{}\n"
        drop_all(floor, {f"f_{n}.csv": content.format(n) for n in range(170)}, job)

        floor.run(job).raise_if_open()

        assert floor.position("A") == ((169, 169) if job is RESET_JOB else (170, 170))
        assert set(floor.logs("status")) == {("DmlsFinished",)}


def test_a_run_takes_the_oldest_files_and_leaves_the_rest_to_the_next(floor):
    drop_all(floor, {f"{n}.csv": VARIANCE + f"STORE_1,,SKU,A,{n},,,\n" for n in range(1, 8)})
    stamps = {
        f"{n}.csv": (len(VARIANCE) + len(f"STORE_1,,SKU,A,{n},,,\n"), SECOND + n - 1) for n in range(7, 0, -1)
    }
    params = floor.params(VARIANCE_JOB, maxFiles=3)

    landing.land(floor.conn, floor.sftp, VARIANCE_JOB, params, Run("x", "1"), stamps)
    assert floor.logs("file_name") == [("1.csv",), ("2.csv",), ("3.csv",)]
    left = claiming.unclaimed(floor.conn, "ftp_config", VARIANCE_JOB.import_path, list(stamps))
    assert left == ["7.csv", "6.csv", "5.csv", "4.csv"]

    landing.land(floor.conn, floor.sftp, VARIANCE_JOB, params, Run("x", "2"), stamps)
    assert floor.logs("file_name")[3:] == [("4.csv",), ("5.csv",), ("6.csv",)]


@pytest.mark.parametrize(
    ("taken", "found"),
    [
        ([], ["1.csv", "2.csv", "3.csv", "4.csv", "5.csv"]),
        (["1.csv"], ["2.csv", "3.csv", "4.csv", "5.csv"]),
        (["1.csv", "2.csv"], ["5.csv"]),
    ],
    ids=["more than a run takes", "one of them taken", "no more than a run takes"],
)
def test_where_more_wait_than_a_run_takes_unannounced_files_are_looked_for_too(floor, taken, found):
    drop_all(floor, {f"{n}.csv": VARIANCE for n in range(1, 6)})
    stamp = (len(VARIANCE), SECOND + 4)

    def unclaimed(folder: str, names: Collection[str]) -> list[str]:
        assert folder == VARIANCE_JOB.import_path
        return [name for name in names if name not in taken]

    announced = [{"5.csv": {stamp}}]
    at_rest = arrival.find(floor.sftp, floor.params(VARIANCE_JOB), announced, most=3, unclaimed=unclaimed)

    assert list(at_rest) == found


def test_what_has_landed_can_be_applied_before_the_next_files_are_read(floor, monkeypatch):
    monkeypatch.setattr(landing, "FILES_TOGETHER", 2)
    drop_all(floor, {f"{n}.csv": VARIANCE + f"STORE_1,,SKU,A,{n},,,\n" for n in range(1, 6)})
    ready = []

    def look(name: str) -> None:
        if name == claiming.CLAIMED:
            ready.append(floor.logs("file_name, status"))

    with monkeypatch.context() as patch:
        patch.setattr(crashpoints, "point", look)
        floor.land(VARIANCE_JOB)

    assert [(name, status.removeprefix("Dmls")) for name, status in ready[1]] == [
        ("1.csv", "Pending"),
        ("2.csv", "Pending"),
        ("3.csv", "Landing"),
        ("4.csv", "Landing"),
    ]


def test_a_file_that_cannot_be_moved_keeps_no_other_one_open(floor, monkeypatch):
    drop_all(floor, {f"{n}.csv": VARIANCE + f"STORE_1,,SKU,A,{n},,,\n" for n in range(1, 5)})
    real = closing.rename

    def rename(sftp, old, new):
        if old.endswith("2.csv"):
            raise OSError("Failure")
        real(sftp, old, new)

    monkeypatch.setattr(closing, "rename", rename)
    account = floor.run(VARIANCE_JOB)

    assert [line.file_name for line in account.lines if not line.is_closed] == ["2.csv"]
    assert floor.files(VARIANCE_JOB) == ["2.csv"]
    monkeypatch.setattr(closing, "rename", real)
    floor.run(VARIANCE_JOB).raise_if_open()
    assert (floor.files(VARIANCE_JOB), floor.position("A")) == ([], (10, 10))


def test_small_chunks_share_a_task_and_large_ones_have_their_own():
    chunks = [{"label": f"F{number}", "rows": rows} for number, rows in enumerate((1, 1, 3, 9, 1, 1, 1))]

    tasks = into_tasks(chunks, 5)

    assert [[chunk["rows"] for chunk in task["chunks"]] for task in tasks] == [[1, 1, 3], [9], [1, 1, 1]]
    assert [task["label"] for task in tasks] == ["F0 and 2 more", "F3", "F4 and 2 more"]


def test_a_chunk_that_cannot_be_applied_does_not_stop_those_behind_it(floor, monkeypatch):
    """Of two faults the one that comes back decides: the task is tried again."""
    rows = "".join(f"STORE_1,,SKU,{sku},3,,,\n" for sku in "ABW")
    floor.drop(VARIANCE_JOB, "three.csv", VARIANCE + rows)
    chunks = floor.land(VARIANCE_JOB, groupBy="idValue", minChunkRows=1)
    really, faults = applying.apply_chunk, iter([StagingLost("gone"), OlderFileNotLanded("an older one")])

    def with_two_faults(conn, chunk, open_sftp):
        if chunk is not chunks[2]:
            raise next(faults)
        return really(conn, chunk, open_sftp)

    monkeypatch.setattr(applying, "apply_chunk", with_two_faults)
    with pytest.raises(OlderFileNotLanded):
        applying.apply_chunks(floor.conn, chunks, floor.open_sftp)

    assert floor.entries() == 1, "the last chunk was applied"
    monkeypatch.undo()
    assert applying.apply_chunks(floor.conn, chunks, floor.open_sftp)["applied"] == 3

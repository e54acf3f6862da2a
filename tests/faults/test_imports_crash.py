"""kill -9 at every crash point of an import; the next run ends where an undisturbed one ends.

A point without a scenario fails: there is none to forget.
"""

import psycopg
import pytest

from oms import catalog, crashpoints, parameters
from oms.imports import applying, arrival, chunking, claiming, closing, landing, one_file
from oms.imports.errors import FileRefused
from oms.inventory.files import prefilter
from sandbox import sftp
from tests.faults.killing import killed_at
from tests.oms.imports.conftest import (
    RESET,
    RESET_JOB,
    VARIANCE,
    VARIANCE_JOB,
    Floor,
    empty_staging,
    floor,  # noqa: F401 - a fixture
    sftp_client,
)

STEPS = ("land.", "apply.", "close.")
POINTS = sorted(name for name in crashpoints.POINTS if name.startswith(STEPS))


def run_import(
    dsn: str, server: sftp.Server, job: catalog.ImportJob, worth_rows: int, lose_staging: bool
) -> None:
    """What a DAG run does."""
    prefilter.WORTH_ROWS = worth_rows
    params = parameters.resolve(job, {"minChunkRows": 1}) | {"settleSeconds": 0}
    run = landing.Run(job.dag_id, "first")
    with psycopg.connect(dsn, autocommit=True) as conn, sftp_client(server) as session:
        chunks = landing.land(conn, session, job, params, run, arrival.find(session, params))
        if lose_staging:
            empty_staging(conn)
        for chunk in chunks:
            applying.apply_chunk(conn, chunk, lambda: sftp_client(server))
        closing.close(conn, session, job, run).raise_if_open()


def crash(one: Floor, server: sftp.Server, job: catalog.ImportJob, point: str) -> None:
    """Run an import that is killed at the point; it must get there."""
    lose_staging = point == applying.RELANDED
    killed_at(point, run_import, one.dsn, server, job, prefilter.WORTH_ROWS, lose_staging)


def arrange(one: Floor, job, *, small: bool = False) -> None:
    one.stock("A", 8, 8)
    one.stock("B", 5, 5, "STORE_2")
    if small:
        rows = (
            "STORE_1,,SKU,A,-2,,VAR_DAMAGED,",
            "STORE_2,,SKU,B,-9,,,",
            "STORE_1,,SKU,NOPE,1,,,",
            '"STORE_1",,SKU,C,4,,,',
        )
        for number, row in enumerate(rows):
            one.drop(job, f"small_{number}.csv", VARIANCE + row + "\n")
    elif job is RESET_JOB:
        one.drop(
            job,
            "a.csv",
            RESET + "STORE_1,SKU,A,10\nSTORE_2,SKU,B,7\nSTORE_1,SKU,NOPE,1\nSTORE_1,SKU,KIT,1\n",
        )
        one.drop(job, "b.csv", RESET + "STORE_1,SKU,C,3\nSTORE_1,SKU,C,4\nSTORE_2,SKU,B,5\n")
    else:
        rows = "STORE_1,,SKU,A,-2,,VAR_DAMAGED,\n" * 2 + "STORE_2,,SKU,B,-9,,,\nSTORE_1,,SKU,NOPE,1,,,\n"
        one.drop(job, "a.csv", VARIANCE + rows)


def arrange_repair(one: Floor) -> None:
    """A reject file comes back: one line corrected, one repaired before, one still wrong."""
    header = "error_line,error_column,error_code,error_message,error_log," + VARIANCE
    one.vary(VARIANCE + "".join(f"STORE_1,,SKU,NOPE_{number},{number},,,\n" for number in (1, 2, 3)), "a.csv")
    one.vary(header + "3,,,,1,STORE_1,,SKU,B,2,,,\n", "b.csv")
    rows = "2,,,,1,STORE_1,,SKU,A,1,,,\n3,,,,1,STORE_1,,SKU,B,2,,,\n4,,,,1,STORE_1,,SKU,NOPE_3,3,,,\n"
    one.drop(VARIANCE_JOB, "c.csv", header + rows)


def end_state(one: Floor, job) -> dict[str, object]:
    """What people can see afterwards; run ids and times left out."""
    ledger = """select internal_name, facility_id, qoh_diff, atp_diff, file_name, line_number
                  from oms.inventory_ledger join oms.import_log using (log_id)
                  join oms.inventory_item using (inventory_item_id) join oms.product using (product_id)
                 order by file_name, line_number"""
    return {
        "ledger": one.conn.execute(ledger).fetchall(),
        "logs": sorted(
            one.logs(
                """file_name, status, total_count, applied_count, unchanged_count, superseded_count,
                   skipped_count, rejected_count, closed_at is not null, moved_to is not null"""
            )
        ),
        "rejects": one.conn.execute(
            """select file_name, line_number, reject.error_code, raw from oms.import_reject as reject
                 join oms.import_log using (log_id) order by 1, 2"""
        ).fetchall(),
        "notes": sorted(
            one.conn.execute(
                """select file_name, line_number, outcome from oms.import_row_note
                     join oms.import_log using (log_id)"""
            ).fetchall()
        ),
        "folders": [
            [name.split("_")[-1] for name in one.files(job, folder)] for folder in ("", "archive", "error")
        ],
        "reject files": [
            (one.root / job.import_path / "error" / name).read_bytes() for name in one.files(job, "error")
        ],
        "staging": one.conn.execute(
            "select array_agg(tablename::text) from pg_tables where tablename ~ '^[a-z]+_[0-9]+(_joint)?$'"
        ).fetchone(),
    }


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, dict[str, object]]:
    return {}


IMPORTS = {
    "reset": (RESET_JOB, prefilter.WORTH_ROWS),
    "delta": (VARIANCE_JOB, prefilter.WORTH_ROWS),
    "small deltas": (VARIANCE_JOB, prefilter.WORTH_ROWS),
    "reset compared first": (RESET_JOB, 1),
}


@pytest.mark.parametrize("kind", IMPORTS)
@pytest.mark.parametrize("point", [None, *POINTS])
def test_an_import_killed_anywhere_is_finished_by_the_next_run(
    floor,
    sftp_server,
    undisturbed,
    monkeypatch,
    point,
    kind,
):
    job, worth_rows = IMPORTS[kind]
    monkeypatch.setattr(prefilter, "WORTH_ROWS", worth_rows)
    arrange(floor, job, small=kind == "small deltas")

    if point is not None:
        crash(floor, sftp_server, job, point)
    floor.run(job, minChunkRows=1).raise_if_open()

    alike = "reset" if job is RESET_JOB else kind
    expected = undisturbed.setdefault(alike, end_state(floor, job)) if point is None else undisturbed[alike]
    assert end_state(floor, job) == expected
    assert expected["folders"][0] == []
    assert all(status == "DmlsFinished" for _, status, *_ in expected["logs"])


REPAIR_POINTS = [point for point in POINTS if point.startswith(("land.", "apply."))]


@pytest.mark.parametrize("point", REPAIR_POINTS)
def test_a_repair_killed_anywhere_books_each_line_once(floor, sftp_server, point):
    arrange_repair(floor)

    crash(floor, sftp_server, VARIANCE_JOB, point)
    floor.run(VARIANCE_JOB).raise_if_open()

    assert (floor.position("A"), floor.position("B")) == ((1, 1), (2, 2))
    assert floor.counts() == {"total": 3, "applied": 1, "duplicate": 1, "rejected": 1}
    assert floor.conn.execute("select log_id, line_number from oms.open_reject").fetchall() == [(1, 4)]


def test_every_step_has_its_points():
    assert {name.split(".")[0] + "." for name in POINTS} == set(STEPS)
    assert len(POINTS) == 12


def test_a_reset_file_replaced_while_the_lander_was_dead_is_landed_as_it_is(floor, sftp_server):
    arrange(floor, RESET_JOB)
    crash(floor, sftp_server, RESET_JOB, claiming.CLAIMED)
    floor.drop(RESET_JOB, "a.csv", RESET + "STORE_1,SKU,A,99\n")

    floor.run(RESET_JOB).raise_if_open()

    assert floor.position("A") == (99, 99)


def test_a_file_removed_while_the_lander_was_dead_is_said_and_the_run_red(floor, sftp_server):
    arrange(floor, RESET_JOB)
    crash(floor, sftp_server, RESET_JOB, one_file.STAGED)
    for name in ("a.csv", "b.csv"):
        (floor.root / RESET_JOB.import_path / name).unlink()

    with pytest.raises(FileRefused, match=r"a\.csv: its landing was broken off.*ask the sender"):
        floor.run(RESET_JOB).raise_if_open()

    assert floor.position("A") == (8, 8)
    assert (
        floor.logs("status, error_code, closed_at is not null") == [("DmlsFailed", "ERR_NOT_TAKEN", True)] * 2
    )
    assert floor.conn.execute(
        "select array_agg(tablename::text) from pg_tables where tablename ~ '^[a-z]+_[0-9]+(_joint)?$'"
    ).fetchone() == (None,)


@pytest.mark.parametrize("fate", ["stays", "is removed", "is replaced"])
def test_a_copy_is_judged_anew_when_the_first_file_was_not_landed_to_its_end(floor, sftp_server, fate):
    """Both lie in staging, the second as a copy of the first, when the lander is killed."""
    one = VARIANCE + "STORE_1,,SKU,A,-2,,VAR_DAMAGED,\n"
    floor.stock("A", 8, 8)
    first = floor.drop(VARIANCE_JOB, "a.csv", one)
    floor.drop(VARIANCE_JOB, "b.csv", one)
    land_until_both_are_staged(floor, sftp_server)
    if fate == "is removed":
        first.unlink()
    if fate == "is replaced":
        first.write_text(VARIANCE + "STORE_1,,SKU,A,-1,,VAR_DAMAGED,\n")

    floor.close(VARIANCE_JOB)
    account = floor.run(VARIANCE_JOB)

    if fate == "is removed":
        assert "ask the sender for it once more" in account.lines[0].fault
        floor.run(VARIANCE_JOB)  # the copy
    floor.run(VARIANCE_JOB).raise_if_open()
    assert floor.position("A") == {"stays": (6, 6), "is removed": (6, 6), "is replaced": (5, 5)}[fate]
    assert floor.files(VARIANCE_JOB) == []


def land_until_both_are_staged(one: Floor, server: sftp.Server) -> None:
    """A landing that ends before its chunks are made."""
    params = parameters.resolve(VARIANCE_JOB, {}) | {"settleSeconds": 0}
    run = landing.Run(VARIANCE_JOB.dag_id, "killed")
    with (
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(one.dsn, autocommit=True) as conn,
        sftp_client(server) as session,
    ):
        patch.setattr(chunking, "make_chunks", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            landing.land(conn, session, VARIANCE_JOB, params, run, arrival.find(session, params))
    assert [status for (status,) in one.logs()] == ["DmlsLanding", "DmlsFinished"]


def test_a_connection_lost_while_applying_leaves_the_chunk_to_be_repeated(floor):
    arrange(floor, RESET_JOB)
    chunks = floor.land(RESET_JOB)
    with psycopg.connect(floor.dsn, autocommit=True) as other:
        pid = other.info.backend_pid
        floor.conn.execute("select pg_terminate_backend(%s)", (pid,))
        with pytest.raises(psycopg.OperationalError):
            applying.apply_chunk(other, chunks[0], floor.open_sftp)

    for chunk in chunks:
        floor.apply(chunk)
    floor.close(RESET_JOB).raise_if_open()

    assert floor.position("A") == (10, 10)

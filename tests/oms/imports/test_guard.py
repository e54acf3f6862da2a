"""Files that look wrong wait for a person (inventory.md 3.2, 5.4)."""

import pytest

from oms.imports import guard
from oms.imports.errors import FileRefused
from oms.inventory.files import prefilter
from tests.oms.imports.conftest import RESET, RESET_JOB, VARIANCE, VARIANCE_JOB, Floor, empty_staging

HALF = {"maxDropPct": 50}


def lines(*rows: str) -> str:
    return RESET + "".join(f"{row}\n" for row in rows)


def held(floor: Floor) -> list[str]:
    rows = floor.conn.execute("select reasons from oms.import_hold").fetchall()
    return [reason["text"] for (reasons,) in rows for reason in reasons]


def newest_log(floor: Floor) -> int:
    return floor.logs("log_id")[-1][0]


@pytest.fixture
def stocked(floor: Floor) -> Floor:
    floor.stock("A", 100, 100)
    floor.stock("B", 20, 20)
    floor.stock("A", 30, 30, "STORE_2")
    return floor


def test_a_reset_that_cuts_a_facility_beyond_the_limit_is_held(stocked: Floor):
    account = stocked.reset(lines("STORE_1,SKU,A,10", "STORE_2,SKU,A,25"), **HALF)

    assert stocked.logs("status, error_code") == [("DmlsHeld", "HELD_DROP")]
    assert held(stocked) == ["STORE_1: stock would fall from 120 to 30 units, by 75 % (limit 50 %)"]
    assert stocked.position("A") == (100, 100)
    assert stocked.files(RESET_JOB) == ["reset.csv"]
    account.raise_if_open()


def test_a_facility_that_would_be_emptied_is_held(stocked: Floor):
    stocked.reset(lines("STORE_2,SKU,A,0"), maxDropPct=99)

    assert held(stocked) == ["STORE_2: stock would fall from 30 to 0 units, by 100 % (limit 99 %)"]


def test_only_the_last_row_of_a_position_counts(stocked: Floor):
    stocked.reset(lines("STORE_1,SKU,A,0", "STORE_1,SKU,A,95"), **HALF)

    assert stocked.logs("status") == [("DmlsFinished",)]
    assert stocked.position("A") == (95, 95)


def test_bad_rows_do_not_count(stocked: Floor):
    stocked.reset(lines("STORE_1,SKU,A,abc", "STORE_1,SKU,B,15"), **HALF)

    assert stocked.logs("status") == [("DmlsFinished",)]


@pytest.mark.parametrize("limits", [{}, HALF | {"maxRowDeviationPct": 30, "holdMissingFacilities": True}])
def test_a_normal_file_is_never_held(stocked: Floor, limits: dict):
    for number in range(5):
        stocked.reset(lines(f"STORE_1,SKU,A,{99 - number}", "STORE_2,SKU,A,29"), f"day{number}.csv", **limits)

    assert set(stocked.logs("status")) == {("DmlsFinished",)}


def test_without_limits_everything_passes(stocked: Floor):
    stocked.reset(lines("STORE_1,SKU,A,0", "STORE_1,SKU,B,0"))

    assert stocked.position("A") == (0, 0)


def test_a_count_is_measured_by_what_lies_on_the_shelf(stocked: Floor):
    folder = RESET_JOB.config("REC_INV_COUNT").import_path
    (stocked.root / folder / "count.csv").write_text("facilityId,idValue,quantity\nSTORE_2,A,3\n")

    stocked.run(RESET_JOB, configId="REC_INV_COUNT", **HALF)

    assert held(stocked) == ["STORE_2: stock would fall from 30 to 3 units, by 90 % (limit 50 %)"]


def test_a_facility_missing_after_three_files_is_noticed(stocked: Floor):
    for number in range(3):
        stocked.reset(lines(f"STORE_1,SKU,A,{90 + number}", "STORE_2,SKU,A,30"), f"day{number}.csv")
    stocked.reset(lines("STORE_1,SKU,A,96"), "day3.csv", holdMissingFacilities=True)

    assert held(stocked) == ["STORE_2 is not in the file; it was in each of the three before"]


def test_two_files_are_no_habit(stocked: Floor):
    for number in range(2):
        stocked.reset(lines(f"STORE_1,SKU,A,{90 + number}", "STORE_2,SKU,A,30"), f"day{number}.csv")
    stocked.reset(lines("STORE_1,SKU,A,96"), "day3.csv", holdMissingFacilities=True)

    assert held(stocked) == []


@pytest.mark.parametrize(("rows", "is_held"), [(2, True), (3, False), (5, False), (6, True)])
def test_a_number_of_rows_off_the_trend_is_noticed(stocked: Floor, rows: int, is_held: bool):
    for number in range(3):
        stocked.reset(lines(*["STORE_1,SKU,A,90"] * 4), f"day{number}.csv")
    stocked.reset(lines(*["STORE_1,SKU,A,91"] * rows), "day3.csv", maxRowDeviationPct=30)

    assert bool(held(stocked)) is is_held
    if is_held:
        assert held(stocked) == [f"{rows} rows; the last 3 of this feed had about 4 (limit: 30 % off)"]


def test_another_feed_says_nothing_about_this_one(stocked: Floor):
    for number in range(3):
        stocked.reset(lines(*["STORE_1,SKU,A,90"] * 4), f"stores{number}.csv")
    stocked.reset(lines("STORE_1,SKU,A,91"), "outlet1.csv", maxRowDeviationPct=30)

    assert held(stocked) == []


def test_other_files_and_later_deltas_do_not_wait(stocked: Floor):
    stocked.drop(RESET_JOB, "a_wrong.csv", lines("STORE_1,SKU,A,1", "STORE_1,SKU,B,1"))
    stocked.drop(RESET_JOB, "b_right.csv", lines("STORE_2,SKU,A,29"))

    stocked.run(RESET_JOB, **HALF)
    stocked.vary(VARIANCE + "STORE_1,,SKU,A,-2,,VAR_DAMAGED,\n")

    assert stocked.logs("file_name, status") == [
        ("a_wrong.csv", "DmlsHeld"),
        ("b_right.csv", "DmlsFinished"),
        ("inv_var.csv", "DmlsFinished"),
    ]
    assert (stocked.position("A"), stocked.position("A", "STORE_2")) == ((98, 98), (29, 29))


def test_an_approved_file_is_applied_by_the_next_run(stocked: Floor):
    stocked.reset(lines("STORE_1,SKU,A,10"), **HALF)

    assert guard.decide(stocked.conn, newest_log(stocked), guard.APPROVED, "kim") == RESET_JOB.dag_id
    assert stocked.logs("status") == [("DmlsPending",)]
    stocked.run(RESET_JOB, **HALF)

    assert stocked.logs("status") == [("DmlsFinished",)]
    assert stocked.position("A") == (10, 10)
    assert stocked.files(RESET_JOB, "archive") == [f"{newest_log(stocked)}_reset.csv"]


def test_an_approved_file_whose_staging_is_lost_is_landed_again(stocked: Floor):
    stocked.reset(lines("STORE_1,SKU,A,10"), **HALF)
    empty_staging(stocked.conn)
    guard.decide(stocked.conn, newest_log(stocked), guard.APPROVED, "kim")

    stocked.run(RESET_JOB, **HALF)

    assert stocked.position("A") == (10, 10)


def test_a_rejected_file_is_moved_to_error_and_changes_nothing(stocked: Floor):
    stocked.reset(lines("STORE_1,SKU,A,10", "STORE_1,SKU,NOPE,1"), **HALF)

    guard.decide(stocked.conn, newest_log(stocked), guard.REJECTED, "kim", "wrong store")
    stocked.run(RESET_JOB, **HALF).raise_if_open()

    assert stocked.logs("status, closed_at is not null") == [("DmlsCancelled", True)]
    assert stocked.position("A") == (100, 100)
    assert stocked.files(RESET_JOB) == []
    assert stocked.files(RESET_JOB, "error") == [f"{newest_log(stocked)}_reset.csv"]
    decided = stocked.conn.execute("select decision, decided_by, remark from oms.import_hold").fetchall()
    assert decided == [("REJECTED", "kim", "wrong store")]


def test_the_same_decision_twice_is_one_another_is_refused(stocked: Floor):
    stocked.reset(lines("STORE_1,SKU,A,10"), **HALF)
    log_id = newest_log(stocked)
    for _ in range(2):
        guard.decide(stocked.conn, log_id, guard.APPROVED, "kim")

    with pytest.raises(guard.NotHeld, match="kim has approved"):
        guard.decide(stocked.conn, log_id, guard.REJECTED, "lee")
    stocked.run(RESET_JOB, **HALF)
    assert stocked.position("A") == (10, 10)


def test_a_file_that_was_never_held_cannot_be_decided_on(stocked: Floor):
    stocked.reset(lines("STORE_1,SKU,A,99"))

    with pytest.raises(guard.NotHeld, match="never held"):
        guard.decide(stocked.conn, newest_log(stocked), guard.APPROVED, "kim")


def test_naming_a_held_file_with_force_releases_it(stocked: Floor):
    stocked.reset(lines("STORE_1,SKU,A,10"), **HALF)

    stocked.run(RESET_JOB, remoteFilename="reset.csv", force=True, **HALF)

    assert stocked.position("A") == (10, 10)


def test_a_held_file_that_was_replaced_is_released_as_it_is_now(stocked: Floor):
    stocked.reset(lines("STORE_1,SKU,A,10"), **HALF)
    stocked.drop(RESET_JOB, "reset.csv", lines("STORE_1,SKU,A,11", "STORE_1,SKU,B,19"))

    stocked.run(RESET_JOB, remoteFilename="reset.csv", force=True, **HALF).raise_if_open()

    assert (stocked.position("A"), stocked.position("B")) == ((11, 11), (19, 19))
    assert (stocked.files(RESET_JOB), stocked.files(RESET_JOB, "archive")) == ([], ["1_reset.csv"])


def test_a_held_file_that_goes_away_while_it_is_released_is_said_and_keeps_no_other_waiting(stocked: Floor):
    stocked.reset(lines("STORE_1,SKU,A,10"), **HALF)
    stocked.conn.execute("update oms.import_log set status = 'DmlsLanding', run_id = 'killed'")
    (stocked.root / RESET_JOB.import_path / "reset.csv").unlink()

    account = stocked.reset(lines("STORE_1,SKU,A,99"), "next.csv", **HALF)

    with pytest.raises(FileRefused, match=r"reset\.csv: its landing was broken off"):
        account.raise_if_open()
    assert stocked.logs("file_name, status, closed_at is not null") == [
        ("reset.csv", "DmlsFailed", True),
        ("next.csv", "DmlsFinished", True),
    ]


def test_a_run_asks_about_each_file_once(stocked: Floor):
    stocked.reset(lines("STORE_1,SKU,A,10"), **HALF)

    assert guard.somebody_must_be_asked(stocked.conn)
    (first,) = guard.questions(stocked.conn, "approve/1", None)
    assert guard.questions(stocked.conn, "approve/2", None) == []
    assert guard.questions(stocked.conn, "approve/1", None) == [first], "the run is repeated"
    assert not guard.somebody_must_be_asked(stocked.conn)
    (again,) = guard.questions(stocked.conn, "approve/3", first["log_id"])
    assert again == first


def test_a_run_asks_about_no_more_files_than_airflow_maps(stocked: Floor):
    """A longer list fails the task that made it (max_map_length), and all of it would count as asked."""
    stocked.reset(lines("STORE_1,SKU,A,10"), **HALF)
    for table in ("import_log", "import_hold"):
        own = """select string_agg(column_name, ', ') from information_schema.columns
                  where (table_schema, table_name) = ('oms', %s) and is_generated = 'NEVER'"""
        (columns,) = stocked.conn.execute(own, (table,)).fetchone()
        stocked.conn.execute(
            f"""insert into oms.{table} ({columns}) overriding system value
                select {columns}
                  from generate_series(1, 1500) as number
                 cross join lateral (select to_jsonb(kept) || jsonb_build_object(
                                                'log_id', log_id + number, 'remote_path', number || '.csv')
                                       from oms.{table} as kept) as copied (row)
                 cross join lateral jsonb_populate_record(null::oms.{table}, copied.row)"""
        )

    first = guard.questions(stocked.conn, "approve/1", None)

    assert len(first) <= 1024
    assert guard.questions(stocked.conn, "approve/1", None) == first, "the run is repeated"
    rest = guard.questions(stocked.conn, "approve/2", None)
    assert len({question["log_id"] for question in first + rest}) == 1501


def test_the_question_shows_the_figures_and_what_came_since(stocked: Floor):
    stocked.reset(lines("STORE_1,SKU,A,10", "STORE_1,SKU,NOPE,1"), **HALF)
    stocked.vary(VARIANCE + "STORE_1,,SKU,A,-2,,VAR_DAMAGED,\n")

    (question,) = guard.questions(stocked.conn, "approve/1", None)

    assert question["subject"] == "Apply reset.csv? It looks wrong"
    assert "stock would fall from 120 to 30 units, by 75 %" in question["body"]
    assert "with 2 rows, 1 of them rejected" in question["body"]
    assert "older figures: inv_var.csv" in question["body"]


def test_asking_about_a_file_that_is_not_held_is_an_error(stocked: Floor):
    with pytest.raises(guard.NotHeld, match="log 4711 is not held"):
        guard.questions(stocked.conn, "approve/1", 4711)


def test_a_delta_file_is_never_held(stocked: Floor):
    stocked.vary(VARIANCE + "STORE_1,,SKU,A,-90,,VAR_DAMAGED,\n")

    assert stocked.files(VARIANCE_JOB) == []
    assert stocked.position("A") == (10, 10)


def test_a_large_file_is_judged_by_the_rows_that_differ(stocked: Floor, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(prefilter, "WORTH_ROWS", 1)

    stocked.reset(lines("STORE_1,SKU,A,10", "STORE_1,SKU,B,20", "STORE_2,SKU,A,30"), **HALF)

    assert held(stocked) == ["STORE_1: stock would fall from 120 to 30 units, by 75 % (limit 50 %)"]
    guard.decide(stocked.conn, newest_log(stocked), guard.APPROVED, "kim")
    stocked.run(RESET_JOB, **HALF)
    assert stocked.counts() == {"total": 3, "applied": 1, "unchanged": 2}

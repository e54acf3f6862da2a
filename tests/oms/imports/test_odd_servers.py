"""SFTP servers that remove what was read, report sizes that are not so, or fail at one file."""

import gzip
from contextlib import nullcontext

import psycopg
import pytest

from oms import exports, locks
from oms.imports import applying, arrival, closing, guard, one_file, together
from oms.imports.errors import AccountOpen, FileRefused, OlderFileNotLanded
from oms.remote import server_failures
from tests.oms.feeds.conftest import Watch, inbox, watch  # noqa: F401 - fixtures
from tests.oms.imports.conftest import RESET, RESET_JOB, VARIANCE, VARIANCE_JOB, sftp_client
from tests.oms.imports.odd_server import odd_server

ROWS = "STORE_1,,SKU,A,5,,,\nSTORE_1,,SKU,B,7,,,\n"
LAST = len("STORE_1,,SKU,B,7,,,\n")


@pytest.fixture
def odd(floor, sftp_server):
    """The floor on an odd server, and its habits."""
    with odd_server(sftp_server) as (server, habits), sftp_client(server) as session:
        floor.sftp = session
        floor.habits = habits
        yield floor


def test_a_file_that_the_server_removes_once_it_was_read_is_landed(odd, caplog):
    odd.habits.removes_read = True

    odd.vary(VARIANCE + ROWS).raise_if_open()

    assert (odd.position("A"), odd.position("B")) == ((5, 5), (7, 7))
    assert odd.logs("status, error_code, moved_to, closed_at is not null") == [
        ("DmlsFinished", None, None, True)
    ]
    assert "there is nothing to move" in caplog.text


def test_a_listing_that_ends_because_a_file_went_is_no_missing_folder(odd):
    odd.habits.ends_listings = 3

    odd.vary(VARIANCE + ROWS).raise_if_open()

    assert (odd.position("A"), odd.position("B")) == ((5, 5), (7, 7))


def test_a_folder_that_can_never_be_listed_to_its_end_is_no_empty_one(odd):
    odd.habits.ends_listings = 1000

    with pytest.raises(
        OSError, match=f"cannot list the folder .*{VARIANCE_JOB.import_path}.*files go"
    ) as error:
        odd.land(VARIANCE_JOB)

    assert not isinstance(error.value, FileNotFoundError)


@pytest.mark.parametrize("off", [-LAST, -len(VARIANCE + ROWS), 10, 70_000])
@pytest.mark.parametrize("job", [VARIANCE_JOB, RESET_JOB])
def test_a_file_of_another_size_than_reported_is_not_taken_and_the_second_time_the_run_is_red(odd, off, job):
    odd.habits.adds_bytes["a.csv"] = off
    rows = RESET + "STORE_1,SKU,A,5\n" if job is RESET_JOB else VARIANCE + ROWS
    odd.drop(job, "b.csv", rows.replace(",A,", ",C,"))

    odd.bring(job, rows, "a.csv").raise_if_open()

    size = len(rows)
    assert odd.logs("file_name, status, error_code")[0:2] == [
        ("a.csv", "DmlsCancelled", "LEFT"),
        ("b.csv", "DmlsFinished", None),
    ]
    assert f"{size} bytes came, the server reports {max(0, size + off)}" in odd.logs("error_message")[0][0]
    with pytest.raises(FileRefused, match=r"a\.csv.*not the first time in a row.*remoteFilename and force"):
        odd.run(job).raise_if_open()
    assert (odd.position("A"), odd.position("C")) == (None, (5, 5))
    assert odd.files(job) == ["a.csv"]

    odd.habits.adds_bytes.clear()
    odd.run(job).raise_if_open()
    assert odd.position("A") == (5, 5)
    assert odd.files(job) == []


def test_a_person_can_take_a_file_whose_size_the_server_reports_wrongly_for_ever(odd):
    odd.habits.adds_bytes["a.csv"] = -LAST
    odd.drop(VARIANCE_JOB, "a.csv", VARIANCE + ROWS)

    odd.run(VARIANCE_JOB, remoteFilename="a.csv", force=True).raise_if_open()

    assert (odd.position("A"), odd.position("B")) == ((5, 5), (7, 7))
    assert odd.files(VARIANCE_JOB) == []


@pytest.mark.parametrize("decision", [guard.APPROVED, guard.REJECTED])
@pytest.mark.parametrize("off", [-LAST, 10])
def test_what_came_of_a_removed_file_of_another_size_waits_for_a_person(odd, off, decision):
    odd.habits.removes_read = True
    odd.habits.adds_bytes["a.csv"] = off

    odd.vary(VARIANCE + ROWS, "a.csv").raise_if_open()

    assert odd.logs("status, error_code") == [("DmlsHeld", "HELD_SIZE")]
    assert odd.position("A") is None
    (question,) = guard.questions(odd.conn, "run", None)
    assert "has removed the file" in question["body"]
    guard.decide(odd.conn, question["log_id"], decision, "Eva")
    odd.run(VARIANCE_JOB).raise_if_open()
    taken = decision == guard.APPROVED
    assert (odd.position("A"), odd.position("B")) == (((5, 5), (7, 7)) if taken else (None, None))
    assert odd.logs("status, closed_at is not null") == [("DmlsFinished" if taken else "DmlsCancelled", True)]


def test_a_removed_file_that_seems_to_be_cut_off_waits_for_a_person_too(odd):
    odd.habits.removes_read = True
    odd.habits.adds_bytes["a.csv"] = 10

    odd.vary(VARIANCE + ROWS + "STORE_1,,SK", "a.csv").raise_if_open()

    (log_id,) = odd.logs("log_id")[0]
    guard.decide(odd.conn, log_id, guard.APPROVED, "Eva")
    odd.run(VARIANCE_JOB).raise_if_open()
    assert odd.counts() == {"total": 3, "applied": 2, "rejected": 1}


def test_a_removed_packed_file_that_is_cut_off_waits_for_a_person_too(odd):
    odd.habits.removes_read = True
    odd.habits.adds_bytes["a.csv.gz"] = 10
    packed = gzip.compress((VARIANCE + ROWS + "STORE_1,,SKU,C,9,,,\n").encode(), compresslevel=0)

    odd.vary(packed[:-18], "a.csv.gz").raise_if_open()

    assert odd.logs("status, error_code") == [("DmlsHeld", "HELD_SIZE")]
    guard.decide(odd.conn, 1, guard.APPROVED, "Eva")
    odd.run(VARIANCE_JOB).raise_if_open()
    assert (odd.position("A"), odd.position("B")) == ((5, 5), (7, 7))
    assert odd.counts() == {"total": 3, "applied": 2, "rejected": 1}


def test_a_file_that_is_not_taken_again_and_again_is_told_once_to_its_feed(odd, watch: Watch):
    watch.feed(since="2026-01-10", grace_minutes=0)
    odd.habits.adds_bytes["a.csv"] = 10
    odd.drop(RESET_JOB, "a.csv", RESET + "STORE_1,SKU,A,5\n")
    for _ in range(4):
        odd.run(RESET_JOB)
    odd.conn.execute("update oms.import_log set created_at = '2026-01-10T06:00Z'")

    said = watch.look("2026-01-10T06:05Z")

    assert said.count("a.csv was refused") == 1
    assert "the server reports" in said
    assert watch.inbox.subjects == ["feed COUNT: file refused"]
    assert [code for (code,) in odd.logs("error_code")] == ["LEFT"] + ["ERR_NOT_TAKEN"] * 3


def test_a_file_that_cannot_be_read_keeps_no_other_waiting(odd):
    odd.habits.refuses.add(("read", "a.csv"))
    odd.drop(VARIANCE_JOB, "a.csv", VARIANCE + ROWS)

    odd.vary(VARIANCE + ROWS.replace(",A,", ",C,"), "b.csv").raise_if_open()

    assert (odd.position("A"), odd.position("C")) == (None, (5, 5))
    assert "cannot be read: Failure" in odd.logs("error_message")[0][0]
    with pytest.raises(FileRefused, match=r"a\.csv"):
        odd.run(VARIANCE_JOB).raise_if_open()


def test_what_came_before_the_server_went_silent_is_not_lost_on_one_that_removes_what_was_read(odd):
    odd.habits.removes_read = True
    odd.sftp.get_channel().settimeout(0.5)
    odd.drop(VARIANCE_JOB, "a.csv", VARIANCE + ROWS)
    odd.drop(VARIANCE_JOB, "b.csv", VARIANCE + ROWS.replace(",A,", ",C,") * 4000)
    odd.habits.silent_after = 100_000

    with pytest.raises(TimeoutError):
        odd.land(VARIANCE_JOB)

    assert odd.logs("file_name, status, error_code") == [
        ("a.csv", "DmlsPending", None),
        ("b.csv", "DmlsLanding", "BROKEN_OFF"),
    ]


def test_what_was_read_with_others_is_not_lost_if_the_server_goes_silent_at_an_older_file(odd):
    odd.habits.removes_read = True
    odd.sftp.get_channel().settimeout(0.5)
    odd.drop(RESET_JOB, "a.csv", RESET + "STORE_1,SKU,A,5\n" * 10_000)
    odd.drop(RESET_JOB, "b.csv", RESET + "STORE_1,SKU,C,5\n")
    odd.habits.silent_after = 100_000

    with pytest.raises(TimeoutError):
        odd.land(RESET_JOB)

    assert odd.logs("file_name, status, error_code") == [
        ("a.csv", "DmlsLanding", "BROKEN_OFF"),
        ("b.csv", "DmlsPending", None),
    ]


@pytest.mark.parametrize("job", [VARIANCE_JOB, RESET_JOB])
def test_a_file_that_its_folder_lists_with_other_figures_is_not_passed_over_in_green_for_ever(odd, job):
    odd.habits.lists_bytes["a.csv"] = 3
    rows = RESET + "STORE_1,SKU,A,5\n" if job is RESET_JOB else VARIANCE + ROWS

    odd.bring(job, rows, "a.csv").raise_if_open()

    assert odd.logs("status, error_code") == [("DmlsCancelled", "LEFT")]
    with pytest.raises(FileRefused, match=r"lists it with other figures.*not the first time in a row"):
        odd.run(job).raise_if_open()
    assert (odd.position("A"), odd.files(job)) == (None, ["a.csv"])
    odd.run(job, remoteFilename="a.csv", force=True).raise_if_open()
    assert (odd.position("A"), odd.files(job)) == ((5, 5), [])


def test_what_came_of_a_removed_file_that_its_folder_listed_with_another_size_waits_for_a_person(odd):
    odd.habits.removes_read = True
    odd.habits.lists_bytes["a.csv"] = 3

    odd.vary(VARIANCE + ROWS, "a.csv").raise_if_open()

    assert odd.logs("status, error_code") == [("DmlsHeld", "HELD_SIZE")]


def test_a_session_that_is_never_answered_is_not_waited_for_without_end(odd, caplog):
    caplog.set_level("INFO")
    odd.sftp.get_channel().settimeout(0.5)
    odd.habits.most_sessions = odd.habits.sessions_asked
    for sku in "ABCD":
        odd.drop(VARIANCE_JOB, f"{sku}.csv", VARIANCE + ROWS.replace(",A,", f",{sku},"))

    odd.run(VARIANCE_JOB).raise_if_open()

    assert odd.position("D") == (5, 5)
    assert "the server allows 1 sessions" in caplog.text
    assert odd.habits.sessions_asked == 2, "such a server is asked once"


def test_a_file_of_which_much_more_comes_than_reported_is_not_held_in_memory(odd, monkeypatch):
    monkeypatch.setattr(together, "MOST", 100_000)
    rows = VARIANCE + ROWS * 5_000
    odd.habits.adds_bytes["a.csv"] = -len(rows)
    odd.drop(VARIANCE_JOB, "a.csv", rows)
    held = together.read(odd.sftp, [(1, arrival.examine(odd.sftp, f"{VARIANCE_JOB.import_path}/a.csv"))])

    odd.run(VARIANCE_JOB)

    assert held == {}
    assert f"{len(rows)} bytes came, the server reports 0" in odd.logs("error_message")[0][0]


@pytest.mark.parametrize(
    ("act", "where", "said"),
    [
        ("rename", "a.csv", "moving .*/a.csv to .*/archive/1_a.csv"),
        ("write", "error/1_a.csv.part", "writing .*/error/1_a.csv.part"),
        ("rename", "error/1_a.csv.part", "moving .*/error/1_a.csv.part to"),
        ("mkdir", "error", "making the folder .*/error"),
    ],
)
def test_what_a_server_refuses_about_one_file_keeps_no_other_open_and_is_named(odd, act, where, said):
    odd.habits.refuses.add((act, where))
    odd.drop(VARIANCE_JOB, "a.csv", VARIANCE + ROWS + "STORE_1,,SKU,NOPE,1,,,\n")
    odd.drop(VARIANCE_JOB, "b.csv", VARIANCE + ROWS.replace(",A,", ",C,"))

    account = odd.run(VARIANCE_JOB)

    assert account.changed == 4, "stock moved: the bell rings"
    with pytest.raises(AccountOpen, match=rf"a.csv .*{said}.*the server says 'Failure'"):
        account.raise_if_open()
    assert odd.files(VARIANCE_JOB) == ["a.csv"]
    assert odd.files(VARIANCE_JOB, "archive") == ["2_b.csv"]
    assert not [name for name in odd.files(VARIANCE_JOB, "error") if name.endswith(".part")]
    assert odd.run(VARIANCE_JOB).changed == 0, "told once"

    odd.habits.refuses.clear()
    odd.run(VARIANCE_JOB).raise_if_open()
    assert odd.files(VARIANCE_JOB) == []
    assert odd.files(VARIANCE_JOB, "error") == ["1_a.csv"]
    assert odd.position("A") == (5, 5)


def test_an_export_that_cannot_be_written_is_named_and_leaves_nothing_half_written(odd, sftp_root):
    odd.habits.refuses.add(("write", ".part"))
    exports.record(
        odd.conn,
        run_name="job/run",
        subject="",
        property_resource="FTP_EXP_CONFIG",
        folder="out",
        name=lambda stamp: f"f_{stamp}.csv",
        content=b"x" * 100_000,
        rows=1,
    )
    writer = exports.Writer(odd.conn, lambda _: nullcontext(odd.sftp), "job")

    writer.write()

    with pytest.raises(exports.FilesWait, match=r"writing out/f_\d+.csv.part: the server says 'Failure'"):
        writer.raise_if_any_waits()
    assert list((sftp_root / "out").iterdir()) == []


def test_files_of_other_jobs_go_ahead_of_one_whose_server_went_silent(odd, monkeypatch):
    odd.sftp.get_channel().settimeout(0.5)
    odd.drop(RESET_JOB, "reset.csv", RESET + "STORE_1,SKU,A,10\n")
    odd.habits.silent_after = 0
    with pytest.raises(TimeoutError):
        odd.land(RESET_JOB)
    odd.habits.silent_after = None
    with odd.open_sftp() as other:
        odd.sftp = other
        with pytest.raises(OlderFileNotLanded, match=r"reset.csv came before and its landing was broken off"):
            odd.vary(VARIANCE + ROWS)
        monkeypatch.setattr(applying, "LANDER_PATIENCE", 0)

        odd.run(VARIANCE_JOB).raise_if_open()

        assert odd.position("A") == (5, 5)
        assert odd.logs("file_name, status, error_code, closed_at is not null") == [
            ("reset.csv", "DmlsLanding", "GAVE_WAY", False),
            ("inv_var.csv", "DmlsFinished", None, True),
        ]
        odd.run(RESET_JOB).raise_if_open()
    assert odd.position("A") == (10, 10)
    assert odd.logs("status, error_code") == [
        ("DmlsCancelled", "LEFT"),
        ("DmlsFinished", None),
        ("DmlsFinished", None),
    ]


@pytest.fixture
def reset_of_a_dead_lander(odd, monkeypatch):
    """Its landing has begun and ended without a word."""
    odd.drop(RESET_JOB, "reset.csv", RESET + "STORE_1,SKU,A,10\n")

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(one_file, "land_file", die)
        with pytest.raises(KeyboardInterrupt):
            odd.land(RESET_JOB)
    assert odd.logs("status, error_code") == [("DmlsLanding", None)]


def test_files_of_other_jobs_go_ahead_of_one_whose_lander_was_killed_while_its_server_is_down(
    odd, monkeypatch, reset_of_a_dead_lander
):
    with pytest.raises(OlderFileNotLanded):
        odd.vary(VARIANCE + ROWS)
    with pytest.raises(OlderFileNotLanded):
        odd.run(VARIANCE_JOB)
    monkeypatch.setattr(applying, "PATIENCE_WITH_DEAD", 0)

    odd.run(VARIANCE_JOB).raise_if_open()

    assert odd.position("A") == (5, 5)
    odd.run(RESET_JOB).raise_if_open()
    assert odd.position("A") == (10, 10)


def test_a_file_that_gave_way_and_is_gone_is_said(odd, monkeypatch, reset_of_a_dead_lander):
    with pytest.raises(OlderFileNotLanded):
        odd.vary(VARIANCE + ROWS)
    monkeypatch.setattr(applying, "PATIENCE_WITH_DEAD", 0)
    odd.run(VARIANCE_JOB).raise_if_open()
    (odd.root / RESET_JOB.import_path / "reset.csv").unlink()

    with pytest.raises(FileRefused, match=r"reset\.csv.*ask the sender for it once more"):
        odd.run(RESET_JOB).raise_if_open()


def test_a_lander_is_not_waited_for_without_end(odd, monkeypatch):
    monkeypatch.setattr(applying, "LANDER_PATIENCE", 1)
    odd.sftp.get_channel().settimeout(0.5)
    odd.drop(RESET_JOB, "reset.csv", RESET + "STORE_1,SKU,A,10\n")
    odd.habits.silent_after = 0
    with pytest.raises(TimeoutError):
        odd.land(RESET_JOB)
    with odd.open_sftp() as other, psycopg.connect(odd.dsn, autocommit=True) as lander:
        locks.take(lander, locks.IMPORT_LOG.of(1))
        odd.sftp = other

        with pytest.raises(OlderFileNotLanded, match="is still being landed after 1 s"):
            odd.vary(VARIANCE + ROWS)


def test_stock_that_moved_before_the_server_was_lost_rings_with_the_next_close(odd, sftp_server):
    """Whichever run that is: the sweep of the job's clock comes if no file does."""
    odd.drop(VARIANCE_JOB, "a.csv", VARIANCE + ROWS)
    odd.drop(VARIANCE_JOB, "b.csv", VARIANCE + ROWS.replace("SKU,B,7", "SKU,C,7"))
    odd.chunks = odd.land(VARIANCE_JOB)
    for chunk in odd.chunks:
        odd.apply(chunk)
    odd.habits.hangs_up = {("rename", "b.csv")}
    with pytest.raises(server_failures()):
        odd.close(VARIANCE_JOB)

    with sftp_client(sftp_server) as odd.sftp:
        account = odd.run(VARIANCE_JOB)

    assert [name for name, changed in changes(account).items() if changed] == ["a.csv", "b.csv"]
    assert odd.logs("closed_at is not null") == [(True,), (True,)]


def test_files_that_were_closed_before_the_server_was_lost_ring_at_once(odd, sftp_server, monkeypatch):
    """No later close would see that they have moved stock."""
    monkeypatch.setattr(closing, "FILES_TOGETHER", 1)
    odd.drop(VARIANCE_JOB, "a.csv", VARIANCE + ROWS)
    odd.drop(VARIANCE_JOB, "b.csv", VARIANCE + ROWS.replace("SKU,B,7", "SKU,C,7"))
    odd.habits.hangs_up = {("rename", "b.csv")}

    account = odd.run(VARIANCE_JOB)

    assert changes(account)["a.csv"]
    with pytest.raises(AccountOpen, match=r"b\.csv.*the server was lost"):
        account.raise_if_open()
    with sftp_client(sftp_server) as odd.sftp:
        again = odd.run(VARIANCE_JOB)
    again.raise_if_open()
    assert changes(again) == {"b.csv": True}


def changes(account: closing.Account) -> dict[str, bool]:
    """The files of an account, and whether those who hear of changes hear of theirs."""
    return {line.file_name: line.log_id in account.changed_files for line in account.lines}

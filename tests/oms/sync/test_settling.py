"""A call that nobody knows the end of, after its key has died (spec inventory.md 6.6, shopify.md 8.4)."""

import json
import re

import pytest

from fakeshop.testing import TOKEN
from oms import database, locks
from oms.__main__ import main
from oms.sync import settling
from oms.sync.errors import LinesLeft, SettleRefused, ShopBusy
from tests.oms.sync.bench import Bench
from tests.oms.sync.test_answers import ADJUST, opened


@pytest.fixture
def connected(oms: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The connection of the shop is in the environment."""
    connection = {"conn_type": "http", "host": oms.server.base("demo"), "password": TOKEN}
    monkeypatch.setenv("AIRFLOW_CONN_SHOPIFY_DEMO", json.dumps(connection))
    return oms


def unanswered(oms: Bench, *, landed: bool, hours: float = 24, goods: int = 1, mode: str = "DELTA") -> None:
    """A push of -1 to each product whose answer never comes, some time ago."""
    names = [f"P{number:02}" for number in range(goods)]
    opened(oms, dict.fromkeys(names, 10), mode)
    for sku in names:
        oms.move(sku, -1)
    oms.server.fault("lost_answer" if landed else "reset", operation=ADJUST)
    oms.push(mode, may_fail=True, push_seconds=2, retry_pause=5)
    oms.db.execute("update oms.sync_batch set first_sent_at = now() - %s * interval '1 hour'", (hours,))
    assert [batch[1] for batch in oms.batches()] == ["UNKNOWN"]


def changed_by_hand(oms: Bench, sku: str = "P00", delta: int = 3) -> None:
    oms.server.adjust("demo", sku, "Main", delta=delta)


def number_of(oms: Bench) -> str:
    (number,) = oms.db.execute("select batch_id::text from oms.sync_batch order by created_at").fetchone()
    return number


def settle(oms: Bench, *arguments: str) -> int:
    return main(["--dsn", oms.dsn, "settle", *arguments])


def test_a_push_that_cannot_tell_names_the_way_out(oms: Bench):
    unanswered(oms, landed=True)
    changed_by_hand(oms)
    oms.move("P00", +5)

    with pytest.raises(LinesLeft, match="1 batches wait for a person: `python -m oms settle`") as left:
        oms.push("DELTA")

    assert left.value.report.counts()["undecided"] == 1
    assert left.value.report.left_alone == (oms.locations["demo", "Main"],)
    assert oms.applied() == [("P00", -1)], "nothing goes to the location until it is decided"


def test_the_list_says_what_to_look_at(connected: Bench, capsys: pytest.CaptureFixture):
    unanswered(connected, landed=True)
    changed_by_hand(connected)
    connected.push("DELTA", may_fail=True)

    assert settle(connected) == 1

    told = capsys.readouterr().out
    number = number_of(connected)
    place = f"Main ({connected.locations['demo', 'Main']})"
    assert re.search(rf"{re.escape(place)} +P00 +-1 +12 +9 +10  neither", told)
    assert f"gid://oms/SyncBatch/{number}?run=" in told
    assert "adjustment history" in told
    assert f"settle {number} --not-landed" in told
    assert told.endswith("1 batches wait for a person, 0 for the next push\n")


@pytest.mark.parametrize("mode", ["DELTA", "RECENT"])
@pytest.mark.parametrize("landed", [True, False])
def test_a_decision_ends_the_waiting_and_every_change_arrives_once(connected: Bench, landed, mode):
    oms = connected
    unanswered(oms, landed=landed, mode=mode)
    changed_by_hand(oms)
    oms.push(mode, may_fail=True)
    decision = "--landed" if landed else "--not-landed"

    assert settle(oms, number_of(oms), decision, "--reason", "seen in the history") == 0

    assert oms.lines() == [("P00", -1, "APPLIED" if landed else "REJECTED")]
    (code, message) = oms.db.execute("select error_code, error_message from oms.sync_batch").fetchone()
    assert code == ("LANDED" if landed else "NOT_LANDED")
    assert message.endswith(": seen in the history")
    oms.move("P00", +5)
    report = oms.push(mode)
    assert (report.left, report.left_alone) == (0, ())
    # DELTA leaves a change by hand to the hard sync, RECENT takes it back
    assert oms.available("P00") == (17 if mode == "DELTA" else 14)
    assert oms.book("P00") == oms.online("P00") == 14
    assert settle(oms) == 0


def test_a_dry_run_decides_nothing(connected: Bench, capsys: pytest.CaptureFixture):
    unanswered(connected, landed=True)
    changed_by_hand(connected)

    assert settle(connected, number_of(connected), "--landed", "--dry-run") == 0

    assert "would be decided: landed; 1 lines are APPLIED and stay in the books" in capsys.readouterr().out
    assert connected.batches()[0][1] == "UNKNOWN"


def test_a_key_that_still_lives_is_no_persons_to_decide(connected: Bench, capsys: pytest.CaptureFixture):
    unanswered(connected, landed=True, hours=22)

    assert settle(connected) == 0
    assert "the next push asks Shopify" in capsys.readouterr().out
    assert settle(connected, number_of(connected), "--not-landed") == 1
    assert "its key is trusted until" in capsys.readouterr().err
    connected.push("DELTA")
    assert connected.lines() == [("P00", -1, "APPLIED")]


def test_only_a_call_without_an_answer_can_be_decided(connected: Bench, capsys: pytest.CaptureFixture):
    unanswered(connected, landed=True)
    connected.push("DELTA")

    assert settle(connected, number_of(connected), "--not-landed") == 1
    assert "is APPLIED: there is nothing to decide" in capsys.readouterr().err
    assert settle(connected, "00000000-0000-0000-0000-000000000000", "--landed") == 1
    assert "there is no batch" in capsys.readouterr().err
    assert settle(connected, "--landed") == 2


def test_without_the_connection_the_list_has_no_figures(oms: Bench, capsys: pytest.CaptureFixture):
    unanswered(oms, landed=True)

    assert settle(oms, "--shop", "demo") == 1

    told = capsys.readouterr()
    assert "AIRFLOW_CONN_SHOPIFY_DEMO is not set" in told.err
    assert re.search(r"P00 +-1 +\? +\? +\?  \?", told.out)


def test_a_shop_that_does_not_answer_hides_nothing(oms: Bench, monkeypatch, capsys: pytest.CaptureFixture):
    unanswered(oms, landed=True)
    monkeypatch.setenv(
        "AIRFLOW_CONN_SHOPIFY_DEMO", f"http://:wrong@{oms.server.base('demo')[7:].split('/')[0]}"
    )

    assert settle(oms) == 1

    told = capsys.readouterr()
    assert "shop demo cannot be read" in told.err
    assert "P00" in told.out


def test_a_decision_waits_for_a_push_at_work(oms: Bench):
    unanswered(oms, landed=True)
    lock = locks.LOCATION.of("demo", oms.locations["demo", "Main"])
    locks.take(oms.db, lock)
    (open_batch,) = settling.open_batches(oms.db)
    batch = open_batch.batch_id

    with (
        database.connect(oms.dsn, autocommit=True) as other,
        pytest.raises(ShopBusy, match="try again when it has ended"),
    ):
        settling.settle(other, batch, landed=True, by="ana", wait_seconds=0.2)

    assert oms.batches()[0][1] == "UNKNOWN"
    locks.give_back(oms.db, lock)
    settling.settle(oms.db, batch, landed=True, by="ana")
    with pytest.raises(SettleRefused, match="is APPLIED"):
        settling.settle(oms.db, batch, landed=False, by="bo")


@pytest.mark.parametrize("landed", [True, False])
def test_one_level_that_says_the_opposite_does_not_outweigh_ten(oms: Bench, landed):
    """All lines of a batch are applied or none: ten levels tell, the other one was changed by somebody."""
    unanswered(oms, landed=landed, goods=11)
    changed_by_hand(oms, delta=+1 if landed else -1)

    report = oms.push("DELTA")

    assert report.left_alone == ()
    assert oms.applied() == [(f"P{number:02}", -1) for number in range(11)]
    assert oms.available("P01") == 9
    assert oms.available("P00") == (10 if landed else 8)


def test_levels_that_contradict_each_other_are_left_to_a_person(oms: Bench):
    unanswered(oms, landed=True, goods=6)
    changed_by_hand(oms, delta=+1)

    report = oms.push("DELTA", may_fail=True)

    assert (report.undecided, report.left) == (1, 6)
    assert len(oms.applied()) == 6

"""kill -9 while a person's word on a batch is stored: said again, it counts once."""

import pytest

from oms.__main__ import main
from oms.sync import settling
from tests.faults.killing import killed_at
from tests.oms.sync.bench import Bench
from tests.oms.sync.conftest import oms  # noqa: F401 - a fixture
from tests.oms.sync.test_settling import changed_by_hand, number_of, settle, unanswered

POINTS = [settling.DECIDED]


@pytest.mark.parametrize("landed", [True, False])
def test_a_decision_killed_before_its_commit_is_taken_again(oms: Bench, landed: bool):
    unanswered(oms, landed=landed)
    changed_by_hand(oms)
    decision = [number_of(oms), "--landed" if landed else "--not-landed"]

    killed_at(settling.DECIDED, main, ["--dsn", oms.dsn, "settle", *decision])
    assert oms.batches()[0][1] == "UNKNOWN"
    assert settle(oms, *decision) == 0

    oms.push("DELTA")
    assert oms.applied() == [("P00", -1)]
    assert oms.book("P00") == oms.online("P00") == 9

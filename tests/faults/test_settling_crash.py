"""kill -9 while a person's word on a batch is stored: said again, it counts once."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakeshop.testing import ShopServer, running_shop
from oms.sync import settling
from tests.oms.sync.bench import Bench, bench
from tests.oms.sync.test_settling import changed_by_hand, number_of, settle, unanswered

POINTS = [settling.DECIDED]


@pytest.fixture(scope="module")
def shop_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopServer]:
    with running_shop(tmp_path_factory.mktemp("fakeshop")) as server:
        yield server


@pytest.fixture
def oms(shop_server: ShopServer, oms_dsn: str) -> Iterator[Bench]:
    with bench(shop_server, oms_dsn) as made:
        yield made


@pytest.mark.parametrize("landed", [True, False])
def test_a_decision_killed_before_its_commit_is_taken_again(oms: Bench, landed: bool):
    unanswered(oms, landed=landed)
    changed_by_hand(oms)
    decision = [number_of(oms), "--landed" if landed else "--not-landed"]

    killed = subprocess.run(
        [sys.executable, "-m", "oms", "--dsn", oms.dsn, "settle", *decision],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMS_CRASH_AT": settling.DECIDED},
        cwd=Path(__file__).parent.parent.parent,
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert oms.batches()[0][1] == "UNKNOWN"
    assert settle(oms, *decision) == 0

    oms.push("DELTA")
    assert oms.applied() == [("P00", -1)]
    assert oms.book("P00") == oms.online("P00") == 9

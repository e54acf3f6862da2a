"""kill -9 while a shipment is received: the receipt is there as a whole or not at all, and comes again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from oms import crashpoints
from oms.inventory import receiving  # noqa: F401 - it registers its points
from tests.oms.inventory.test_receiving import shipment, stock
from tests.oms.world import World

PROJECT = Path(__file__).parent.parent.parent
POINTS = [name for name in crashpoints.POINTS if name.startswith("receive.")]


def receive(dsn: str, crash_at: str = "") -> int:
    return subprocess.run(
        [sys.executable, "-m", "oms", "--dsn", dsn, "receive", "INBOUND-1"],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(PROJECT / "include"), "OMS_CRASH_AT": crash_at},
        capture_output=True,
        timeout=60,
        check=False,
    ).returncode


@pytest.mark.parametrize("point", POINTS)
def test_a_receipt(oms_dsn: str, point: str):
    with psycopg.connect(oms_dsn, autocommit=True) as db:
        shipment(World(db), {"A": 5, "B": 2}, external_id="INBOUND-1")
        assert receive(oms_dsn, point) == -signal.SIGKILL
        assert stock(db) == {}

        assert receive(oms_dsn) == 0

        assert stock(db) == {("A", "TLTLTLLL01"): (5, 5), ("B", "TLTLTLLL01"): (2, 2)}
        assert db.execute("select status from oms.shipment").fetchall() == [("RECEIVED",)]

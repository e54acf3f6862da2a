"""kill -9 while kits are computed: all of them change, or none, and the next run goes on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from oms.inventory import kits
from tests.oms.inventory.test_kits import balances, compute, define, known, stock
from tests.oms.world import World

POINTS = [kits.COMPUTED, kits.DONE]

COMPUTE = """
import sys, psycopg
from oms.inventory import kits

with psycopg.connect(sys.argv[1], autocommit=True) as conn:
    kits.compute_kits(conn, "killed")
"""


@pytest.mark.parametrize("point", POINTS)
def test_a_computation(oms_dsn: str, point: str):
    with psycopg.connect(oms_dsn, autocommit=True) as conn:
        world = World(conn)
        known(world, "B", "W", "K")
        define(world, "K,B,1", "K,W,2")
        stock(world, "B", WH=4, STORE=1)
        stock(world, "W", WH=5, STORE=9)
        killed = subprocess.run(
            [sys.executable, "-c", COMPUTE, oms_dsn],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMS_CRASH_AT": point},
            cwd=Path(__file__).parent.parent.parent,
            capture_output=True,
            timeout=60,
        )
        assert killed.returncode == -signal.SIGKILL
        assert balances(world, "K") == ({} if point == kits.COMPUTED else {"WH": (2, 2), "STORE": (1, 1)})

        compute(world)

        assert balances(world, "K") == {"WH": (2, 2), "STORE": (1, 1)}

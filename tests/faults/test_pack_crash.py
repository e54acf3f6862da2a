"""kill -9 while an order is packed or shipped: the repeated request finds it done, once."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from oms.fulfillment import packing
from tests.oms.fulfillment.conftest import open_store
from tests.oms.world import World

POINTS = [packing.PACKED, packing.SHIPPED]

PACK_AND_SHIP = """
import sys, psycopg
from oms.fulfillment import packing

with psycopg.connect(sys.argv[1], autocommit=True) as conn:
    packing.ship(conn, packing.pack(conn, int(sys.argv[2]), "TOKYO", key="request"))
"""


@pytest.mark.parametrize("deplete", [True, False])
@pytest.mark.parametrize("point", POINTS)
def test_packing_and_shipping(oms_dsn: str, point: str, deplete: bool):
    with psycopg.connect(oms_dsn, autocommit=True) as conn:
        store = open_store(World(conn))
        conn.execute("update oms.facility set deplete_on_pack = %s where facility_id = 'TOKYO'", (deplete,))
        store.stock("A", 10)
        order = store.order(("A", 2))
        killed = subprocess.run(
            [sys.executable, "-c", PACK_AND_SHIP, oms_dsn, str(order)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMS_CRASH_AT": point},
            cwd=Path(__file__).parent.parent.parent,
            capture_output=True,
            timeout=60,
        )
        assert killed.returncode == -signal.SIGKILL

        packing.ship(conn, packing.pack(conn, order, "TOKYO", key="request"))

        assert store.position("A") == (8, 8)
        assert conn.execute("select status from oms.shipment").fetchall() == [("SHIPPED",)]
        assert store.reservations() == 0

"""kill -9 while an order is packed or shipped: the repeated request finds it done, once."""

import psycopg
import pytest

from oms.fulfillment import packing
from tests.faults.killing import killed_at
from tests.oms.fulfillment.conftest import open_store
from tests.oms.world import World

POINTS = [packing.PACKED, packing.SHIPPED]


def pack_and_ship(dsn: str, order: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        packing.ship(conn, packing.pack(conn, order, "TOKYO", key="request"))


@pytest.mark.parametrize("deplete", [True, False])
@pytest.mark.parametrize("point", POINTS)
def test_packing_and_shipping(oms_dsn: str, point: str, deplete: bool):
    with psycopg.connect(oms_dsn, autocommit=True) as conn:
        store = open_store(World(conn))
        conn.execute("update oms.facility set deplete_on_pack = %s where facility_id = 'TOKYO'", (deplete,))
        store.stock("A", 10)
        order = store.order(("A", 2))
        killed_at(point, pack_and_ship, oms_dsn, order)

        packing.ship(conn, packing.pack(conn, order, "TOKYO", key="request"))

        assert store.position("A") == (8, 8)
        assert conn.execute("select status from oms.shipment").fetchall() == [("SHIPPED",)]
        assert store.reservations() == 0

"""kill -9 while kits are computed: all of them change, or none, and the next run goes on."""

import psycopg
import pytest

from oms.inventory import kits
from tests.faults.killing import killed_at
from tests.oms.inventory.test_kits import balances, compute, define, known, stock
from tests.oms.world import World

POINTS = [kits.COMPUTED, kits.DONE]


def compute_in(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        kits.compute_kits(conn, "killed")


@pytest.mark.parametrize("point", POINTS)
def test_a_computation(oms_dsn: str, point: str):
    with psycopg.connect(oms_dsn, autocommit=True) as conn:
        world = World(conn)
        known(world, "B", "W", "K")
        define(world, "K,B,1", "K,W,2")
        stock(world, "B", WH=4, STORE=1)
        stock(world, "W", WH=5, STORE=9)
        killed_at(point, compute_in, oms_dsn)
        assert balances(world, "K") == ({} if point == kits.COMPUTED else {"WH": (2, 2), "STORE": (1, 1)})

        compute(world)

        assert balances(world, "K") == {"WH": (2, 2), "STORE": (1, 1)}

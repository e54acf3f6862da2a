"""Runs of the DAGs that take Shopify's levels in, with a real database and the local shop."""

from collections.abc import Callable

from tests.dags.conftest import states
from tests.oms.from_shop.side import Side
from tests.oms.sync.bench import Bench


def test_webhooks_on_levels_are_worked_off(oms: Bench, run: Callable):
    oms.world.facility("S1")
    side = Side(oms)
    side.open_shop({"P": 7}, locations={"Store": ["S1"]})
    number = side.event("P", 7, "2026-11-03T10:00:00Z")

    done = run("receive_inventory_level_webhooks")

    assert (str(done.state), states(done)) == ("success", {"work": ["success"]})
    assert side.position("P") == (7, 7)
    assert side.inbox() == {number: "DONE"}

"""Runs of the DAGs that take Shopify's levels in, with a real database and the local shop."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dags.conftest import states
from tests.dags.test_runs import rings_of
from tests.oms.stock_pulls.side import HEADER, Side
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


def test_levels_of_the_shops_that_own_their_stock_are_taken_over(oms: Bench, run: Callable):
    oms.world.facility("S1")
    side = Side(oms)
    side.open_shop({"P": {"levels": {"Store": 7}}}, locations={"Store": ["S1"]})
    side.open_shop({"P": {"levels": {"Store": 3}}}, "other", master="OMS", locations={"Store": ["S1"]})

    done = run("sync_inventory_from_shopify")

    assert (str(done.state), states(done)) == ("success", {"choose_shops": ["success"], "pull": ["success"]})
    assert side.position("P") == (7, 7)


def test_inv_33_a_shop_of_ours_fails_the_run(oms: Bench, run: Callable):
    oms.world.facility("S1")
    side = Side(oms)
    side.open_shop({"P": {"levels": {"Store": 3}}}, "other", master="OMS", locations={"Store": ["S1"]})

    done = run("sync_inventory_from_shopify", {"shopId": "other"})

    assert (str(done.state), states(done)["pull"]) == ("failed", ["failed"])
    assert side.position("P") is None


def test_a_file_of_levels_is_taken_over(oms: Bench, run: Callable, sftp_root: Path):
    oms.world.facility("S1")
    side = Side(oms)
    side.open_shop({"P": {"levels": {"Store": 7}}}, locations={"Store": ["S1"]})
    folder = sftp_root / "shopify/inventory_levels/incoming"
    folder.mkdir(parents=True)
    (folder / "levels.csv").write_text(HEADER + side.line("P", 9, "2026-11-03T10:00:00Z"))

    done = run("sync_inventory_from_shopify_multi_threading")

    assert str(done.state) == "success"
    assert side.position("P") == (9, 9)


@pytest.mark.parametrize(("mode", "rung"), [("DELTA", ["inventory_reset"]), ("RECENT", [])])
def test_locations_in_delta_mode_beside_it_hear_of_the_new_balances(
    oms: Bench, run: Callable, mode: str, rung: list[str]
):
    """They hold resets back (6.5): the hard sync that the bell starts sends the new figures at once."""
    oms.world.facility("S1")
    side = Side(oms)
    side.open_shop({"P": {"levels": {"Store": 7}}}, locations={"Store": ["S1"]})
    more = {"locations": {"Store": ["S1"]}, "mode": mode}
    side.open_shop({"P": {"levels": {"Store": 3}}}, "other", master="OMS", **more)

    assert rings_of(run("sync_inventory_from_shopify")) == rung
    assert rings_of(run("sync_inventory_from_shopify")) == [], "nothing has changed since"


def test_webhooks_ring_for_the_hard_sync_of_a_shop_in_delta_mode(oms: Bench, run: Callable):
    oms.world.facility("S1")
    side = Side(oms)
    side.open_shop({"P": {"levels": {"Store": 7}}}, locations={"Store": ["S1"]})
    more = {"locations": {"Store": ["S1"]}, "mode": "DELTA"}
    side.open_shop({"P": {"levels": {"Store": 0}}}, "other", master="OMS", **more)
    side.stand("P", 1, 1)
    oms.push("HARD", "other")
    side.event("P", 7, "2026-11-03T10:00:00Z")

    assert rings_of(run("receive_inventory_level_webhooks")) == ["inventory_reset"]
    assert rings_of(run("receive_inventory_level_webhooks")) == []

"""One run of every DAG from its first task to its last, with a real database, SFTP server and shop."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.utils.types import DagRunType

from oms import catalog
from oms_airflow.job_dags import served_modes
from tests.dags.conftest import states
from tests.oms.sync.bench import Bench


@pytest.mark.parametrize(
    ("dag_id", "mode"), [("upload_recent_inventory_changes", "RECENT"), ("upload_inventory", "RECENT")]
)
def test_a_push_brings_the_figures_to_the_shop(oms: Bench, run: Callable, dag_id: str, mode: str):
    oms.open_shop("demo", {"A": 100, "B": 50}, mode=mode)
    oms.move("A", 95)
    oms.move("B", 50)

    done = run(dag_id)

    assert done.state == "success"
    assert states(done) == {"choose_shops": ["success"], "push": ["success"]}
    assert oms.server.available("demo") == {("A", "Main"): 95, ("B", "Main"): 50}
    assert oms.applied() == [("A", -5)]


def test_deltas_go_to_a_location_after_its_first_hard_sync(oms: Bench, run: Callable):
    oms.open_shop("demo", {"A": 5}, mode="DELTA")
    oms.move("A", 5)
    assert run("upload_inventory").state == "success"
    oms.server.place_order("demo", {"sku": "A", "quantity": 4})
    oms.move("A", -1, reason="VAR_DAMAGED")

    assert run("push_inventory_deltas").state == "success"

    assert oms.available("A") == 0, "5 - 4 sold in the shop - 1 damaged"


def test_each_shop_is_pushed_on_its_own(oms: Bench, run: Callable, monkeypatch: pytest.MonkeyPatch):
    oms.open_shop("demo", {"A": 1})
    oms.open_shop("other", {"B": 1})
    oms.db.execute("update oms.shop set connection_id = 'shopify_nobody_set' where shop_id = 'demo'")
    oms.move("A", 3)
    oms.move("B", 4)

    done = run("upload_recent_inventory_changes")

    assert states(done)["push"] == ["failed", "success"]
    assert done.state == "failed"
    assert (oms.available("A"), oms.available("B", shop="other")) == (1, 4)


def test_a_shop_without_locations_of_the_mode_is_not_asked(oms: Bench):
    from oms import shops

    oms.open_shop("demo", {"A": 1}, mode="RECENT")
    oms.open_shop("other", {"B": 1}, mode="DELTA")

    assert shops.to_serve(oms.db, None, ["DELTA"]) == ["other"]
    assert shops.to_serve(oms.db, None, ["RECENT", "DELTA"]) == ["demo", "other"]
    assert shops.to_serve(oms.db, "demo", ["DELTA"]) == ["demo"]
    oms.db.execute("update oms.shop set push_enabled = false where shop_id = 'other'")
    assert shops.to_serve(oms.db, None, ["DELTA"]) == []


def test_an_unknown_shop_fails_the_run_before_any_push(oms: Bench, run: Callable):
    oms.open_shop("demo", {"A": 1})
    oms.move("A", 3)

    done = run("upload_inventory", {"shopId": ["demo", "atlantis"]})

    assert done.state == "failed"
    assert states(done)["choose_shops"] == ["failed"]
    assert oms.available("A") == 1


def test_an_unknown_parameter_fails_the_run_before_any_push(oms: Bench, run: Callable):
    oms.open_shop("demo", {"A": 1})
    oms.move("A", 3)

    done = run("upload_inventory", {"facility": "WH"})

    assert done.state == "failed"
    assert oms.available("A") == 1


def test_a_dry_run_sends_nothing(oms: Bench, run: Callable):
    oms.open_shop("demo", {"A": 1})
    oms.move("A", 3)

    done = run("upload_inventory", {"dryRun": True})

    assert done.state == "success"
    assert (oms.available("A"), oms.lines()) == (1, [])


@pytest.mark.parametrize(
    ("dag_id", "run_type", "modes"),
    [
        ("upload_recent_inventory_changes", DagRunType.SCHEDULED, ["RECENT"]),
        ("upload_recent_inventory_changes", DagRunType.ASSET_TRIGGERED, ["RECENT"]),
        ("upload_recent_inventory_changes", DagRunType.OPERATOR_TRIGGERED, ["RECENT"]),
        ("upload_recent_inventory_changes", DagRunType.MANUAL, ["RECENT", "DELTA"]),
        ("push_inventory_deltas", DagRunType.SCHEDULED, ["DELTA"]),
        ("push_inventory_deltas", DagRunType.MANUAL, ["RECENT", "DELTA"]),
        ("upload_inventory", DagRunType.SCHEDULED, ["RECENT", "DELTA"]),
        ("upload_inventory", DagRunType.ASSET_TRIGGERED, ["DELTA"]),
    ],
)
def test_clock_and_bell_serve_the_locations_of_the_job_s_mode(dag_id: str, run_type: str, modes: list[str]):
    context: Any = {"dag_run": SimpleNamespace(run_type=run_type)}

    assert served_modes(catalog.JOBS[dag_id], context) == modes

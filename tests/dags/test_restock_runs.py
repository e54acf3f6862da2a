"""Runs of the DAGs that prepare and carry out restocks, with a real database, SFTP server and local shop."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from sqlalchemy import select

from tests.dags.conftest import states
from tests.oms.restock.yard import HEADER, R1, Yard
from tests.oms.sync.bench import Bench


def own_runs() -> dict[str, Any]:
    """The runs that the job has started for single restocks, with their parameters."""
    with create_session() as session:
        found = session.scalars(select(DagRun).where(DagRun.dag_id == "scheduled_restock"))
        return {one.run_id: one.conf for one in found if one.run_type == "operator_triggered"}


@pytest.fixture
def open_yard(oms: Bench) -> Yard:
    made = Yard(oms)
    made.open("X", "Y", "Z")
    return made


def test_a_file_becomes_a_restock_that_is_carried_out_when_it_is_due(
    open_yard: Yard, run: Callable, sftp_root: Path
):
    folder = sftp_root / "restock/incoming"
    folder.mkdir(parents=True)
    (folder / "january.csv").write_text(HEADER + R1)

    prepared = run("schedule_restock")
    early = run("scheduled_restock")
    open_yard.due()
    asked = run("scheduled_restock")
    started = own_runs()

    assert [str(one.state) for one in (prepared, early, asked)] == ["success"] * 3
    assert states(early) == {"work": ["success"], "start_runs": ["skipped"]}
    assert states(asked) == {"work": ["success"], "start_runs": ["success"]}
    ((run_id, conf),) = started.items()
    (shipment,) = open_yard.db.execute("select shipment_id from oms.scheduled_restock").fetchone()
    assert run_id.startswith(f"restock_{shipment}_")
    assert conf == {"shipmentId": str(shipment), "limit": 100}

    assert str(run("scheduled_restock", conf).state) == "success"
    assert open_yard.shown("X", "Y", "Z") == [110, 50, 20]


def test_a_restock_in_the_past_fails_the_run_once(open_yard: Yard, run: Callable):
    shipment = open_yard.prepared()

    done = run(
        "schedule_restock",
        {"action": "reschedule", "shipmentId": str(shipment), "runTime": "2020-01-01 09:00"},
    )

    assert str(done.state) == "failed"
    assert open_yard.status(shipment) == "PENDING"


def test_a_shipment_is_carried_out_by_hand(open_yard: Yard, run: Callable):
    shipment = open_yard.prepared()

    assert str(run("scheduled_restock", {"shipmentId": shipment}).state) == "success"

    assert open_yard.status(shipment) == "DONE"

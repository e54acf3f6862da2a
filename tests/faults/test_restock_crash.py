"""kill -9 at every point of a restock: the next run goes on, and it is received and shown once."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from oms import crashpoints
from oms.restock import preparing, running, scheduling
from tests.faults.test_stock_pull_crash import crash
from tests.oms.imports.conftest import sftp_client
from tests.oms.restock.conftest import yard  # noqa: F401 - a fixture
from tests.oms.restock.yard import HEADER, R1, Yard

POINTS = [name for name in crashpoints.POINTS if name.startswith("restock.")]
ON_THE_WAY = [
    "plan.locked",
    "receive.written",
    "plan.stored",
    "push.marked_sent",
    "push.answered",
    "settle.stored",
    running.SENT,
]


@pytest.mark.parametrize("point", [None, *ON_THE_WAY])
def test_inv_32_a_restock(yard: Yard, point: str | None):
    yard.open("X", "Y", "Z")
    shipment = yard.prepared()
    yard.due()
    (own,) = yard.tick(limit=2)

    if point is not None:
        crash(yard.oms, point, "scheduled_restock", own["conf"])
    yard.tick("operator_triggered", **own["conf"])

    assert yard.stock("X", "Y", "Z") == [(110, 110), (50, 50), (20, 20)]
    assert yard.shown("X", "Y", "Z") == [110, 50, 20]
    assert Counter(yard.oms.applied()) == Counter([("X", 100), ("Y", 40), ("Z", 10)])
    assert yard.status(shipment) == "DONE"
    assert yard.oms.push("DELTA").planned == 0


def test_a_file_of_restocks(yard: Yard, sftp_server: Any, sftp_root: Path):
    yard.open("X", "Y", "Z")
    folder = sftp_root / "restock/incoming"
    folder.mkdir(parents=True)
    (folder / "january.csv").write_text(HEADER + R1)

    crash(yard.oms, scheduling.PREPARED, "schedule_restock", {"settleSeconds": 0}, sftp_server)
    assert (folder / "january.csv").exists()
    yard.db.execute("update oms.scheduled_restock set source_key = source_key || ', of another day'")
    told = yard.schedule(lambda resource: sftp_client(sftp_server), settleSeconds=0)

    assert (told["new"], told["units"]) == (0, 150)
    assert [path.name for path in folder.iterdir()] == ["archive"]
    assert len(preparing.listed(yard.db)) == 1
    assert yard.db.execute("select file_key from oms.scheduled_restock").fetchone() == (None,)

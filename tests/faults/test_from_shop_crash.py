"""kill -9 at every point of what takes Shopify's levels in: the next run goes on, and the end is the same."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from oms import crashpoints
from oms.from_shop import webhooks  # noqa: F401 - registers the points
from tests.oms.from_shop.conftest import shop_server, side  # noqa: F401 - fixtures
from tests.oms.from_shop.side import Side

PROJECT = Path(__file__).parent.parent.parent
WEBHOOKS = [name for name in crashpoints.POINTS if name.startswith("webhooks.")]
POINTS = [*WEBHOOKS]


def crash(side: Side, point: str, dag_id: str, **params: Any) -> None:  # noqa: F811
    """Run a job that is killed at the point; it must get there."""
    base_url = side.oms.server.base("demo")
    given = {"dsn": side.oms.dsn, "base_url": base_url, "dag_id": dag_id, "params": params}
    ended = subprocess.run(
        [sys.executable, "-m", "tests.faults.job_process", json.dumps(given)],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": f"{PROJECT / 'include'}:{PROJECT}", "OMS_CRASH_AT": point},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, f"{point} was not reached: {ended.stderr[-2000:]}"


@pytest.mark.parametrize("point", [None, *WEBHOOKS])
def test_webhooks_on_levels(side: Side, point: str | None):  # noqa: F811
    side.open_shop({"P": 7, "Q": 3})
    side.stand("P", 6, 5)
    for number in range(3):
        side.event("P", 7 - number, f"2026-11-03T10:00:0{number}Z")
    side.event("Q", 2, "2026-11-03T10:00:00Z")

    if point is not None:
        crash(side, point, "receive_inventory_level_webhooks", limit=2)
    side.receive(limit=2)

    assert (side.position("P"), side.position("Q")) == ((6, 5), (2, 2))
    assert sorted(side.inbox().values()) == ["DONE", "DONE", "DONE", "STALE"]
    rows = (
        "select qoh_diff, atp_diff from oms.inventory_ledger where source_key like 'webhook:%' order by 1, 2"
    )
    assert side.db.execute(rows).fetchall() == [(-1, -1), (1, 1), (2, 2)]

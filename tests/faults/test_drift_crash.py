"""kill -9 at every point of a drift report: the next run makes a whole one and repairs once."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakeshop.testing import TOKEN
from oms.drift import report
from tests.oms.drift.conftest import work_of
from tests.oms.sync.bench import Bench
from tests.oms.sync.conftest import oms  # noqa: F401 - a fixture

POINTS = [report.COMPARED, report.STORED, report.EXPORTED, report.ASKED]

RECONCILE = """
import json, sys
from pathlib import Path
from oms import catalog, database, parameters
from oms.drift.report import report_all
from oms.shopify.client import ShopifyClient
from oms.work import Work
from sandbox.sftp import Server
from tests.oms.imports.conftest import sftp_client

given = json.loads(sys.argv[1])
server = Server(Path(given["home"]), given["port"])

def connect():
    return database.connect(given["dsn"], autocommit=True)

report_all(Work(
    conn=connect(),
    params=parameters.resolve(catalog.RECONCILE_INVENTORY, {"repair": True}),
    run_name="killed",
    open_oms_db=connect,
    open_sftp=lambda _: sftp_client(server),
    open_shop=lambda _: ShopifyClient(given["base_url"], given["token"]),
))
"""


@pytest.mark.parametrize("point", POINTS)
def test_the_next_report_is_whole_and_repairs_once(
    oms: Bench,  # noqa: F811
    sftp_server: Any,
    sftp_root: Path,
    point: str,
):
    oms.open_shop("demo", {"A": 5, "B": 5})
    oms.move("A", 5)
    oms.move("B", 5)
    oms.push("HARD")
    oms.server.adjust("demo", "A", "Main", delta=4)
    given = {
        "dsn": oms.dsn,
        "home": str(sftp_server.home),
        "port": sftp_server.port,
        "base_url": oms.server.base("demo"),
        "token": TOKEN,
    }
    ended = subprocess.run(
        [sys.executable, "-c", RECONCILE, json.dumps(given)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMS_CRASH_AT": point},
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, f"{point} was not reached: {ended.stderr[-2000:]}"

    found = report.report_all(work_of(oms, sftp_server, repair=True))

    assert found == {"demo": {"PUSH_PENDING" if point == report.ASKED else "OTHER_WRITER": 1}}
    assert oms.applied() == [("A", -4)]
    statuses = oms.db.execute("select status, csv_file from oms.drift_report order by report_id").fetchall()
    assert statuses[0][0] == ("ABANDONED" if point == report.COMPARED else "FINISHED")
    assert statuses[1][0] == "FINISHED"
    assert (sftp_root / statuses[1][1]).is_file()
    assert not list(sftp_root.rglob("*.part"))
